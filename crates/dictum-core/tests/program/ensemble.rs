//! [`Ensemble`]: members answer at once, one output comes of theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dictum_core::lm::{Call, Capabilities, LanguageModel, Lm, LmError, LmErrorKind, Request, Response};
use dictum_core::modules::{Ensemble, Predict};
use dictum_core::program::{Context, DynModule, Module, predictors};
use dictum_core::record;
use dictum_core::state::ProgramExt;
use futures_util::future::BoxFuture;

/// Answers with the last word of the instructions, the first member last; `fails` and `broke` fail.
#[derive(Debug, Clone, Default)]
struct Told(Arc<(AtomicUsize, AtomicUsize)>);

impl LanguageModel for Told {
    fn name(&self) -> &str {
        "test/told"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let (now, most) = &*self.0;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            let system = request.messages().next().unwrap().to_text();
            let said = system.split("Say <").nth(1).unwrap().split('>').next().unwrap();
            match said {
                "fails" => Err(LmError::new(LmErrorKind::InvalidRequest, "no")),
                "broke" => Err(LmError::new(LmErrorKind::Budget, "spent")),
                said => Ok(Response::text(format!(
                    "[[ ## answer ## ]]\n{said}\n\n[[ ## completed ## ]]"
                ))),
            }
        })
    }
}

fn members(said: &[&str]) -> Vec<Predict> {
    let member = |said: &&str| {
        let program = Predict::parse("question -> answer").unwrap();
        program.with_instructions(format!("Say <{said}>"))
    };
    said.iter().map(member).collect()
}

async fn vote(said: &[&str]) -> dictum_core::Result<String> {
    let ensemble = Ensemble::voting(members(said), "answer")?;
    let ctx = Context::new(Lm::new(Told::default()));
    let output = ensemble.call(&ctx, record! { question: "?" }).await?;
    Ok(output.text("answer").unwrap().to_owned())
}

#[tokio::test]
async fn the_most_votes_win_and_among_equals_the_first() {
    assert_eq!(vote(&["a1", "b2", "B2."]).await.unwrap(), "b2");
    assert_eq!(vote(&["c3", "b2", "b2", "c3"]).await.unwrap(), "c3");
    assert_eq!(vote(&["fails", "b2"]).await.unwrap(), "b2");
    let error = vote(&["fails", "fails"]).await.unwrap_err();
    assert_eq!(error.cause(), LmErrorKind::InvalidRequest.name());
    let error = vote(&["b2", "b2", "broke"]).await.unwrap_err();
    assert_eq!(error.cause(), LmErrorKind::Budget.name());
    assert!(vote(&[]).await.is_err());
}

#[tokio::test]
async fn members_run_at_once_and_stand_in_the_trace_by_their_paths() {
    let told = Told::default();
    let ensemble = Ensemble::new(members(&["a1", "b2", "c3"]), |outputs| {
        let all: Vec<&str> = outputs
            .iter()
            .map(|output| output.text("answer").unwrap())
            .collect();
        Ok(record! { answer: all.join(" ") })
    })
    .unwrap();
    let ctx = Context::new(Lm::new(told.clone())).for_program(&ensemble);
    let output = ensemble
        .call_record(&ctx, record! { question: "?" })
        .await
        .unwrap();
    assert_eq!(output.text("answer"), Some("a1 b2 c3"));
    assert_eq!(told.0.1.load(Ordering::SeqCst), 3);
    let mut paths: Vec<String> = ctx
        .trace()
        .steps()
        .iter()
        .map(|step| step.path.to_string())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, ["members[0]", "members[1]", "members[2]"]);
}

#[tokio::test]
async fn a_sample_of_members_follows_from_the_input() {
    let ensemble = Ensemble::new(members(&["0", "1", "2", "3", "4"]), |outputs| {
        let all: Vec<&str> = outputs
            .iter()
            .map(|output| output.text("answer").unwrap())
            .collect();
        Ok(record! { answer: all.join(" ") })
    })
    .unwrap()
    .size(2);
    let ctx = Context::new(Lm::new(Told::default()));
    let mut seen = std::collections::HashSet::new();
    for number in 0..40 {
        let question = format!("question {number}");
        let mut answers = Vec::new();
        for _ in 0..2 {
            let output = ensemble.call(&ctx, record! { question: question }).await.unwrap();
            answers.push(output.text("answer").unwrap().to_owned());
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].split(' ').count(), 2);
        seen.insert(answers.remove(0));
    }
    // Of the 10 pairs there are.
    assert!(seen.len() >= 8, "{seen:?}");
}

#[tokio::test]
async fn it_is_saved_and_loaded_whole() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("ensemble.json");
    let ensemble = Ensemble::voting(members(&["a1", "b2"]), "answer").unwrap();
    ensemble.save(&path).unwrap();
    let plain = || Predict::parse("question -> answer").unwrap();
    let loaded = Ensemble::voting(Ensemble::load_members(&path, plain).unwrap(), "answer").unwrap();
    let states = |ensemble: &Ensemble<Predict>| {
        let all = predictors(ensemble).into_iter();
        all.map(|(path, predictor)| (path, predictor.state().clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&loaded), states(&ensemble));
    plain().save(&path).unwrap();
    let error = Ensemble::load_members(&path, plain).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
}
