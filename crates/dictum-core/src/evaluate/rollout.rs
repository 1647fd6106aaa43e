//! One run of a program on one example, with its score.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{Case, Metric, MetricError, Score};
use crate::data::Example;
use crate::error::Error;
use crate::lm::Usage;
use crate::program::{Context, DynModule, Trace};
use crate::record::Record;

/// One run of a program on one example.
#[derive(Debug)]
pub struct Rollout {
    /// What came of it.
    pub outcome: Outcome,
    /// The steps of the program and of the metric, at most [`Rollout::STEPS`].
    pub trace: Trace,
    /// How long the program took, without the metric.
    pub took: Duration,
    /// Calls of the model made, answers from caches included.
    pub calls: u64,
    /// Tokens and money of those that reached a model.
    pub usage: Usage,
}

/// What came of a rollout.
#[derive(Debug)]
pub enum Outcome {
    /// The program gave an output and the metric judged it.
    Scored {
        /// The output.
        prediction: Record,
        /// Its score.
        score: Score,
    },
    /// The program failed.
    Failed(Error),
    /// The program gave an output and the metric could not judge it.
    Unjudged {
        /// The output.
        prediction: Record,
        /// Why not.
        error: MetricError,
    },
}

impl Rollout {
    /// How many steps the trace of a rollout keeps.
    pub const STEPS: usize = 1_000;
}

/// Runs a program on an example and scores what it gives. Never fails as a whole: what goes wrong is the outcome. So is a
/// panic of the program or the metric.
pub async fn rollout(
    ctx: &Context,
    program: &(impl DynModule + ?Sized),
    example: &Example,
    metric: &(impl Metric + ?Sized),
) -> Rollout {
    let span = tracing::info_span!(
        target: "dictum::evaluate",
        "rollout",
        otel.status_code = Empty,
        dictum.scope = ctx.scope().map(|scope| &**scope),
        dictum.example = example.id(),
        dictum.score = Empty,
        error.r#type = Empty,
    );
    let inside = span.clone();
    let run = run(ctx, program, example, metric);
    let run = run.inspect(move |rollout| record(&inside, &rollout.outcome));
    run.instrument(span).await
}

fn record(span: &Span, outcome: &Outcome) {
    let error = match outcome {
        Outcome::Scored { score, .. } => {
            span.record("dictum.score", score.value);
            return;
        }
        Outcome::Failed(error) => error.cause(),
        Outcome::Unjudged { .. } => "metric",
    };
    span.record("error.type", error);
    span.record("otel.status_code", "ERROR");
}

async fn run(
    ctx: &Context,
    program: &(impl DynModule + ?Sized),
    example: &Example,
    metric: &(impl Metric + ?Sized),
) -> Rollout {
    let trace = ctx.trace().child(Rollout::STEPS);
    let scope = match ctx.scope() {
        Some(scope) => format!("{scope} / example {}", example.id()),
        None => format!("example {}", example.id()),
    };
    let ctx = ctx.with_trace(trace.clone()).with_scope(scope);
    let begun = Instant::now();
    let call = async { program.call_record(&ctx, example.inputs().clone()).await };
    let result = match AssertUnwindSafe(call).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(Error::program(format!(
            "the program panicked: {}",
            words(&*panic)
        ))),
    };
    let took = begun.elapsed();
    let outcome = match result {
        Err(error) => Outcome::Failed(error),
        Ok(prediction) => {
            let case = Case {
                example,
                prediction: &prediction,
                trace: &trace,
            };
            let judge = async { metric.score(&ctx, case).await };
            let judged = match AssertUnwindSafe(judge).catch_unwind().await {
                Ok(judged) => judged,
                Err(panic) => Err(MetricError(format!("the metric panicked: {}", words(&*panic)))),
            };
            match judged {
                Ok(score) => match score.not_finite() {
                    None => Outcome::Scored { prediction, score },
                    Some(value) => {
                        let error = MetricError(format!("the metric gave {value}, which is no score"));
                        Outcome::Unjudged { prediction, error }
                    }
                },
                Err(error) => Outcome::Unjudged { prediction, error },
            }
        }
    };
    Rollout {
        outcome,
        calls: trace.calls(),
        usage: trace.usage(),
        trace,
        took,
    }
}

/// The words of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
