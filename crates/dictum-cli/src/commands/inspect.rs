//! `dictum inspect`: a recorded trace as a tree.

mod text;
mod tree;

use std::io::IsTerminal;

use dictum_core::program::{RecordedStep, RecordedTrace};
use serde_json::json;

use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::output;
use text::{Paint, tally};
use tree::{Show, tree};

/// Prints the steps of a trace file.
pub fn run(args: &InspectArgs, json: bool) -> Result<(), Failure> {
    let trace = RecordedTrace::read(&args.file)?;
    let wanted = |step: &&RecordedStep| !args.failed || step.error.is_some();
    let steps: Vec<&RecordedStep> = trace.steps.iter().filter(wanted).collect();
    let calls: usize = trace.steps.iter().map(|step| step.calls.len()).sum();
    if json {
        return output::print_json(&json!({
            "steps": steps,
            "steps_in_all": trace.steps.len(),
            "calls": calls,
            "usage": trace.usage(),
            "dropped": trace.dropped,
            "complete": trace.complete,
        }));
    }
    let paint = Paint(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let show = match (args.full, args.brief) {
        (true, _) => Show::Whole,
        (_, true) => Show::Nothing,
        _ => Show::Folded,
    };
    let failed = trace.steps.iter().filter(|step| step.error.is_some()).count();
    let mut head = format!("{}, {}", some(trace.steps.len(), "step"), some(calls, "call"));
    if failed > 0 {
        head.push_str(&format!(", {failed} failed"));
    }
    head.push_str(&tally(&trace.usage()));
    let mut out = paint.bold(&head);
    out.push('\n');
    if trace.dropped > 0 {
        let note = format!(
            "{} more steps were not recorded: the trace was full",
            trace.dropped
        );
        out.push_str(&paint.red(&note));
        out.push('\n');
    }
    if !trace.complete {
        let note = "the file has no end: its program still runs, or was stopped, and steps may be missing";
        out.push_str(&paint.red(note));
        out.push('\n');
    }
    out.push_str(&tree(&steps, show, paint));
    output::print(&out)
}

fn some(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
