//! `dictum compile`: search for the state of a program that scores best.

mod forecast;
mod recipe;

use std::path::{Path, PathBuf};

use dictum_core::data::{Example, Loader};
use dictum_core::lm::Budget;
use dictum_core::state::ProgramState;
use dictum_optimize::{Compiled, Custom, Progress, RunRecord, Stop};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::CompileArgs;
use crate::failure::Failure;
use crate::program::{self, Program};
use crate::{lm, output};
use recipe::Optimizer;

/// Compiles, says what was found, writes the program file. The file depends on the work alone, not on time or place.
pub async fn run(args: CompileArgs, json: bool) -> Result<(), Failure> {
    let program = program::build(&args.program)?;
    let loader = Loader::for_signature(program.predictor()?.spec());
    let data = |path: Option<&PathBuf>| path.map_or(Ok(Vec::new()), |path| loader.path(path));
    let (train, val, test) = (
        loader.path(&args.train)?,
        data(args.val.as_ref())?,
        data(args.test.as_ref())?,
    );
    let metric = program::metric(&args.metric, program.predictor()?.spec())?;
    if let (true, Some(folder)) = (args.resume, &args.run_dir) {
        RunRecord::read(folder).map_err(|error| Failure::usage(format!("--resume: {error}")))?;
    }
    let bar = output::bar(0, "compiling");
    let stop = Stop::new();
    let optimizer = optimizer(&args, &test, bar.clone(), &stop)?;
    if args.dry_run {
        // No model is needed to foresee what one would do, only its name for the price.
        let ctx = lm::offline().with_shared_adapter(program::adapter(&args.lm.adapter)?);
        let forecast = optimizer.dry_run(&ctx, &program.module, &train, &val).await?;
        return forecast::print(&forecast, &args.lm.lm, json);
    }
    let Some(out) = &args.out else {
        return Err(Failure::usage("--out: where is the compiled program to go?"));
    };
    output::writable(out)?;
    let ctx = lm::context(&args.lm)?;
    let optimizer = match &args.proposer {
        Some(model) => optimizer.proposer_context(&lm::context(&args.lm.named(model))?),
        None => optimizer,
    };
    let work = optimizer.compile(&ctx, &program.module, &train, &val, metric);
    let compiled = stoppable(work, &stop, &args, &bar).await?;
    bar.finish_and_clear();
    save(&compiled, &program, out)?;
    report(&compiled, &args, out, json)?;
    if stop.is_stopped() {
        // A script must not take it for the whole run.
        return Err(interrupted(&args, "stopped, the best so far is saved"));
    }
    Ok(())
}

/// The work. The first Ctrl-C lets it end with the best so far, the second drops it.
async fn stoppable(
    work: impl Future<Output = dictum_core::Result<Compiled>>,
    stop: &Stop,
    args: &CompileArgs,
    bar: &ProgressBar,
) -> Result<Compiled, Failure> {
    tokio::pin!(work);
    for again in [false, true] {
        tokio::select! {
            // The signal first: it must be waited for before the work makes its first call.
            biased;
            Ok(()) = tokio::signal::ctrl_c() => {
                if !again {
                    stop.stop();
                    bar.suspend(|| output::tell("stopping with the best so far; Ctrl-C again ends at once"));
                }
            }
            compiled = &mut work => return Ok(compiled?),
        }
    }
    Err(interrupted(args, "interrupted"))
}

fn interrupted(args: &CompileArgs, how: &str) -> Failure {
    Failure::interrupted(match &args.run_dir {
        Some(_) => format!("{how}; the same command goes on from here"),
        None => format!("{how}; with --run-dir the same command could go on from here"),
    })
}

fn optimizer(
    args: &CompileArgs,
    test: &[Example],
    bar: ProgressBar,
    stop: &Stop,
) -> Result<Optimizer, Failure> {
    let budget = args.budget_calls;
    let progress = move |progress: &Progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        let best = progress
            .best
            .map(|best| format!(", best {:.1} %", best * 100.0))
            .unwrap_or_default();
        let calls = match budget {
            Some(budget) => format!("{} of {budget} calls", progress.spent.calls),
            None => format!("{} calls", progress.spent.calls),
        };
        bar.set_message(format!("{}, {calls}{best}, eta {}", progress.phase, eta(&bar)));
    };
    let mut optimizer = Custom::new(recipe::recipe(args)?)
        .seed(args.seed)
        .concurrency(args.concurrency)
        .stop_with(stop)
        .on_progress(progress);
    if let Some(calls) = args.budget_calls {
        optimizer = optimizer.budget(Budget::calls(calls));
    }
    if let Some(folder) = &args.run_dir {
        optimizer = optimizer.run_dir(folder);
    }
    if !test.is_empty() {
        optimizer = optimizer.confirm_on(test);
    }
    Ok(optimizer)
}

/// When the rollouts under way will have ended, in words.
fn eta(bar: &ProgressBar) -> String {
    match bar.eta().as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

fn save(compiled: &Compiled, program: &Program, out: &Path) -> Result<(), Failure> {
    ProgramState::of_candidate(&program.module, &compiled.overlay)
        .with_kind(program.kind)
        .save(out)?;
    Ok(())
}

fn report(compiled: &Compiled, args: &CompileArgs, out: &Path, json: bool) -> Result<(), Failure> {
    let report = &compiled.report;
    if json {
        return output::print_json(&json!({
            "outcome": report.outcome,
            "summary": report.summary,
            "best": report.best,
            "kept": report.kept,
            "comparison": report.comparison,
            "candidates": report.candidates,
            "spent": report.spent,
            "reasons": report.reasons,
            "notes": report.notes,
            "out": out,
        }));
    }
    let mut lines = vec![report.summary.clone()];
    lines.extend(report.reasons.iter().map(|reason| format!("why: {reason}")));
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.push(format!(
        "{} calls of the model; kept {}",
        report.spent.calls, report.kept
    ));
    lines.push(format!("the program: {}", out.display()));
    if let Some(folder) = &args.run_dir {
        lines.push(format!("the report:  {}", folder.join("report.html").display()));
    }
    output::print(&lines.join("\n"))
}
