//! The same seed gives the same program, whatever the concurrency.

use dictum_core::lm::Budget;
use dictum_optimize::{BootstrapFewShot, BootstrapRandomSearch, LabeledFewShot};

use crate::simulated::{Simulated, Steps, exact, examples, folder, program};

macro_rules! saved {
    ($optimizer:expr, $name:expr) => {
        saved!($optimizer, $name, program())
    };
    ($optimizer:expr, $name:expr, $program:expr) => {{
        let (train, val) = (examples("train", 40), examples("val", 30));
        let dir = folder($name);
        let lm = Simulated::new().jitter();
        let compiled = $optimizer
            .run_dir(&dir)
            .keep_best_anyway()
            .compile(&lm.context(), &$program, &train, &val, exact())
            .await
            .unwrap();
        let bytes = std::fs::read(dir.join("program.json")).unwrap();
        compiled.save(dir.join("copy.json")).unwrap();
        assert_eq!(std::fs::read(dir.join("copy.json")).unwrap(), bytes);
        (bytes, lm.calls(), compiled.report.summary)
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_bytes_at_any_concurrency() {
    let search = |concurrency| {
        let search = BootstrapRandomSearch::new().candidates(6).rounds(2);
        search.max_labeled(6).seed(7).concurrency(concurrency)
    };
    let alone = saved!(search(1), "determinism-1");
    assert_eq!(alone, saved!(search(16), "determinism-16"));
    assert_eq!(alone, saved!(search(5), "determinism-5"));
    assert_ne!(alone.0, saved!(search(5).seed(8), "determinism-seed").0);

    let bootstrap = |concurrency| BootstrapFewShot::new().rounds(3).seed(7).concurrency(concurrency);
    assert_eq!(
        saved!(bootstrap(1), "determinism-b1"),
        saved!(bootstrap(16), "determinism-b16")
    );
    let labeled = |concurrency| LabeledFewShot::new().seed(7).concurrency(concurrency);
    assert_eq!(
        saved!(labeled(1), "determinism-l1"),
        saved!(labeled(16), "determinism-l16")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_budget_buys_the_same_at_any_concurrency() {
    for calls in [20, 77, 133, 190] {
        let search = |concurrency| {
            let search = BootstrapRandomSearch::new().candidates(6).max_labeled(6).seed(7);
            search.budget(Budget::calls(calls)).concurrency(concurrency)
        };
        let alone = saved!(search(1), &format!("determinism-{calls}-1"));
        let together = saved!(search(16), &format!("determinism-{calls}-16"));
        assert_eq!(alone, together, "{calls} calls");
        assert!(alone.1 <= calls, "{} of {calls}", alone.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_budget_buys_the_same_where_rollouts_take_more_or_fewer_calls() {
    for calls in [91, 94, 233, 300, 517] {
        let search = |concurrency| {
            let search = BootstrapRandomSearch::new().candidates(6).max_labeled(6).seed(7);
            search.budget(Budget::calls(calls)).concurrency(concurrency)
        };
        let alone = saved!(search(1), &format!("determinism-steps-{calls}-1"), Steps::new());
        let together = saved!(search(16), &format!("determinism-steps-{calls}-16"), Steps::new());
        assert_eq!(alone, together, "{calls} calls");
        assert!(alone.1 <= calls, "{} of {calls}", alone.1);
    }
}
