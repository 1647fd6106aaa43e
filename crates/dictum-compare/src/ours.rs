//! Dictum's side: in process, as the product works.

use std::path::Path;
use std::time::Instant;

use dictum::optimize::Compiled;
use dictum::prelude::*;
use dictum::program::DynModule;
use serde_json::{Value, json};

use crate::Or;
use crate::args::Args;
use crate::cells::{Cell, Optimizer};
use crate::outcome::{Outcome, Took};
use crate::plan::{self, Plan};
use crate::tasks::{Classify, Data, Reviews, Task};

/// Runs a cell.
pub(crate) fn run(args: &Args, cell: &Cell) -> Or<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cell.task {
            Task::Questions => with(args, cell, Predict::<Classify>::new()).await,
            Task::Reviews => with(args, cell, Reviews::new()).await,
        }
    })
}

fn context(args: &Args, model: &str, max_tokens: u32, temperature: f64) -> Or<Context> {
    let mut lm = Lm::local().model(model).context(plan::CONTEXT);
    if let Some(folder) = &args.models {
        lm = lm.models_dir(folder);
    }
    if let Some(threads) = args.threads {
        lm = lm.threads(threads);
    }
    Ok(Context::new(lm.build()?).with_settings(&Settings {
        temperature: Some(temperature),
        max_tokens: Some(max_tokens),
        ..Settings::default()
    }))
}

async fn with<P: DynModule + Parameters>(args: &Args, cell: &Cell, mut program: P) -> Or<Outcome> {
    let data = cell.task.data(args, cell.seed)?;
    let adapter = cell.optimizer.adapter();
    let adapter =
        dictum::adapter::by_name(adapter).ok_or_else(|| format!("there is no adapter `{adapter}`"))?;
    let ctx = context(args, plan::TASK_MODEL, plan::TASK_TOKENS, 0.0)?.with_shared_adapter(adapter);
    let (search, settings, notes) = match cell.optimizer {
        optimizer if optimizer.is_baseline() => (Took::default(), Value::Null, Vec::new()),
        _ => {
            let proposer = if cell.optimizer.proposes() {
                context(args, plan::PROPOSER, plan::PROPOSER_TOKENS, 1.0)?
            } else {
                ctx.clone()
            };
            let clock = Clock::of(&args.results.join(cell.file_name("run")))?;
            let compiled = search(args, cell, &ctx, &proposer, &program, &data, &clock).await?;
            let took = took(&compiled, clock.seconds());
            compiled.apply(&mut program)?;
            let report = compiled.report;
            (took, report.settings, report.notes)
        }
    };
    let begun = Instant::now();
    let tested = Evaluate::new(&data.test, cell.task.metric())
        .concurrency(plan::CONCURRENCY)
        .run(&ctx, &program)
        .await?;
    let usage = tested.usage();
    Ok(Outcome {
        cell: String::new(),
        scores: tested
            .rows()
            .iter()
            .map(|row| row.score(0.0).unwrap_or(0.0))
            .collect(),
        failed: tested.failed(),
        search,
        test: Took {
            calls: tested.calls(),
            proposals: None,
            tokens_in: usage.input_tokens.unwrap_or(0),
            tokens_out: usage.output_tokens.unwrap_or(0),
            seconds: begun.elapsed().as_secs_f64(),
        },
        prompts: prompts(&program),
        settings,
        notes,
    })
}

fn took(compiled: &Compiled, seconds: f64) -> Took {
    let phases = &compiled.report.phases;
    let tokens = |count: fn(&dictum::lm::Usage) -> Option<u64>| {
        phases.iter().filter_map(|phase| count(&phase.usage)).sum::<u64>()
    };
    Took {
        calls: compiled.report.spent.calls,
        proposals: None,
        tokens_in: tokens(|usage| usage.input_tokens),
        tokens_out: tokens(|usage| usage.output_tokens),
        seconds,
    }
}

fn prompts<P: Parameters>(program: &P) -> Value {
    let state = ProgramState::of(program);
    let predictors = state.predictors().map(|(path, saved)| {
        let found = json!({
            "instructions": saved.state.instructions,
            "demos": saved.state.demos.len(),
        });
        (path.to_owned(), found)
    });
    Value::Object(predictors.collect())
}

/// Counts the seconds of a search, those of earlier processes included.
#[derive(Debug, Clone)]
struct Clock {
    file: std::path::PathBuf,
    before: f64,
    begun: Instant,
}

