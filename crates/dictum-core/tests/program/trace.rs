//! Overlays, paths, traces and bad inputs.

use dictum_core::modules::{ChainOfThought, Predict};
use dictum_core::program::{Context, Demo, DynModule, Overlay, PredictorState, Trace, predictors};
use dictum_core::record;

use crate::support::{script, transcript};

const ANSWER: &str = "[[ ## reasoning ## ]]\nbecause\n\n[[ ## b ## ]]\nyes\n\n[[ ## completed ## ]]";

#[tokio::test]
async fn an_overlay_changes_the_call_and_not_the_program() {
    let model = script(&[ANSWER, ANSWER]);
    let ctx = Context::new(model.lm());
    let program = ChainOfThought::parse("a -> b").unwrap();
    assert_eq!(predictors(&program)[0].0, "predict");
    let state = PredictorState {
        instructions: Some("Answer like a pirate.".into()),
        demos: vec![Demo::labeled(record! { a: "one", reasoning: "two", b: "three" })],
        ..PredictorState::default()
    };
    let candidate = ctx
        .with_overlay(&program, &Overlay::new().with("predict", state))
        .unwrap();
    let out = program.call(&candidate, record! { a: "x" }).await.unwrap();
    assert_eq!((out.reasoning.as_str(), out.text("b")), ("because", Some("yes")));
    program.call(&ctx, record! { a: "x" }).await.unwrap();
    let asked = model.requests();
    assert!(transcript(&asked[0]).contains("pirate") && transcript(&asked[0]).contains("three"));
    assert!(!transcript(&asked[1]).contains("pirate") && !transcript(&asked[1]).contains("three"));
    assert_eq!(&*candidate.trace().steps()[0].path, "predict");
}

#[test]
fn an_overlay_for_another_program_is_refused_by_name() {
    let ctx = Context::new(script(&[]).lm());
    let program = Predict::parse("a -> b").unwrap();
    let error = ctx.with_overlay(
        &program,
        &Overlay::new().with("answer.predict", PredictorState::default()),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("`answer.predict` is no predictor of the program; it has `self`")
    );
}

#[tokio::test]
async fn traces_are_bounded_and_inform_their_parent() {
    let model = script(&[ANSWER; 5]);
    let ctx = Context::new(model.lm());
    let small = ctx.with_trace(ctx.trace().child(2));
    let program = Predict::parse("a -> b").unwrap();
    for n in 0..5 {
        program.call(&small, record! { a: n.to_string() }).await.unwrap();
    }
    let inputs = |trace: &Trace| -> Vec<String> {
        trace
            .steps()
            .iter()
            .map(|step| step.inputs.text("a").unwrap().to_owned())
            .collect()
    };
    assert_eq!(inputs(small.trace()), ["3", "4"]);
    assert_eq!((small.trace().dropped(), small.trace().calls()), (3, 5));
    assert_eq!(inputs(ctx.trace()), ["0", "1", "2", "3", "4"]);
    assert!(ctx.inspect(1).contains("[user]\n[[ ## a ## ]]\n4") && !ctx.inspect(1).contains("\n3"));
}

#[tokio::test]
async fn bad_inputs_are_named_before_anything_is_sent() {
    let model = script(&[]);
    let ctx = Context::new(model.lm());
    let program = Predict::parse("text, count: int -> b").unwrap();
    for (input, message) in [
        (record! { text: "x" }, "field `count` is missing"),
        (
            record! { text: "x", count: "many" },
            "field `count` does not fit its type",
        ),
        (
            record! { text: "x", count: 1, txet: "y" },
            "field `txet` is no input of the signature, which takes `text`, `count`",
        ),
    ] {
        let error = program.call(&ctx, input).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_failed_call_stands_in_the_trace() {
    let model = script(&[]);
    let ctx = Context::new(model.lm());
    let program: Box<dyn DynModule> = Box::new(Predict::parse("a -> b").unwrap());
    program.call_record(&ctx, record! { a: "x" }).await.unwrap_err();
    let steps = ctx.trace().steps();
    assert!(steps[0].outcome.as_ref().unwrap_err().contains("used up"));
    assert_eq!(steps[0].calls.len(), 1);
}

#[tokio::test]
async fn instructions_of_ones_own_take_the_signatures_place() {
    let model = script(&[ANSWER, ANSWER]);
    let ctx = Context::new(model.lm());
    let plain = Predict::parse("a -> b").unwrap();
    let told = plain.clone().with_instructions("Answer like a pirate.");
    plain.call(&ctx, record! { a: "x" }).await.unwrap();
    told.call(&ctx, record! { a: "x" }).await.unwrap();
    let asked = model.requests();
    let default = plain.predictor().spec().instructions().into_owned();
    assert!(transcript(&asked[0]).contains(&default) && !transcript(&asked[1]).contains(&default));
    assert!(transcript(&asked[1]).contains("pirate"));
    // Empty ones are none, as for signatures; and a chain of thought takes them as well.
    let again = told.with_instructions(" ");
    let request = again.render(&ctx, record! { a: "x" }).unwrap();
    assert_eq!(transcript(&request), transcript(&asked[0]));
    let reasoned = ChainOfThought::parse("a -> b")
        .unwrap()
        .with_instructions("Answer like a pirate.");
    let request = reasoned.render(&ctx, record! { a: "x" }).unwrap();
    assert!(transcript(&request).contains("pirate") && transcript(&request).contains("reasoning"));
}
