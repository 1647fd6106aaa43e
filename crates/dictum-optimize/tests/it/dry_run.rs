//! What a run would take is near what it takes, and costs nothing.

use dictum_core::lm::Budget;
use dictum_optimize::{BootstrapRandomSearch, Copro, LabeledFewShot, MiproV2};

use crate::facts::{self, TwoSteps, World};
use crate::simulated::Simulated;

const WORLD: World = World { seed: 1, demos: true };

macro_rules! both {
    ($optimizer:expr) => {{
        let lm = Simulated::new().facts(WORLD);
        let (train, val) = (facts::examples("train", 40), facts::examples("val", 30));
        let optimizer = $optimizer.confirm_on(&facts::examples("test", 20));
        let ctx = lm.context();
        let forecast = optimizer
            .dry_run(&ctx, &TwoSteps::new(), &train, &val)
            .await
            .unwrap();
        assert_eq!(lm.calls(), 0);
        let metric = facts::judged(WORLD);
        let compiled = optimizer
            .keep_best_anyway()
            .compile(&ctx, &TwoSteps::new(), &train, &val, metric)
            .await
            .unwrap();
        assert_eq!(compiled.report.spent.calls, lm.calls());
        (forecast, compiled.report)
    }};
}

#[tokio::test]
async fn a_dry_run_without_choices_is_exact() {
    let (forecast, report) = both!(LabeledFewShot::new().k(4));
    assert_eq!(forecast.calls, report.spent.calls);
    assert!(!forecast.short);
    let rollouts =
        |phases: &[dictum_optimize::Phase]| phases.iter().map(|phase| phase.rollouts).sum::<usize>();
    assert_eq!(rollouts(&forecast.phases), rollouts(&report.phases));
    assert!(forecast.usage.total_tokens().unwrap() > 100 * forecast.calls);
}

#[tokio::test]
async fn a_dry_run_of_a_search_is_near() {
    let (forecast, report) = both!(BootstrapRandomSearch::new().candidates(6).max_labeled(4));
    let ratio = forecast.calls as f64 / report.spent.calls as f64;
    assert!(
        (0.8..1.25).contains(&ratio),
        "{} calls were foreseen, {} made",
        forecast.calls,
        report.spent.calls
    );
}

#[tokio::test]
async fn a_dry_run_of_a_search_that_proposes_is_near() {
    for (forecast, report) in [
        both!(MiproV2::new().candidates(4).trials(12)),
        both!(Copro::new().breadth(6).depth(2)),
    ] {
        let ratio = forecast.calls as f64 / report.spent.calls as f64;
        assert!(
            (0.8..1.5).contains(&ratio),
            "{} calls were foreseen, {} made by {}",
            forecast.calls,
            report.spent.calls,
            report.optimizer
        );
    }
}

#[tokio::test]
async fn a_dry_run_says_when_the_budget_is_too_small() {
    let (forecast, report) = both!(
        BootstrapRandomSearch::new()
            .candidates(6)
            .max_labeled(4)
            .budget(Budget::calls(300))
    );
    assert!(forecast.short);
    assert!(forecast.calls <= 300 && report.spent.calls <= 300);
}
