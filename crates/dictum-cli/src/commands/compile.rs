//! `dictum compile`: search for the demonstrations that score best.

use dictum_core::data::{Example, Loader};
use dictum_core::lm::Budget;
use dictum_core::state::ProgramState;
use dictum_optimize::{BootstrapFewShot, BootstrapRandomSearch, Compiled, LabeledFewShot, Progress};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::{CompileArgs, OptimizerKind};
use crate::failure::Failure;
use crate::program::Program;
use crate::{lm, output, program};

/// Compiles, says what was found, writes the program file. The file depends on the work alone, not on time or place.
pub async fn run(args: CompileArgs, json: bool) -> Result<(), Failure> {
    let program = program::build(&args.program)?;
    let loader = Loader::for_signature(program.predictor()?.spec());
    let data = |path: Option<&std::path::PathBuf>| path.map_or(Ok(Vec::new()), |path| loader.path(path));
    let (train, val, test) = (
        loader.path(&args.train)?,
        data(args.val.as_ref())?,
        data(args.test.as_ref())?,
    );
    output::writable(&args.out)?;
    let ctx = lm::context(&args.lm)?;
    let bar = output::bar(0, "compiling");
    let compiled = compile(&args, &ctx, &program, [&train, &val, &test], bar.clone()).await?;
    bar.finish_and_clear();
    ProgramState::of_candidate(&program.module, &compiled.overlay)
        .with_kind(program.kind)
        .save(&args.out)?;
    report(&compiled, &args, json)
}

async fn compile(
    args: &CompileArgs,
    ctx: &dictum_core::program::Context,
    program: &Program,
    [train, val, test]: [&[Example]; 3],
    bar: ProgressBar,
) -> Result<Compiled, Failure> {
    let metric = program::metric(&args.metric, program.predictor()?.spec())?;
    let progress = move |progress: &Progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        let best = progress
            .best
            .map(|best| format!(", best {:.1} %", best * 100.0))
            .unwrap_or_default();
        bar.set_message(format!(
            "{}, {} calls{best}",
            progress.phase, progress.spent.calls
        ));
    };
    // The optimizers share their options by name, not by a type: each is set here in the same words.
    macro_rules! options {
        ($optimizer:expr) => {{
            let mut optimizer = $optimizer
                .seed(args.seed)
                .concurrency(args.concurrency)
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
            optimizer
        }};
    }
    macro_rules! bootstrap_options {
        ($optimizer:expr) => {{
            let mut optimizer = $optimizer;
            if let Some(demos) = args.max_bootstrapped {
                optimizer = optimizer.max_bootstrapped(demos);
            }
            if let Some(demos) = args.max_labeled {
                optimizer = optimizer.max_labeled(demos);
            }
            optimizer
        }};
    }
    let compiled = match args.optimizer {
        OptimizerKind::Labeled => {
            let mut optimizer = LabeledFewShot::new();
            if let Some(demos) = args.max_labeled {
                optimizer = optimizer.k(demos);
            }
            options!(optimizer)
                .compile(ctx, &program.module, train, val, metric)
                .await
        }
        OptimizerKind::Bootstrap => {
            let optimizer = bootstrap_options!(options!(BootstrapFewShot::new()));
            optimizer.compile(ctx, &program.module, train, val, metric).await
        }
        OptimizerKind::RandomSearch => {
            let mut optimizer = bootstrap_options!(options!(BootstrapRandomSearch::new()));
            if let Some(candidates) = args.candidates {
                optimizer = optimizer.candidates(candidates);
            }
            optimizer.compile(ctx, &program.module, train, val, metric).await
        }
    };
    Ok(compiled?)
}

fn report(compiled: &Compiled, args: &CompileArgs, json: bool) -> Result<(), Failure> {
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
            "notes": report.notes,
            "out": args.out,
        }));
    }
    let mut lines = vec![report.summary.clone()];
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.push(format!(
        "{} calls of the model; kept {}",
        report.spent.calls, report.kept
    ));
    lines.push(format!("the program: {}", args.out.display()));
    if let Some(folder) = &args.run_dir {
        lines.push(format!("the report:  {}", folder.join("report.html").display()));
    }
    output::print(&lines.join("\n"))
}
