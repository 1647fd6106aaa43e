//! `dictum compile`: search for the state of a program that scores best.

mod finetune;
mod forecast;
mod knn;
mod recipe;
mod way;

use std::path::{Path, PathBuf};

use dictum_core::data::Loader;
use dictum_core::program::Context;
use dictum_core::state::{ProgramState, diff};
use dictum_optimize::{Compiled, Progress, RunRecord, Stop};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::{CompileArgs, LmArgs};
use crate::failure::Failure;
use crate::program::{self, Program};
use crate::trace::Recording;
use crate::{lm, output};
use knn::Neighbours;
use recipe::Step;
use way::{Data, Models, Way};

/// Compiles, says what was found, writes the program file. The file depends on the work alone, not on time or place.
pub async fn run(args: CompileArgs, json: bool) -> Result<(), Failure> {
    let program = program::build(&args.program)?;
    let spec = program.predictor()?.spec();
    let loader = Loader::for_signature(spec);
    let load = |path: Option<&PathBuf>| path.map_or(Ok(Vec::new()), |path| loader.path(path));
    let data = Data {
        train: loader.path(&args.train)?,
        val: load(args.val.as_ref())?,
        test: load(args.test.as_ref())?,
    };
    let metric = program::metric(&args.metric, spec)?;
    if let (true, Some(folder)) = (args.resume, &args.run_dir) {
        RunRecord::read(folder).map_err(|error| Failure::usage(format!("--resume: {error}")))?;
    }
    let (bar, stop) = (output::bar(0, "compiling"), Stop::new());
    let steps = recipe::steps(&args)?;
    let trains = steps.iter().any(|step| matches!(step, Step::Finetune));
    let on = (&data, &bar, &stop);
    let near = match steps.as_slice() {
        [Step::Neighbours { k, embedder }] => Some((*k, embedder.clone())),
        _ => None,
    };
    let neighbours = |models| {
        let (k, embedder) = near.as_ref()?;
        Some(Neighbours {
            args: &args,
            k: *k,
            embedder,
            models,
            program: &program,
            data: &data,
            bar: &bar,
            stop: &stop,
        })
    };
    if args.dry_run {
        let models = models(&args, |args| lm::foreseeing(args, &program))?;
        if let Some(own) = neighbours(&models) {
            let forecast = own.dry_run(&lm::foreseeing(&args.lm, &program)?).await?;
            return forecast::print(&forecast, &args.lm, json);
        }
        let way = Way::of(&args, steps, &models, false, on)?;
        let forecast = way
            .dry_run(&lm::foreseeing(&args.lm, &program)?, &program, &data)
            .await?;
        return forecast::print(&forecast, &args.lm, json);
    }
    if trains && args.run_dir.is_none() {
        return Err(Failure::usage(
            "--run-dir: finetune needs one; it keeps the id of a job that is paid for",
        ));
    }
    if let Some(out) = &args.out {
        output::writable(out)?;
    }
    let recording = Recording::begin(&args.trace)?;
    let ctx = recording.on(&lm::context_for(&args.lm, &program)?);
    let models = models(&args, |args| Ok(recording.on(&lm::context(args)?)))?;
    if let (Some(own), Some(out)) = (neighbours(&models), &args.out) {
        let found = stoppable(own.compile(&ctx, metric), &stop, &args, &bar).await;
        recording.end()?;
        let found = found?;
        bar.finish_and_clear();
        found.save(&program, out)?;
        found.report(out, json)?;
        return ended(&args, &stop);
    }
    let way = Way::of(&args, steps, &models, !args.write_only, on)?;
    if args.write_only {
        let data = stoppable(way.write(&ctx, &program, &data, metric), &stop, &args, &bar).await;
        recording.end()?;
        let data = data?;
        bar.finish_and_clear();
        return finetune::written(&data, json);
    }
    let Some(out) = &args.out else {
        return Err(Failure::usage("--out: where is the compiled program to go?"));
    };
    let found = stoppable(way.compile(&ctx, &program, &data, metric), &stop, &args, &bar).await;
    // Of a compilation that failed or was stopped too.
    recording.end()?;
    let found = found?;
    bar.finish_and_clear();
    save(&found.compiled, &program, out)?;
    let old = ProgramState::of(&program.module);
    report(&finetune::with_advice(found, &args.lm), &args, &old, out, json)?;
    ended(&args, &stop)
}

/// A run that was stopped fails in the end: a script must not take it for the whole run.
fn ended(args: &CompileArgs, stop: &Stop) -> Result<(), Failure> {
    match stop.is_stopped() {
        true => Err(interrupted(args, "stopped, the best so far is saved")),
        false => Ok(()),
    }
}

/// The models beside the one that does the task, each in a context of its own.
fn models(
    args: &CompileArgs,
    context: impl Fn(&LmArgs) -> Result<Context, Failure>,
) -> Result<Models, Failure> {
    let named = |model: &Option<String>| {
        let model = model.as_ref().map(|model| context(&args.lm.named(model)));
        model.transpose()
    };
    Ok(Models {
        proposer: named(&args.proposer)?,
        teacher: named(&args.teacher)?,
    })
}

/// The work. The first Ctrl-C lets it end with the best so far, the second drops it.
async fn stoppable<T, E>(
    work: impl Future<Output = Result<T, E>>,
    stop: &Stop,
    args: &CompileArgs,
    bar: &ProgressBar,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
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
