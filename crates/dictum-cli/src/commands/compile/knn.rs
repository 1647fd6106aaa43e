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

/// How many neighbours, by which embedder.
type Near = (usize, String);
type On<'a> = (&'a Data, &'a ProgressBar, &'a Stop);

/// What came of it.
pub struct Found {
    outcome: Outcome,
    comparison: Option<Comparison>,
    index: DemoIndex,
    bootstrapped: usize,
    spent: Spent,
    notes: Vec<String>,
}

/// What it would take: the bootstrap as its own dry run says, and what comes after it.
pub async fn dry_run(
    args: &CompileArgs,
    (k, name): &Near,
    ctx: &Context,
    models: &Models,
    program: &Program,
    on: On<'_>,
) -> Result<Forecast, Failure> {
    let knn = KnnFewShot::new(*k, Unasked(name.clone())).bootstrap(bootstrap(args, models, on)?);
    let mut forecast = knn.dry_run(ctx, &program.module, &on.0.train).await?;
    let after = afterwards(on.0);
    forecast.calls += after;
    forecast.notes.push(format!(
        "{after} of the calls measure both programs and ask `{name}` for vectors; their tokens are not counted here"
    ));
    Ok(forecast)
}

/// Makes the index, and measures the program with it against the program as it was.
pub async fn compile(
    args: &CompileArgs,
    (k, name): &Near,
    ctx: &Context,
    models: &Models,
    program: &Program,
    on: On<'_>,
    metric: Arc<dyn Metric>,
) -> Result<Found, Failure> {
    let (data, bar, stop) = on;
    let embedder = embedder::named(name, &args.lm)?;
    // One meter for all.
    let ctx = ctx.with_budget(args.budget_calls.map_or_else(Budget::unlimited, Budget::calls));
    let knn = KnnFewShot::new(*k, embedder.clone()).bootstrap(bootstrap(args, models, on)?);
    let neighbours = knn.compile(&ctx, &program.module, &data.train, &metric).await?;
    let near = NearestDemos::new(
        program::build(&args.program)?.module,
        neighbours.index.clone(),
        embedder,
    )?;
    let mut notes = neighbours.report.notes;
    let rows = rows(data);
    let mut comparison = None;
    if stop.is_stopped() && !rows.is_empty() {
        notes.push("stopped before it was measured".to_owned());
    } else if !rows.is_empty() {
        let ctx = kept(&ctx, args.run_dir.as_deref());
        bar.set_length(2 * rows.len() as u64);
        let before = evaluate(args, &ctx, rows, &metric, &program.module, bar, 0).await?;
        let after = evaluate(args, &ctx, rows, &metric, &near, bar, rows.len()).await?;
        comparison = Some(compare(&before, &after));
    }
    Ok(Found {
        outcome: comparison
            .as_ref()
            .map_or(Outcome::Unmeasured, |compared| compared.verdict().into()),
        comparison,
        index: neighbours.index,
        bootstrapped: neighbours.bootstrapped,
        spent: ctx.meter().map(|meter| meter.spent()).unwrap_or_default(),
        notes,
    })
}

/// What both are measured on: what nothing has seen, if there is such.
fn rows(data: &Data) -> &[Example] {
    match data.test.as_slice() {
        [] => &data.val,
        test => test,
    }
}

/// The calls after the demonstrations are made: a request for the vectors of the index, and for each row a call by each program and
/// a request for its vector.
fn afterwards(data: &Data) -> u64 {
    1 + 3 * rows(data).len() as u64
}

/// How demonstrations are made. The calls that come after are set aside.
fn bootstrap(
    args: &CompileArgs,
    models: &Models,
    (data, bar, stop): On<'_>,
) -> Result<BootstrapFewShot, Failure> {
    let mut own = with_options!(BootstrapFewShot::new(), args, data, bar, stop);
    if let Some(calls) = args.budget_calls {
        let after = afterwards(data);
        if calls <= after {
            return Err(Failure::usage(format!(
                "--budget-calls {calls}: the vectors and the measuring take {after}, and demonstrations are to be made before"
            )));
        }
        own = own.budget(Budget::calls(calls - after));
    }
    Ok(match &models.teacher {
        Some(ctx) => own.teacher_context(ctx),
        None => own,
    })
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

async fn evaluate(
    args: &CompileArgs,
    ctx: &Context,
    rows: &[Example],
    metric: &Arc<dyn Metric>,
    program: &dyn DynModule,
    bar: &ProgressBar,
    done: usize,
) -> Result<Evaluation, Failure> {
    let evaluate = Evaluate::new(rows, metric.clone()).concurrency(args.concurrency);
    let shown = evaluate.progress(|progress| bar.set_position((done + progress.done) as u64));
    Ok(shown.run(ctx, program).await?)
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
