//! [`Auto`]: what it finds decides what it does, and it says why.

use dictum_core::data::Example;
use dictum_core::evaluate::{Metric, Score, metric_fn};
use dictum_core::lm::Budget;
use dictum_optimize::{Auto, Compiled, Outcome};

use crate::facts::{self, TwoSteps, World};
use crate::simulated::{Simulated, folder};

const WORLD: World = World { seed: 2, demos: true };

fn data(name: &str, rows: usize) -> Vec<Example> {
    facts::examples(name, rows)
}

async fn compile(auto: Auto, lm: &Simulated, rows: (usize, usize), metric: impl Metric) -> Compiled {
    let (train, val) = (data("train", rows.0), data("val", rows.1));
    auto.compile(&lm.context(), &TwoSteps::new(), &train, &val, metric)
        .await
        .unwrap()
}

/// The same without words.
fn silent() -> impl Metric + Clone {
    metric_fn("silent", |example: &Example, prediction: &dictum_core::Record| {
        example.labels().get("answer") == prediction.get("answer")
    })
}

#[tokio::test]
async fn where_there_is_no_room_nothing_more_is_spent() {
    let lm = Simulated::new().facts(WORLD);
    let good = metric_fn("good", |_: &Example, _: &dictum_core::Record| Score::from(0.99));
    let auto = Auto::new().confirm_on(&data("test", 100));
    let compiled = compile(auto, &lm, (30, 40), good).await;
    // The validation set once, 30 of it twice; two calls each. The test set is not touched.
    assert_eq!(lm.calls(), 2 * (40 + 30));
    assert_eq!(compiled.outcome, Outcome::NoSignificantGain);
    let said = compiled.report.to_string();
    assert!(
        said.contains("no room worth the calls") && said.contains("nothing more was spent"),
        "{said}"
    );
}

#[tokio::test]
async fn data_too_small_to_show_a_gain_is_not_searched() {
    for (rows, words) in [
        ((5, 4), "say nothing about new data"),
        ((30, 6), "could be chance"),
    ] {
        let lm = Simulated::new().facts(WORLD);
        let compiled = compile(Auto::new(), &lm, rows, facts::judged(WORLD)).await;
        let reasons = compiled.report.reasons.join("\n");
        assert!(reasons.contains(words), "{reasons}");
        assert_eq!(lm.calls(), 4 * rows.1 as u64, "{reasons}");
        assert_eq!(compiled.report.kept, "as it is");
    }
}

#[tokio::test]
async fn the_budget_decides_what_is_tried() {
    for (calls, words) in [
        (250, "too few to score a single candidate"),
        (350, "LabeledFewShot with 4"),
        (500, "so it is BootstrapFewShot"),
        (850, "so it is BootstrapRandomSearch of"),
        (1_500, "so it is Gepa with"),
    ] {
        let lm = Simulated::new().facts(WORLD);
        let auto = Auto::new().budget(Budget::calls(calls));
        let compiled = compile(auto, &lm, (40, 50), facts::judged(WORLD)).await;
        let reasons = compiled.report.reasons.join("\n");
        assert!(reasons.contains(words), "{calls} calls: {reasons}");
        assert!(lm.calls() <= calls);
        let tried = compiled.report.candidates.len() > 1;
        assert_eq!(tried, calls > 250, "{}", compiled.report);
    }
}

#[tokio::test]
async fn words_of_the_metric_decide_what_goes_first() {
    let budget = Budget::calls(1_500);
    let lm = Simulated::new().facts(WORLD);
    let told = compile(Auto::new().budget(budget), &lm, (40, 50), facts::judged(WORLD)).await;
    let mute = compile(Auto::new().budget(budget), &lm, (40, 50), silent()).await;
    let plan = |compiled: &Compiled| compiled.report.reasons.last().unwrap().clone();
    let (told, mute) = (plan(&told), plan(&mute));
    assert!(
        told.starts_with("so it is Gepa") && told.contains("then from its best InferRules"),
        "{told}"
    );
    assert!(
        mute.starts_with("so it is InferRules") && mute.contains("then from its best Gepa"),
        "{mute}"
    );
}

#[tokio::test]
async fn the_second_goes_on_from_the_best_of_the_first_and_runs_resume() {
    let dir = folder("auto-resume");
    let mut first = None;
    for _ in 0..2 {
        let lm = Simulated::new().facts(WORLD).jitter();
        let auto = Auto::new().budget(Budget::calls(1_800)).run_dir(&dir);
        let compiled = compile(auto.keep_best_anyway(), &lm, (40, 50), facts::judged(WORLD)).await;
        let phases: Vec<&str> = compiled
            .report
            .phases
            .iter()
            .map(|phase| phase.name.as_str())
            .collect();
        assert!(
            phases.contains(&"look") && phases.contains(&"reflect"),
            "{phases:?}"
        );
        let known = &compiled.report.candidates;
        let best = known
            .iter()
            .find(|known| known.label == compiled.report.best)
            .unwrap();
        // Words from the first, demonstrations from the second.
        assert!(best.demos > 0 && compiled.overlay.get("topic").unwrap().instructions.is_some());
        match first {
            None => first = Some(compiled),
            Some(ref first) => {
                assert_eq!(lm.calls(), 0);
                assert_eq!(first.overlay, compiled.overlay);
                assert_eq!(first.report.reasons, compiled.report.reasons);
            }
        }
    }
}

#[tokio::test]
async fn a_dry_run_says_the_plan_and_what_it_can_not_know() {
    let lm = Simulated::new().facts(WORLD);
    let (train, val) = (data("train", 40), data("val", 50));
    let forecast = Auto::new()
        .budget(Budget::calls(2_000))
        .dry_run(&lm.context(), &TwoSteps::new(), &train, &val)
        .await
        .unwrap();
    let reasons = forecast.reasons.join("\n");
    assert!(
        reasons.contains("made-up answers") && reasons.contains("not known before the run"),
        "{reasons}"
    );
    assert!(
        (1_000..=2_000).contains(&forecast.calls) && lm.calls() == 0,
        "{forecast:?}"
    );
}
