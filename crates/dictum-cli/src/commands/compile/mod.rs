//! `dictum compile`: search for the state of a program that scores best.

mod finetune;
mod forecast;
mod recipe;

use std::path::{Path, PathBuf};

use dictum_core::data::{Example, Loader};
use dictum_core::lm::Budget;
use dictum_core::state::{ProgramState, diff};
use dictum_optimize::{Compiled, Custom, Progress, RunRecord, Stop};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::{CompileArgs, OptimizerKind};
use crate::failure::Failure;
use crate::program::{self, Program};
use crate::trace::Recording;
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
    if args.optimizer == OptimizerKind::Finetune {
        let data = [train, val, test];
        return finetune::run(&args, &program, data, metric, (&stop, &bar), json).await;
    }
    for (name, given) in [
        ("--teacher", args.teacher.is_some()),
        ("--write-only", args.write_only),
    ] {
        if given {
            return Err(Failure::usage(format!("{name}: is for --optimizer finetune")));
        }
    }
    let optimizer = optimizer(&args, &test, bar.clone(), &stop)?;
    if args.dry_run {
        let optimizer = match &args.proposer {
            Some(model) => optimizer.proposer_context(&lm::foreseeing(&args.lm.named(model), &program)?),
            None => optimizer,
        };
        let ctx = lm::foreseeing(&args.lm, &program)?;
        let forecast = optimizer.dry_run(&ctx, &program.module, &train, &val).await?;
        return forecast::print(&forecast, &args.lm, json);
    }
    let Some(out) = &args.out else {
        return Err(Failure::usage("--out: where is the compiled program to go?"));
    };
    output::writable(out)?;
    let recording = Recording::begin(&args.trace)?;
    let ctx = recording.on(&lm::context_for(&args.lm, &program)?);
    let optimizer = match &args.proposer {
        Some(model) => optimizer.proposer_context(&recording.on(&lm::context(&args.lm.named(model))?)),
        None => optimizer,
    };
    let work = optimizer.compile(&ctx, &program.module, &train, &val, metric);
    let compiled = stoppable(work, &stop, &args, &bar).await;
    // Of a compilation that failed or was stopped too.
    recording.end()?;
    let compiled = compiled?;
    bar.finish_and_clear();
    let old = ProgramState::of(&program.module);
    save(&compiled, &program, out)?;
    report(&compiled, &args, &old, out, json)?;
    if stop.is_stopped() {
        // A script must not take it for the whole run.
        return Err(interrupted(&args, "stopped, the best so far is saved"));
    }
    Ok(())
}

/// The work. The first Ctrl-C lets it end with the best so far, the second drops it.
async fn stoppable<T>(
    work: impl Future<Output = dictum_core::Result<T>>,
    stop: &Stop,
    args: &CompileArgs,
    bar: &ProgressBar,
) -> Result<T, Failure> {
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
    let mut optimizer = Custom::new(recipe::recipe(args)?)
        .seed(args.seed)
        .concurrency(args.concurrency)
        .stop_with(stop)
        .on_progress(progress(args, bar));
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

/// Shows on the bar how far a run is.
fn progress(args: &CompileArgs, bar: ProgressBar) -> impl Fn(&Progress) + Send + Sync + 'static {
    let budget = args.budget_calls;
    move |progress: &Progress| {
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
    }
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

fn report(
    compiled: &Compiled,
    args: &CompileArgs,
    old: &ProgramState,
    out: &Path,
    json: bool,
) -> Result<(), Failure> {
    let report = &compiled.report;
    // A program that was compiled before says what had to change.
    let again = args.program.program.is_some();
    let changes = again.then(|| diff(old, &compiled.state));
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
            "changes": changes,
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
    match changes.as_deref() {
        Some("") => lines.push("nothing had to change".to_owned()),
        Some(changes) => lines.push(format!("what had to change:\n{}", changes.trim_end())),
        None => {}
    }
    lines.push(format!("the program: {}", out.display()));
    if let Some(folder) = &args.run_dir {
        lines.push(format!("the report:  {}", folder.join("report.html").display()));
    }
    output::print(&lines.join("\n"))
}
