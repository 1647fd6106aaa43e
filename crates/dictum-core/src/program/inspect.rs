//! A readable history of the latest calls.

use std::fmt::Write;

use super::{Purpose, Trace};
use crate::lm::{Message, Part, Response, Source};

/// The latest `n` steps as text.
pub(super) fn history(trace: &Trace, n: usize) -> String {
    let steps = trace.steps();
    let mut text = String::new();
    for step in steps.iter().skip(steps.len().saturating_sub(n)) {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "=== {} ({} adapter, sample {})",
            step.path, step.adapter, step.sample
        );
        for call in &step.calls {
            let why = match call.purpose {
                Purpose::Ask => "",
                Purpose::Reask => ", asking again",
                Purpose::Fallback => ", with another adapter",
            };
            let _ = writeln!(text, "--- {}{why}, {:.0?}", call.model, call.took);
            for message in call.request.messages() {
                let _ = writeln!(text, "[{}]\n{}\n", message.role.as_str(), readable(message));
            }
            match &call.result {
                Ok(response) => {
                    let _ = writeln!(text, "[answer{}]\n{}\n", provenance(response), response.to_text());
                }
                Err(error) => {
                    let _ = writeln!(text, "[failed]\n{error}\n");
                }
            }
        }
        for repair in &step.repairs {
            let _ = writeln!(text, "repaired: {repair}");
        }
        if let Err(error) = &step.outcome {
            let _ = writeln!(text, "failed: {error}");
        }
    }
    text
}

fn provenance(response: &Response) -> String {
    let source = match response.source {
        Source::Model => String::new(),
        Source::Cache => ", from the cache".into(),
        Source::Replay => ", replayed".into(),
        Source::Shared => ", shared with an identical call".into(),
    };
    match response.usage.total_tokens() {
        Some(tokens) => format!("{source}, {tokens} tokens"),
        None => source,
    }
}

/// A message as text.
fn readable(message: &Message) -> String {
    message.parts.iter().map(Part::to_string).collect()
}
