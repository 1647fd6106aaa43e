//! How candidates are tried and chosen, and what is told meanwhile.

use std::sync::{Arc, Mutex};

use dictum_core::evaluate::metric_fn;
use dictum_core::program::{Demo, PredictorState};
use dictum_core::record;
use dictum_core::state::{ProgramExt, ProgramState};
use dictum_optimize::{BootstrapRandomSearch, Outcome, Progress};

use crate::simulated::{Simulated, exact, examples, folder, program, question, shown};

#[tokio::test]
async fn among_equals_the_program_as_it_is_wins() {
    let always = metric_fn("always right", |_, _| true);
    let (train, val) = (examples("train", 20), examples("val", 20));
    let search = BootstrapRandomSearch::new().candidates(4);
    let ctx = Simulated::new().context();
    let compiled = search
        .compile(&ctx, &program(), &train, &val, always)
        .await
        .unwrap();
    assert_eq!(
        (compiled.report.best.as_str(), compiled.outcome),
        ("as it is", Outcome::NoSignificantGain)
    );
    assert!(
        compiled.report.summary.contains("it stays"),
        "{}",
        compiled.report.summary
    );
}

#[tokio::test]
async fn a_score_that_is_good_enough_ends_the_search() {
    let always = metric_fn("always right", |_, _| true);
    let (train, val) = (examples("train", 20), examples("val", 20));
    let search = BootstrapRandomSearch::new().candidates(12);
    let (patient, content) = (Simulated::new(), Simulated::new());
    let all = search
        .clone()
        .compile(&patient.context(), &program(), &train, &val, always.clone())
        .await
        .unwrap();
    let search = search.stop_at_score(1.0);
    let some = search
        .compile(&content.context(), &program(), &train, &val, always)
        .await
        .unwrap();
    assert_eq!(all.report.candidates.len(), 15);
    assert_eq!(some.report.candidates.len(), 3);
    assert!(content.calls() < patient.calls());
}

#[tokio::test]
async fn demonstrations_a_program_has_are_left_out_for_the_examples_they_show() {
    let (train, val) = (examples("train", 20), examples("val", 20));
    let mut program = program();
    let demos = val[..3].iter().map(|example| {
        let question = example.inputs().get("question").unwrap().clone();
        Demo::labeled(record! { question: question, answer: "kind 0" })
    });
    let state = PredictorState {
        demos: demos.collect(),
        ..PredictorState::default()
    };
    program.predictor_mut().set_state(state);
    let lm = Simulated::new();
    let search = BootstrapRandomSearch::new().candidates(1);
    search
        .compile(&lm.context(), &program, &train, &val, exact())
        .await
        .unwrap();
    let prompts = lm.prompts();
    assert!(
        prompts
            .iter()
            .any(|messages| shown(messages).contains(&"question 0 of val".to_owned()))
    );
    for messages in prompts {
        assert!(!shown(&messages).contains(&question(messages.last().unwrap())));
    }
}

#[tokio::test]
async fn progress_is_told_after_every_rollout() {
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let log = told.clone();
    let lm = Simulated::new();
    let (train, val) = (examples("train", 20), examples("val", 20));
    let search = BootstrapRandomSearch::new()
        .candidates(2)
        .on_progress(move |progress| log.lock().unwrap().push(*progress));
    search
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len() as u64, lm.calls());
    assert_eq!(told.last().unwrap().spent.calls, lm.calls());
    let baseline = told.iter().filter(|step| step.phase == "baseline");
    let baseline: Vec<_> = baseline.map(|step| (step.done, step.total)).collect();
    assert_eq!(baseline, (1..=20).map(|done| (done, 20)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_saved_program_loads_into_another_and_the_page_holds_no_foreign_markup() {
    let dir = folder("saved");
    let (train, val) = (examples("<script>train", 30), examples("<script>val", 60));
    let lm = Simulated::new();
    let search = BootstrapRandomSearch::new()
        .candidates(4)
        .max_labeled(4)
        .confirm_on(&examples("<script>test", 100))
        .run_dir(&dir);
    let compiled = search
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    assert_eq!(compiled.outcome, Outcome::Improved);

    let loaded = program().load(dir.join("program.json")).unwrap();
    assert_eq!(
        ProgramState::of(&loaded).predictor("self"),
        compiled.state.predictor("self")
    );
    let mut applied = program();
    compiled.apply(&mut applied).unwrap();
    assert_eq!(applied.predictor().state(), loaded.predictor().state());

    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;test"));
    assert!(!page.contains("http://") && !page.contains("https://"));
    let words = compiled.report.to_string();
    assert!(words.contains("as it is") && words.contains("kept"), "{words}");
    let json = std::fs::read(dir.join("report.json")).unwrap();
    let report: dictum_optimize::Report = serde_json::from_slice(&json).unwrap();
    assert_eq!(report.candidates.len(), compiled.report.candidates.len());
}
