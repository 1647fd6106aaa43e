//! Failing programs and metrics are rows with causes, and panics are failures.

use dictum_core::evaluate::{MetricError, RowOutcome, metric_fn, try_metric_fn};
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::{Error, Record, Result};
use dictum_optimize::{BootstrapFewShot, BootstrapRandomSearch};

use crate::simulated::{Simulated, exact, examples, program};

fn number(record: &Record) -> u32 {
    record
        .text("question")
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// Fails on every third example, and panics on every fifth.
struct Frail(dictum_core::modules::Predict);

impl Parameters for Frail {
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

impl Module for Frail {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        match number(&input) {
            n if n % 5 == 0 => panic!("the program is frail"),
            n if n % 3 == 0 => Err(Error::program("the retriever is down")),
            _ => self.0.call(ctx, input).await,
        }
    }
}

#[tokio::test]
async fn a_failing_program_is_measured_as_it_is() {
    let ctx = Simulated::new().context();
    let search = BootstrapRandomSearch::new().candidates(2);
    let (train, val) = (examples("train", 30), examples("val", 30));
    let compiled = search
        .compile(&ctx, &Frail(program()), &train, &val, exact())
        .await
        .unwrap();
    let baseline = compiled.report.validation.unwrap().baseline;
    // 0, 5, 10, 15, 20, 25 panic; 3, 6, 9, 12, 18, 21, 24, 27 fail.
    assert_eq!(
        (baseline.rows().len(), baseline.failed(), baseline.unjudged()),
        (30, 14, 0)
    );
    let words = format!("{:?}", baseline.errors());
    assert!(
        words.contains("the program is frail") && words.contains("the retriever is down"),
        "{words}"
    );
    let notes = compiled.report.notes.join("\n");
    assert!(
        notes.contains("program") && notes.contains("attempts, of which"),
        "{notes}"
    );
}

#[tokio::test]
async fn a_bootstrap_may_stop_at_failures_and_says_their_causes() {
    let ctx = Simulated::new().context();
    let bootstrap = BootstrapFewShot::new().max_bootstrapped(20).max_errors(3);
    let error = bootstrap
        .compile(&ctx, &Frail(program()), &examples("train", 30), &[], exact())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`max_errors` is 3") && error.contains("first: example"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failing_metric_is_no_zero() {
    let ctx = Simulated::new().context();
    let metric = try_metric_fn("frail", |example, prediction| match number(example.inputs()) {
        n if n % 2 == 0 => Err(MetricError::new("no label")),
        _ => Ok(example.labels().get("answer") == prediction.get("answer")),
    });
    let search = BootstrapRandomSearch::new().candidates(2);
    let (train, val) = (examples("train", 30), examples("val", 30));
    let compiled = search
        .compile(&ctx, &program(), &train, &val, metric)
        .await
        .unwrap();
    let baseline = compiled.report.validation.unwrap().baseline;
    assert_eq!(
        (baseline.counted(), baseline.unjudged(), baseline.failed()),
        (15, 15, 0)
    );
}

#[tokio::test]
async fn a_metric_that_judges_nothing_is_an_error() {
    let ctx = Simulated::new().context();
    let (train, val) = (examples("train", 10), examples("val", 10));
    let panics = metric_fn("panics", |_, _| -> bool { panic!("the metric is broken") });
    let search = BootstrapRandomSearch::new().candidates(1);
    let error = search
        .compile(&ctx, &program(), &train, &val, panics)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("could judge none") && error.contains("the metric is broken"),
        "{error}"
    );
}

#[tokio::test]
async fn a_panicking_metric_costs_its_row_only() {
    let ctx = Simulated::new().context();
    let (train, val) = (examples("train", 10), examples("val", 10));
    let metric = metric_fn("panics once", |example, _| {
        assert!(number(example.inputs()) != 4, "four");
        true
    });
    let search = BootstrapRandomSearch::new().candidates(1);
    let compiled = search
        .compile(&ctx, &program(), &train, &val, metric)
        .await
        .unwrap();
    let baseline = compiled.report.validation.unwrap().baseline;
    assert_eq!((baseline.counted(), baseline.unjudged()), (9, 1));
    assert!(matches!(baseline.rows()[4].outcome, RowOutcome::Unjudged { .. }));
}
