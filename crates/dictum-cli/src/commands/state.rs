//! `dictum state`: program files.

use std::path::Path;

use dictum_core::signature::SignatureSpec;
use dictum_core::state::{ProgramState, diff, dspy};
use serde_json::{Value, json};

use crate::args::{StateArgs, StateCommand};
use crate::failure::Failure;
use crate::output;

/// Shows, compares, imports and exports.
pub fn run(args: StateArgs, json: bool) -> Result<(), Failure> {
    match args.command {
        StateCommand::Show { file } => show(&ProgramState::load(&file)?, json),
        StateCommand::Diff { a, b } => differ(&ProgramState::load(&a)?, &ProgramState::load(&b)?, json),
        StateCommand::Import { file, out, signature } => import(&file, &out, signature.as_deref(), json),
        StateCommand::Export { file, out } => export(&file, &out),
    }
}

fn show(state: &ProgramState, json: bool) -> Result<(), Failure> {
    let text = state.to_json()?;
    if json {
        return output::print(&text);
    }
    let mut lines = Vec::new();
    if let Some(kind) = state.kind() {
        lines.push(format!("program: {}", kind.name()));
    }
    for (path, saved) in state.predictors() {
        lines.push(format!("\n{path}: {}", saved.signature));
        let instructions = saved.state.instructions.clone();
        lines.push(indent(&instructions.unwrap_or_else(|| saved.signature.instructions().into_owned())));
        for (n, demo) in saved.state.demos.iter().enumerate() {
            let origin = if demo.augmented { ", made by the program" } else { "" };
            lines.push(format!("  demonstration {}{origin}", n + 1));
            for (name, value) in demo.fields.iter() {
                lines.push(format!("    {name}: {}", output::readable(value).replace('\n', "\n      ")));
            }
        }
        if saved.state.settings != Default::default() {
            lines.push(format!("  settings: {}", json!(saved.state.settings)));
        }
    }
    if !state.unplaced().is_empty() {
        lines.push(format!("\nkept from an import, with no place here: {:#}", json!(state.unplaced())));
    }
    output::print(&lines.join("\n"))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn differ(a: &ProgramState, b: &ProgramState, json: bool) -> Result<(), Failure> {
    let text = diff(a, b);
    if json {
        output::print_json(&json!({"equal": text.is_empty(), "diff": text}))?;
    } else {
        output::print(if text.is_empty() { "no difference" } else { &text })?;
    }
    if text.is_empty() { Ok(()) } else { Err(Failure::work("the program files differ")) }
}
