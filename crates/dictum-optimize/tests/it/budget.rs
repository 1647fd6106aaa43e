//! The budget of calls is exact, and what it is too small for is said.

use std::time::Duration;

use dictum_core::lm::layers::Retry;
use dictum_core::lm::{Budget, LmErrorKind};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::{Record, Result};
use dictum_optimize::{BootstrapRandomSearch, Outcome};

use crate::simulated::{Simulated, Steps, exact, examples, program};

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

/// A program that asks twice at most, whatever happens.
struct Thrifty(Predict);

impl Parameters for Thrifty {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        self.0.visit(path, visit);
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        self.0.visit_mut(path, visit);
    }
}

impl Module for Thrifty {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let own = ctx.with_budget(Budget::calls(2));
        let mut last = self.0.call(&own, input.clone()).await?;
        while let Ok(next) = self.0.call(&own, input.clone()).await {
            last = next;
        }
        Ok(last)
    }
}

#[tokio::test]
async fn a_budget_of_the_programs_own_does_not_end_the_run() {
    let (train, val) = (examples("train", 10), examples("val", 20));
    let lm = Simulated::new();
    let search = BootstrapRandomSearch::new()
        .candidates(1)
        .budget(Budget::calls(1_000));
    let compiled = search
        .compile(&lm.context(), &Thrifty(program()), &train, &val, exact())
        .await
        .unwrap();
    assert!(compiled.report.candidates.len() >= 4, "{}", compiled.report);
    assert!(
        compiled
            .report
            .candidates
            .iter()
            .all(|candidate| candidate.complete)
    );
    let baseline = compiled.report.validation.unwrap().baseline;
    assert_eq!((baseline.counted(), baseline.calls()), (20, 60));
}

#[tokio::test]
async fn a_rollout_beyond_its_calls_fails_and_says_what_to_do() {
    let (train, val) = (examples("train", 10), examples("val", 20));
    let lm = Simulated::new();
    let search = BootstrapRandomSearch::new()
        .candidates(1)
        .budget(Budget::calls(1_000))
        .calls_per_rollout(3);
    let compiled = search
        .compile(&lm.context(), &Steps::new(), &train, &val, exact())
        .await
        .unwrap();
    let baseline = compiled.report.validation.unwrap().baseline;
    let errors = baseline.errors();
    assert!(
        errors[0].cause == "call limit" && errors[0].count < 20,
        "{errors:?}"
    );
    assert!(
        errors[0].examples[0].1.contains("`calls_per_rollout`"),
        "{errors:?}"
    );
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

#[tokio::test]
async fn a_budget_that_goes_to_failing_calls_says_so() {
    let (train, val) = (examples("train", 20), examples("val", 10));
    let quick = || Retry::new(4).backoff(Duration::ZERO, Duration::ZERO);
    let search = BootstrapRandomSearch::new().concurrency(1);
    let search = |calls| search.clone().budget(Budget::calls(calls));
    // It dies after the baseline, and the budget ends while the next call is tried again.
    let lm = Simulated::new().failing_after(10, LmErrorKind::Transport);
    let ctx = lm.context();
    let ctx = ctx.with_lm(ctx.lm().clone().layer(quick()));
    let compiled = search(12)
        .compile(&ctx, &program(), &train, &val, exact())
        .await
        .unwrap();
    let notes = compiled.report.notes.join("\n");
    assert!(
        notes.contains("the budget went to calls that failed (1 rollout was cut off, first: ")
            && notes.contains("simulated failure"),
        "{notes}"
    );

    // It was never there: nothing was measured, and that is no result.
    let lm = Simulated::new().failing_after(0, LmErrorKind::Transport);
    let ctx = lm.context();
    let ctx = ctx.with_lm(ctx.lm().clone().layer(quick()));
    let error = search(2)
        .compile(&ctx, &program(), &train, &val, exact())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("before anything was measured") && error.contains("simulated failure"),
        "{error}"
    );
    assert_eq!(lm.calls(), 2);
}
