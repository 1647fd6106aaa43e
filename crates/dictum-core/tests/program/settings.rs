//! What a state says of a predictor's model, adapter and reasoning.

use std::sync::Arc;

use dictum_core::adapter::{Adapter, ChatAdapter, Wording};
use dictum_core::lm::{Budget, Response, Usage};
use dictum_core::modules::{ChainOfThought, Predict};
use dictum_core::program::{Context, Demo, Overlay, PredictorState, Purpose};
use dictum_core::record;
use dictum_testkit::CannedLm;

use crate::support::{script, transcript};

const REASONED: &str = "[[ ## reasoning ## ]]\nbecause\n\n[[ ## b ## ]]\nyes\n\n[[ ## completed ## ]]";
const PLAIN: &str = "[[ ## b ## ]]\nyes\n\n[[ ## completed ## ]]";

fn state(change: impl FnOnce(&mut PredictorState)) -> PredictorState {
    let mut state = PredictorState::default();
    change(&mut state);
    state
}

fn priced(usd: f64) -> CannedLm {
    CannedLm::new(move |_| {
        let mut response = Response::text(PLAIN);
        response.usage = Usage {
            cost_usd: Some(usd),
            ..Usage::default()
        };
        Ok(response)
    })
    .keeping_requests()
}

#[tokio::test]
async fn a_state_names_the_model_that_is_called_and_paid() {
    let (own, dear) = (priced(0.001), priced(0.5));
    let ctx = Context::new(own.lm())
        .with_lms([("dear", dear.lm())])
        .with_budget(Budget::unlimited());
    let mut program = Predict::parse("a -> b").unwrap();
    program.call(&ctx, record! { a: "x" }).await.unwrap();
    program
        .predictor_mut()
        .set_state(state(|state| state.lm = Some("dear".into())));
    program.call(&ctx, record! { a: "x" }).await.unwrap();
    assert_eq!((own.requests().len(), dear.requests().len()), (1, 1));
    assert!((ctx.meter().unwrap().spent().usd - 0.501).abs() < 1e-9);
    assert_eq!(ctx.trace().usage().cost_usd, Some(0.501));
    // What a layer is put around is the roster too.
    let layered = ctx.map_lms(|name, lm| if name.is_some() { own.lm() } else { lm.clone() });
    program.call(&layered, record! { a: "x" }).await.unwrap();
    assert_eq!((own.requests().len(), dear.requests().len()), (2, 1));
}

#[tokio::test]
async fn an_unknown_name_is_told_before_a_call_with_those_there_are() {
    let model = script(&[PLAIN]);
    let ctx = Context::new(model.lm()).with_lms([("cheap", model.lm()), ("dear", model.lm())]);
    let mut program = Predict::parse("a -> b").unwrap();
    let missing = state(|state| state.lm = Some("best".into()));
    let overlay = Overlay::new().with("self", missing.clone());
    let error = ctx.with_overlay(&program, &overlay).unwrap_err().to_string();
    assert!(
        error.contains("`self` wants the model `best`; the context has `cheap`, `dear`"),
        "{error}"
    );
    program.predictor_mut().set_state(missing);
    assert_eq!(ctx.check(&program).unwrap_err().to_string(), error);
    assert!(ctx.with_overlay(&program, &Overlay::new()).is_err());
    let called = program
        .call(&ctx, record! { a: "x" })
        .await
        .unwrap_err()
        .to_string();
    assert!(called.contains("wants the model `best`"), "{called}");
    let adapter = state(|state| state.adapter = Some("yaml".into()));
    let error = ctx
        .with_overlay(&program, &Overlay::new().with("self", adapter))
        .unwrap_err();
    assert!(error.to_string().contains("has `chat`, `json`, `xml`"), "{error}");
    assert_eq!(model.requests().len(), 0);
}

#[tokio::test]
async fn a_state_names_the_adapter_and_the_context_its_words() {
    let model = script(&["{\"b\": \"yes\"}", PLAIN, PLAIN]);
    let ctx = Context::new(model.lm());
    let mut program = Predict::parse("a -> b").unwrap();
    let mut named = async |name: &str, ctx: &Context| {
        program
            .predictor_mut()
            .set_state(state(|state| state.adapter = Some(name.into())));
        let out = program.call(ctx, record! { a: "x" }).await.unwrap();
        assert_eq!(out.text("b"), Some("yes"));
        ctx.trace().steps().last().unwrap().adapter
    };
    assert_eq!(named("json", &ctx).await, "json");
    let wording = Wording {
        task: "This is to be done.".into(),
        ..Wording::default()
    };
    let own: Arc<dyn Adapter> = Arc::new(ChatAdapter::with_wording(wording.clone()));
    named("mine", &ctx.with_adapters([("mine", own)])).await;
    named("chat", &ctx.with_adapter(ChatAdapter::with_wording(wording))).await;
    let asked = model.requests();
    assert!(!transcript(&asked[0]).contains("This is to be done."));
    assert!(transcript(&asked[1]).contains("This is to be done."));
    assert!(transcript(&asked[2]).contains("This is to be done."));
}

#[tokio::test]
async fn reasoning_off_is_not_asked_for_and_comes_back_empty() {
    let model = script(&[PLAIN]);
    let ctx = Context::new(model.lm());
    let mut program = ChainOfThought::parse("a -> b").unwrap();
    let off = state(|state| {
        state.reasoning = Some(false);
        state.demos = vec![Demo::augmented(record! { a: "1", reasoning: "hidden", b: "2" })];
    });
    program.predictor_mut().set_state(off);
    let out = program.call(&ctx, record! { a: "x" }).await.unwrap();
    assert_eq!((out.reasoning.as_str(), out.text("b")), ("", Some("yes")));
    let asked = transcript(&model.requests()[0]);
    assert!(
        !asked.contains("reasoning") && !asked.contains("hidden"),
        "{asked}"
    );
    // A demonstration made of this step must not show empty reasoning.
    assert_eq!(ctx.trace().steps()[0].outcome, Ok(record! { b: "yes" }));
}

#[tokio::test]
async fn reasoning_on_is_asked_for_and_traced_and_no_output() {
    // The second answer lacks the field: it is asked for again like any other.
    let model = script(&[
        REASONED,
        PLAIN,
        "[[ ## reasoning ## ]]\nlate\n\n[[ ## completed ## ]]",
    ]);
    let ctx = Context::new(model.lm());
    let mut program = Predict::parse("a -> b").unwrap();
    let on = state(|state| {
        state.reasoning = Some(true);
        state.demos = vec![Demo::augmented(record! { a: "1", reasoning: "shown", b: "2" })];
    });
    program.predictor_mut().set_state(on);
    for (turn, reasoning) in ["because", "late"].into_iter().enumerate() {
        let out = program.call(&ctx, record! { a: "x" }).await.unwrap();
        assert_eq!(out, record! { b: "yes" });
        let step = ctx.trace().steps()[turn].clone();
        assert_eq!(step.outcome, Ok(record! { reasoning: reasoning, b: "yes" }));
    }
    assert!(transcript(&model.requests()[0]).contains("shown"));
    assert_eq!(ctx.trace().steps()[1].calls[1].purpose, Purpose::Reask);
    // A chain of thought has it already: on changes nothing.
    let mut chain = ChainOfThought::parse("a -> b").unwrap();
    let before = chain.render(&ctx, record! { a: "x" }).unwrap();
    chain
        .predictor_mut()
        .set_state(state(|state| state.reasoning = Some(true)));
    let after = chain.render(&ctx, record! { a: "x" }).unwrap();
    assert_eq!(transcript(&before), transcript(&after));
}
