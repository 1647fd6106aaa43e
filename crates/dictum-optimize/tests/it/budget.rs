//! The budget of calls is exact, and what it is too small for is said.

use dictum_core::lm::Budget;
use dictum_optimize::{BootstrapRandomSearch, Outcome};

use crate::simulated::{Simulated, exact, examples, program};

#[tokio::test]
async fn a_budget_is_spent_to_the_last_call_and_never_beyond() {
    let (train, val) = (examples("train", 40), examples("val", 30));
    for calls in [1, 2, 29, 30, 31, 100, 150] {
        let lm = Simulated::new().jitter();
        let compiled = BootstrapRandomSearch::new()
            .budget(Budget::calls(calls))
            .compile(&lm.context(), &program(), &train, &val, exact())
            .await
            .unwrap();
        assert_eq!((lm.calls(), compiled.report.spent.calls), (calls, calls));
        assert!(
            compiled
                .report
                .notes
                .iter()
                .any(|note| note.contains("budget was spent"))
        );
        let claims = compiled.outcome == Outcome::Improved;
        assert!(
            !claims || calls > 60,
            "a gain was claimed after {calls} calls on 30 examples"
        );
    }
}

#[tokio::test]
async fn the_confirmation_has_its_calls_set_aside() {
    let (train, val, test) = (examples("train", 40), examples("val", 30), examples("test", 50));
    let search = BootstrapRandomSearch::new().confirm_on(&test);
    let lm = Simulated::new().jitter();
    let compiled = search
        .clone()
        .budget(Budget::calls(260))
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    assert_eq!(compiled.report.comparison.unwrap().rows, 50);
    assert_eq!(lm.calls(), 260);

    let lm = Simulated::new();
    let search = search.budget(Budget::calls(90));
    let error = search
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("takes 100"), "{error}");
    assert_eq!(lm.calls(), 0);
}

#[tokio::test]
async fn an_outer_budget_holds_too() {
    let (train, val) = (examples("train", 40), examples("val", 30));
    let lm = Simulated::new();
    let ctx = lm.context().with_budget(Budget::calls(45));
    let search = BootstrapRandomSearch::new();
    search
        .compile(&ctx, &program(), &train, &val, exact())
        .await
        .unwrap();
    assert_eq!(lm.calls(), 45);
}
