//! `dictum compile --optimizer knn`: an index of demonstrations, and whether it helps.
//!
//! Other optimizers change what a predictor's state says; this one makes another program around it. So it is measured here, both
//! programs on the same rows, and not by the run engine.

use std::path::Path;
use std::sync::Arc;

use dictum_cache::DiskStore;
use dictum_core::data::Example;
use dictum_core::embed::{Embedder, Embeddings};
use dictum_core::evaluate::{Comparison, Evaluate, Evaluation, Metric, compare};
use dictum_core::lm::layers::Cache;
use dictum_core::lm::{Budget, Call, LmError, LmErrorKind, Spent};
use dictum_core::modules::{DemoIndex, NearestDemos};
use dictum_core::program::{Context, DynModule};
use dictum_core::state::ProgramState;
use dictum_optimize::{BootstrapFewShot, Forecast, KnnFewShot, Outcome, Stop};
use futures_util::future::BoxFuture;
use indicatif::ProgressBar;
use serde_json::json;

use super::progress;
use super::way::{Data, Models, with_options};
use crate::args::CompileArgs;
use crate::failure::Failure;
use crate::program::{self, Program};
use crate::{embedder, output};

/// A command whose optimizer is knn.
pub struct Neighbours<'a> {
    pub args: &'a CompileArgs,
    /// How many demonstrations each call is shown.
    pub k: usize,
    /// The embedder that says which.
    pub embedder: &'a str,
    pub models: &'a Models,
    pub program: &'a Program,
    pub data: &'a Data,
    pub bar: &'a ProgressBar,
    pub stop: &'a Stop,
}

/// What came of it.
pub struct Found {
    outcome: Outcome,
    comparison: Option<Comparison>,
    index: DemoIndex,
    bootstrapped: usize,
    spent: Spent,
    notes: Vec<String>,
}

impl Neighbours<'_> {
    /// What it would take: the bootstrap as its own dry run says, and what comes after it.
    pub async fn dry_run(&self, ctx: &Context) -> Result<Forecast, Failure> {
        let knn = KnnFewShot::new(self.k, Unasked(self.embedder.to_owned())).bootstrap(self.bootstrap()?);
        let mut forecast = knn.dry_run(ctx, &self.program.module, &self.data.train).await?;
        let after = self.afterwards();
        forecast.calls += after;
        forecast.notes.push(format!(
            "{after} of the calls measure both programs and ask `{}` for vectors; their tokens are not counted here",
            self.embedder
        ));
        Ok(forecast)
    }

    /// Makes the index, and measures the program with it against the program as it was.
    pub async fn compile(&self, ctx: &Context, metric: Arc<dyn Metric>) -> Result<Found, Failure> {
        let args = self.args;
        let embedder = embedder::named(self.embedder, &args.lm)?;
        // One meter for all.
        let budget = args.budget_calls.map_or_else(Budget::unlimited, Budget::calls);
        let ctx = ctx.with_budget(budget);
        let knn = KnnFewShot::new(self.k, embedder.clone()).bootstrap(self.bootstrap()?);
        let made = knn
            .compile(&ctx, &self.program.module, &self.data.train, &metric)
            .await?;
        let near = NearestDemos::new(
            program::build(&args.program)?.module,
            made.index.clone(),
            embedder,
        )?;
        let (mut notes, mut comparison) = (made.report.notes, None);
        let rows = self.rows();
        if self.stop.is_stopped() && !rows.is_empty() {
            notes.push("stopped before it was measured".to_owned());
        } else if !rows.is_empty() {
            let ctx = kept(&ctx, args.run_dir.as_deref());
            self.bar.set_length(2 * rows.len() as u64);
            let before = self.evaluate(&ctx, &metric, &self.program.module, 0).await?;
            let after = self.evaluate(&ctx, &metric, &near, rows.len()).await?;
            comparison = Some(compare(&before, &after));
        }
        Ok(Found {
            outcome: comparison
                .as_ref()
                .map_or(Outcome::Unmeasured, |compared| compared.verdict().into()),
            comparison,
            index: made.index,
            bootstrapped: made.bootstrapped,
            spent: ctx.meter().map(|meter| meter.spent()).unwrap_or_default(),
            notes,
        })
    }

    /// What both are measured on: what nothing has seen, if there is such.
    fn rows(&self) -> &[Example] {
        match self.data.test.as_slice() {
            [] => &self.data.val,
            test => test,
        }
    }

    /// The calls after the demonstrations are made: a request for the vectors of the index, and for each row a call by each program
    /// and a request for its vector.
    fn afterwards(&self) -> u64 {
        1 + 3 * self.rows().len() as u64
    }

    /// How demonstrations are made. The calls that come after are set aside.
    fn bootstrap(&self) -> Result<BootstrapFewShot, Failure> {
        let mut own = with_options!(BootstrapFewShot::new(), self.args, self.data, self.bar, self.stop);
        if let Some(calls) = self.args.budget_calls {
            let after = self.afterwards();
            if calls <= after {
                return Err(Failure::usage(format!(
                    "--budget-calls {calls}: the vectors and the measuring take {after}, and demonstrations are to be made before"
                )));
            }
            own = own.budget(Budget::calls(calls - after));
        }
        Ok(match &self.models.teacher {
            Some(ctx) => own.teacher_context(ctx),
            None => own,
        })
    }

    /// The program on all rows, of which `done` are done before.
    async fn evaluate(
        &self,
        ctx: &Context,
        metric: &Arc<dyn Metric>,
        program: &dyn DynModule,
        done: usize,
    ) -> Result<Evaluation, Failure> {
        let evaluate = Evaluate::new(self.rows(), metric.clone()).concurrency(self.args.concurrency);
        let shown = evaluate.progress(|progress| self.bar.set_position((done + progress.done) as u64));
        Ok(shown.run(ctx, program).await?)
    }
}

