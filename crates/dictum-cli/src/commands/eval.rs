//! `dictum eval`: a program on data.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use dictum_core::data::Loader;
use dictum_core::evaluate::{Evaluate, Evaluation};
use dictum_core::lm::Budget;
use dictum_core::metrics;
use serde_json::json;

use crate::args::EvalArgs;
use crate::failure::Failure;
use crate::{lm, output, program};

/// Evaluates, prints the table, writes the rows. Fails when no row could be scored.
pub async fn run(args: EvalArgs, json: bool) -> Result<(), Failure> {
    let program = program::build(&args.program)?;
    let metric = metrics::by_spec(&args.metric).map_err(Failure::usage)?;
    let data = Loader::for_signature(program.predictor()?.spec()).path(&args.data)?;
    let mut ctx = lm::context(&args.lm)?;
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
        .await?;
    bar.finish_and_clear();
    if let Some(out) = &args.out {
        write_rows(&evaluation, out)?;
    }
    if json {
        output::print_json(&json!(evaluation.summary()))?;
    } else {
        output::print(&format!("{}\n{evaluation}", evaluation.table(ROWS_SHOWN, WIDTH)))?;
    }
    match evaluation.mean() {
        Some(_) => Ok(()),
        None => Err(Failure::work("no row could be scored")),
    }
}

/// How many rows the table shows; all are in `--out`.
const ROWS_SHOWN: usize = 10;
/// How wide the table is, in columns.
const WIDTH: usize = 100;

fn write_rows(evaluation: &Evaluation, path: &Path) -> Result<(), Failure> {
    let file = File::create(path).map_err(|error| Failure::work(format!("{}: {error}", path.display())))?;
    let file = BufWriter::new(file);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => evaluation.write_csv(file)?,
        _ => evaluation.write_jsonl(file)?,
    }
    Ok(())
}
