//! `dictum eval`: a program on data.

use dictum_core::data::Loader;
use dictum_core::evaluate::{ErrorGroup, Evaluate};
use dictum_core::lm::Budget;
use serde_json::json;

use crate::args::EvalArgs;
use crate::failure::Failure;
use crate::trace::Recording;
use crate::{lm, output, program};

/// Evaluates, prints the table, writes the rows. Fails when no row could be scored.
pub async fn run(args: EvalArgs, json: bool) -> Result<(), Failure> {
    let program = program::callable(&args.program, &args.lm)?;
    let metric = program::metric(&args.metric, program.predictor()?.spec())?;
    if let Some(out) = &args.out {
        if !matches!(output::ending(out), Some("jsonl" | "csv")) {
            return Err(Failure::usage(format!(
                "--out {}: end its name in .jsonl or .csv",
                out.display()
            )));
        }
        output::writable(out)?;
    }
    let data = Loader::for_signature(program.predictor()?.spec()).path(&args.data)?;
    let recording = Recording::begin(&args.trace)?;
    let mut ctx = recording.on(&lm::context_for(&args.lm, &program)?);
    if let Some(calls) = args.budget_calls {
        ctx = ctx.with_budget(Budget::calls(calls));
    }
    let bar = output::bar(data.len() as u64, "evaluating");
    let evaluation = Evaluate::new(&data, metric)
        .concurrency(args.concurrency)
        .progress(|progress| {
            bar.set_position(progress.done as u64);
            if let Some(mean) = progress.mean {
                bar.set_message(format!("{:.1} %, {} errors", mean * 100.0, progress.errors));
            }
        })
        .run(&ctx, &program.module)
        .await;
    bar.finish_and_clear();
    recording.end()?;
    let evaluation = evaluation?;
    if let Some(out) = &args.out {
        output::rows(&evaluation, out)?;
    }
    let summary = evaluation.summary();
    if json {
        output::print_json(&json!(summary))?;
    } else {
        let mut lines = vec![evaluation.table(ROWS_SHOWN, WIDTH), evaluation.to_string()];
        lines.extend(summary.errors.iter().map(cause));
        output::print(&lines.join("\n"))?;
    }
    if summary.counted > summary.failed {
        return Ok(());
    }
    // A mean made of failures alone says nothing about the program.
    let first = summary.errors.first().and_then(|cause| cause.examples.first());
    let why = match first {
        Some((_, message)) => format!(": {message}"),
        None if summary.not_run > 0 => ": the budget was spent first; is --budget-calls enough?".into(),
        None => String::new(),
    };
    Err(Failure::work(format!("no row could be scored{why}")))
}

/// A cause in one line, with the first message in full.
fn cause(group: &ErrorGroup) -> String {
    let first = group.examples.first().map_or("", |(_, message)| message.as_str());
    format!("  {} x {}: {first}", group.count, group.cause)
}

/// How many rows the table shows; all are in `--out`.
const ROWS_SHOWN: usize = 10;
/// How wide the table is, in columns.
const WIDTH: usize = 100;
