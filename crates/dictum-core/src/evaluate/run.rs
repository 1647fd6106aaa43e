//! [`Evaluate`]: a program over a dataset.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::{Evaluation, Metric, Row, RowOutcome, rollout};
use crate::data::Example;
use crate::error::{Error, Result};
use crate::program::{Context, DynModule};

/// Runs a program over a dataset and scores it.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context, program: dictum_core::modules::Predict,
/// #     devset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::{evaluate::Evaluate, metrics::exact_match};
/// let report = Evaluate::new(&devset, exact_match("team")).concurrency(64).run(&ctx, &program).await?;
/// # Ok(()) }
/// ```
///
/// Rows stand in the order of the data and don't depend on the concurrency. One failure never ends a run: it is a row.
/// Dropping the future of [`Evaluate::run`] cancels the calls in flight.
#[derive(Clone)]
pub struct Evaluate<'a, M> {
    devset: &'a [Example],
    metric: M,
    concurrency: usize,
    failure_score: f64,
    progress: Option<Arc<Callback<'a>>>,
}

type Callback<'a> = dyn Fn(&Progress<'_>) + Send + Sync + 'a;

/// How far a run is: given to the callback after every row.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Rows done.
    pub done: usize,
    /// Rows in all.
    pub total: usize,
    /// Mean of the rows done that count; `None` while there is none.
    pub mean: Option<f64>,
    /// Rows done on which the program or the metric failed, or the budget ended after a failed call.
    pub errors: usize,
    /// The row just done.
    pub row: &'a Row,
}

impl<'a, M: Metric> Evaluate<'a, M> {
    /// An evaluation of these examples: 16 at once, a failed row counts 0, no progress.
    pub fn new(devset: &'a [Example], metric: M) -> Self {
        Self {
            devset,
            metric,
            concurrency: 16,
            failure_score: 0.0,
            progress: None,
        }
    }

    /// The same with so many rows at once; at least one.
    #[must_use]
    pub fn concurrency(mut self, rows: usize) -> Self {
        self.concurrency = rows.max(1);
        self
    }

    /// The same, with rows on which the program failed counted as this.
    #[must_use]
    pub fn failure_score(mut self, score: f64) -> Self {
        self.failure_score = score;
        self
    }

    /// The same, telling this callback after every row how far it is. It is called between rows, so it must not block.
    #[must_use]
    pub fn progress(mut self, callback: impl Fn(&Progress<'_>) + Send + Sync + 'a) -> Self {
        self.progress = Some(Arc::new(callback));
        self
    }

    /// Runs the program on every example. When the context's budget is spent, no more rows are begun, and the evaluation
    /// has what was done until then.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no example, or the failure score is not finite.
    pub async fn run<P: DynModule + ?Sized>(&self, ctx: &Context, program: &P) -> Result<Evaluation> {
        if self.devset.is_empty() {
            return Err(Error::input(
                "devset",
                "is empty: there is nothing to evaluate on",
            ));
        }
        if !self.failure_score.is_finite() {
            return Err(Error::input("failure_score", "must be a finite number"));
        }
        // So that traces name predictors by their paths; a context bound to a candidate stays so.
        let named = (!ctx.knows_a_program()).then(|| ctx.for_program(program));
        let ctx = named.as_ref().unwrap_or(ctx);
        let begun = Instant::now();
        let mut rows: Vec<Option<Row>> = vec![None; self.devset.len()];
        let mut tally = Tally::default();
        let mut waiting = rows.iter_mut().zip(self.devset);
        let mut running = FuturesUnordered::new();
        let mut spent = false;
        loop {
            while !spent && running.len() < self.concurrency {
                let Some((slot, example)) = waiting.next() else {
                    break;
                };
                running.push(self.row(ctx, program, slot, example));
            }
            let Some(row) = running.next().await else { break };
            spent |= matches!(row.outcome, RowOutcome::NotRun { .. });
            self.tell(&mut tally, row);
        }
        drop(running);
        let rows = rows
            .into_iter()
            .zip(self.devset)
            .map(|(row, example)| row.unwrap_or_else(|| Row::not_run(example)))
            .collect();
        let evaluation = Evaluation::from_rows(self.metric.name(), rows, self.failure_score);
        Ok(evaluation.with_elapsed(begun.elapsed()))
    }

    async fn row<'r, P: DynModule + ?Sized>(
        &self,
        ctx: &Context,
        program: &P,
        slot: &'r mut Option<Row>,
        example: &Example,
    ) -> &'r Row {
        let rollout = rollout(ctx, program, example, &self.metric).await;
        slot.insert(Row::of(example, rollout))
    }

    fn tell(&self, tally: &mut Tally, row: &Row) {
        tally.done += 1;
        tally.errors += usize::from(row.error().is_some());
        if let Some(score) = row.score(self.failure_score) {
            tally.counted += 1;
            tally.sum += score;
        }
        if let Some(progress) = &self.progress {
            progress(&Progress {
                done: tally.done,
                total: self.devset.len(),
                mean: (tally.counted > 0).then(|| tally.sum / tally.counted as f64),
                errors: tally.errors,
                row,
            });
        }
    }
}

#[derive(Default)]
struct Tally {
    done: usize,
    errors: usize,
    counted: usize,
    sum: f64,
}

impl<M: Metric> fmt::Debug for Evaluate<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluate")
            .field("examples", &self.devset.len())
            .field("metric", &self.metric.name())
            .field("concurrency", &self.concurrency)
            .field("failure_score", &self.failure_score)
            .finish_non_exhaustive()
    }
}
