//! What happens when an answer can't be used.

use std::sync::Arc;

use dictum_core::adapter::JsonAdapter;
use dictum_core::lm::{Budget, LmErrorKind};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Purpose, Repair};
use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::{Constraints, Type};
use dictum_core::{Error, record};
use serde_json::json;

use crate::support::{cut_off, script};

fn program() -> Predict {
    let most = Constraints {
        max: Some(5.into()),
        ..Constraints::default()
    };
    let fields = [
        FieldSpec::input("text", Type::str()),
        FieldSpec::output("label", Type::str()),
        FieldSpec::output("score", Type::int().with_constraints(most)),
    ];
    Predict::from_spec(SignatureSpec::new("", None, fields).unwrap())
}

const BROKEN: &str = "[[ ## label ## ]]\ngood\n\n[[ ## score ## ]]\n9\n\n[[ ## completed ## ]]";

#[tokio::test]
async fn only_the_failing_field_is_asked_for_again_with_what_was_wrong() {
    let model = script(&[BROKEN, "[[ ## score ## ]]\n4\n\n[[ ## completed ## ]]"]);
    let ctx = Context::new(model.lm());
    let out = program().call(&ctx, record! { text: "x" }).await.unwrap();
    assert_eq!(out, record! { label: "good", score: 4 });
    let asked = model.requests();
    assert_eq!(asked.len(), 2);
    // The shared head of the prompt is the same object: providers and the local engine keep it.
    assert!(Arc::ptr_eq(&asked[0].prefix, &asked[1].prefix));
    let question = asked[1].turns.last().unwrap().to_text();
    assert!(question.contains("must be at most 5, found 9"), "{question}");
    assert!(
        question.contains("[[ ## score ## ]]") && !question.contains("[[ ## label ## ]]"),
        "{question}"
    );
    assert_eq!(asked[1].turns[asked[1].turns.len() - 2].to_text(), BROKEN);
    let steps = ctx.trace().steps();
    let purposes: Vec<Purpose> = steps[0].calls.iter().map(|call| call.purpose).collect();
    assert_eq!(purposes, [Purpose::Ask, Purpose::Reask]);
}

#[tokio::test]
async fn asking_again_stops_at_its_limit_and_the_error_says_all() {
    let model = script(&[BROKEN, BROKEN, BROKEN]);
    let ctx = Context::new(model.lm()).with_repair(Repair::Reask(2));
    let error = program().call(&ctx, record! { text: "x" }).await.unwrap_err();
    assert_eq!(model.requests().len(), 3);
    let Error::Answer(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.fields.get("label"), Some(&json!("good")));
    assert_eq!(error.failures.len(), 1);
    assert!(
        error.to_string().contains("must be at most 5, found 9"),
        "{error}"
    );
}

#[tokio::test]
async fn off_means_one_call() {
    let model = script(&[BROKEN, BROKEN]);
    let ctx = Context::new(model.lm()).with_repair(Repair::Off);
    program().call(&ctx, record! { text: "x" }).await.unwrap_err();
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn another_adapter_makes_the_whole_call_again() {
    let model = script(&["no idea", r#"{"label": "bad", "score": 1}"#]);
    let fallback = Repair::Fallback(Arc::new(JsonAdapter::default()));
    let ctx = Context::new(model.lm()).with_repair(fallback);
    let out = program().call(&ctx, record! { text: "x" }).await.unwrap();
    assert_eq!(out, record! { label: "bad", score: 1 });
    assert!(
        model.requests()[1]
            .messages()
            .next()
            .unwrap()
            .to_text()
            .contains("JSON")
    );
}

#[tokio::test]
async fn an_answer_cut_off_is_not_asked_for_again() {
    let model = cut_off("[[ ## label ## ]]\ngood and very");
    let error = program()
        .call(&Context::new(model.lm()), record! { text: "x" })
        .await
        .unwrap_err();
    assert_eq!(model.requests().len(), 1);
    assert!(error.to_string().contains("max_tokens"), "{error}");
}

#[tokio::test]
async fn repairs_count_against_the_budget() {
    let model = script(&[BROKEN, BROKEN]);
    let ctx = Context::new(model.lm()).with_budget(Budget::calls(1));
    let error = program().call(&ctx, record! { text: "x" }).await.unwrap_err();
    let Error::Lm(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind(), LmErrorKind::Budget);
    assert_eq!(model.requests().len(), 1);
    assert_eq!(ctx.meter().unwrap().spent().calls, 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_shown_once() {
    let several = "[[ ## label ## ]]\ngood\n\n[[ ## score ## ]]\nScore: 8/10\n\n[[ ## completed ## ]]";
    for (name, text) in [("one_line", "about 8/10"), ("several_lines", several)] {
        let program = match name {
            "one_line" => Predict::parse("text -> score: int").unwrap(),
            _ => program(),
        };
        let ctx = Context::new(script(&[text]).lm()).with_repair(Repair::Off);
        let error = program.call(&ctx, record! { text: "x" }).await.unwrap_err();
        insta::assert_snapshot!(format!("answer_error_{name}"), error);
        insta::assert_snapshot!(
            format!("answer_error_{name}_with_its_place"),
            format!("{error:#}")
        );
        // Lists and tables put errors on one line, where a caret points at nothing.
        assert!(!error.to_string().contains('^'), "{error}");
        assert_eq!(
            format!("{error:#}").matches("8/10").count(),
            1 + usize::from(name != "one_line") + 1,
            "{error:#}"
        );
    }
}