/// The context whose answers are kept in the run folder, so that a command that goes on asks for none of them again.
fn kept(ctx: &Context, folder: Option<&Path>) -> Context {
    match folder {
        Some(folder) => {
            let store = DiskStore::open(folder.join("measured.sqlite"));
            ctx.with_lm(ctx.lm().clone().layer(Cache::new(store)))
        }
        None => ctx.clone(),
    }
}

impl Found {
    /// Whether the program is to have the index: it is better with it, or nothing could tell.
    fn keeps(&self) -> bool {
        matches!(self.outcome, Outcome::Improved | Outcome::Unmeasured)
    }

    /// Writes the program, with the index if that is kept.
    pub fn save(&self, program: &Program, out: &Path) -> Result<(), Failure> {
        let state = ProgramState::of(&program.module).with_kind(program.kind);
        let state = match self.keeps() {
            true => self.index.on(state)?,
            false => state,
        };
        Ok(state.save(out)?)
    }

    /// Says what was found.
    pub fn report(&self, out: &Path, json: bool) -> Result<(), Failure> {
        let summary = match &self.comparison {
            None => format!(
                "an index of {} examples, not measured: it is kept",
                self.index.len()
            ),
            Some(compared) => format!(
                "an index of {} examples: {compared}; {}",
                self.index.len(),
                if self.keeps() {
                    "it is kept"
                } else {
                    "the program stays as it was"
                }
            ),
        };
        if json {
            return output::print_json(&json!({
                "outcome": self.outcome,
                "summary": summary,
                "comparison": self.comparison,
                "examples": self.index.len(),
                "bootstrapped": self.bootstrapped,
                "spent": self.spent,
                "notes": self.notes,
                "out": out,
            }));
        }
        let mut lines = vec![summary];
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.push(format!(
            "{} calls of the model; {} examples with answers of its own, the others as they are labelled",
            self.spent.calls, self.bootstrapped
        ));
        lines.push(format!("the program: {}", out.display()));
        output::print(&lines.join("\n"))
    }
}

/// Stands for an embedder where none is asked.
#[derive(Debug)]
struct Unasked(String);

impl Embedder for Unasked {
    fn name(&self) -> &str {
        &self.0
    }

    fn embed<'a>(&'a self, _: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        let error = LmError::new(LmErrorKind::Unsupported, "a dry run asks for no vectors");
        Box::pin(std::future::ready(Err(error)))
    }
}