impl Clock {
    fn of(run: &Path) -> Or<Self> {
        let file = run.with_extension("seconds");
        let before = match std::fs::read_to_string(&file) {
            Ok(text) => text.trim().parse()?,
            Err(_) => 0.0,
        };
        Ok(Self {
            file,
            before,
            begun: Instant::now(),
        })
    }

    fn seconds(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }

    fn keep(&self) {
        let part = self.file.with_extension("seconds.part");
        // Lost seconds of a run that was killed are not worth its end.
        if std::fs::write(&part, self.seconds().to_string()).is_ok() {
            let _ = std::fs::rename(&part, &self.file);
        }
    }
}

/// The optimizer of a cell, as `$optimizer` in `$body`: each is of another type.
macro_rules! with_optimizer {
    ($cell:expr, $plan:expr, $proposer:expr, |$optimizer:ident| $body:expr) => {{
        // What is measured is what was found, whether or not so few rows could prove it: the test set is for that here.
        macro_rules! with {
            ($made:expr) => {{
                let $optimizer = $made
                    .seed($cell.seed)
                    .concurrency(plan::CONCURRENCY)
                    .budget(Budget::calls($plan.calls))
                    .keep_best_anyway();
                $body
            }};
        }
        match $cell.optimizer {
            Optimizer::Baseline | Optimizer::BaselineChat | Optimizer::RandomSearch => with!(
                BootstrapRandomSearch::new()
                    .candidates($plan.random)
                    .max_bootstrapped(plan::BOOTSTRAPPED)
                    .max_labeled(plan::LABELED)
            ),
            Optimizer::Mipro => with!(
                MiproV2::new()
                    .candidates($plan.choices)
                    .trials($plan.trials)
                    .full_evaluations()
                    .max_bootstrapped(plan::BOOTSTRAPPED)
                    .max_labeled(plan::LABELED)
                    .proposer_context($proposer)
            ),
            Optimizer::Gepa => with!(
                Gepa::new()
                    .rollouts($plan.rollouts)
                    .proposer_context($proposer)
            ),
            Optimizer::Simba => with!(
                Simba::new()
                    .batch_size($plan.batch)
                    .candidates($plan.candidates)
                    .steps($plan.steps)
                    .max_demos(plan::BOOTSTRAPPED)
                    .proposer_context($proposer)
            ),
        }
    }};
}

async fn search<P: DynModule>(
    args: &Args,
    cell: &Cell,
    ctx: &Context,
    proposer: &Context,
    program: &P,
    data: &Data,
    clock: &Clock,
) -> Result<Compiled> {
    let plan = Plan::of(args, cell.task);
    let run = args.results.join(cell.file_name("run"));
    let (clock, metric) = (clock.clone(), cell.task.metric());
    with_optimizer!(cell, plan, proposer, |optimizer| optimizer
        .run_dir(run)
        .on_progress(move |_| clock.keep())
        .compile(ctx, program, &data.train, &data.val, metric)
        .await)
}

#[cfg(test)]
mod tests {
    use dictum_testkit::CannedLm;

    use super::*;
    use crate::cells::System;
    use crate::{args, cells};

    /// Of every search in its full size: the settings are taken, it uses the most of its budget, and it is not cut short by it.
    #[tokio::test]
    async fn the_budget_is_used_and_enough() {
        let mut args = args::read_from(Vec::new()).unwrap();
        args.root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ctx = Context::new(CannedLm::text("").lm());
        for cell in cells::all(&args) {
            if cell.system != System::Dictum || cell.optimizer.is_baseline() || cell.seed > 1 {
                continue;
            }
            let (plan, data) = (
                Plan::of(&args, cell.task),
                cell.task.data(&args, cell.seed).unwrap(),
            );
            let (train, val) = (&data.train, &data.val);
            let forecast = with_optimizer!(cell, plan, &ctx, |optimizer| match cell.task {
                Task::Questions => {
                    optimizer
                        .dry_run(&ctx, &Predict::<Classify>::new(), train, val)
                        .await
                }
                Task::Reviews => optimizer.dry_run(&ctx, &Reviews::new(), train, val).await,
            })
            .unwrap();
            let calls = forecast.calls;
            assert!(
                !forecast.short,
                "{cell} has no room: {calls} calls of {}",
                plan.calls
            );
            assert!(
                calls * 2 >= plan.calls,
                "{cell} makes {calls} calls only of {}",
                plan.calls
            );
        }
    }
}
