//! `dictum state`: program files.

use std::path::Path;

use dictum_core::modules::ChainOfThought;
use dictum_core::signature::SignatureSpec;
use dictum_core::state::{ProgramState, diff, dspy};
use indexmap::IndexMap;
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
        StateCommand::Export { file, out } => export(&file, &out, json),
    }
}

fn show(state: &ProgramState, json: bool) -> Result<(), Failure> {
    output::print(&if json { state.to_json()? } else { state.to_string() })
}

fn differ(a: &ProgramState, b: &ProgramState, json: bool) -> Result<(), Failure> {
    let text = diff(a, b);
    if json {
        output::print_json(&json!({"equal": text.is_empty(), "diff": text}))?;
    } else {
        output::print(if text.is_empty() { "no difference" } else { &text })?;
    }
    if text.is_empty() {
        Ok(())
    } else {
        Err(Failure::work("the program files differ"))
    }
}

fn import(file: &Path, out: &Path, signature: Option<&str>, json: bool) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::work(format!("{}: {error}", file.display())))?;
    // The reader is given text alone, and can't name the file.
    let named = |error: dictum_core::Error| match error {
        dictum_core::Error::File(mut fault) => {
            fault.file = file.display().to_string();
            Failure::from(dictum_core::Error::File(fault))
        }
        error => Failure::from(error),
    };
    let import = match signature {
        None => dspy::import(&text, &IndexMap::new()).map_err(named)?,
        Some(signature) => {
            let spec = SignatureSpec::parse(signature)?;
            // A lone predictor stands under the name its module gives it.
            let reasoning = ChainOfThought::from_spec(spec.clone()).predictor().spec().clone();
            dspy::import(
                &text,
                &IndexMap::from([("self".into(), spec), ("predict".into(), reasoning)]),
            )
            .map_err(named)?
        }
    };
    import.state.save(out)?;
    notes(&import.notes, out, json)
}

fn export(file: &Path, out: &Path, json: bool) -> Result<(), Failure> {
    let export = dspy::export(&ProgramState::load(file)?)?;
    std::fs::write(out, export.text).map_err(|error| Failure::work(format!("{}: {error}", out.display())))?;
    notes(&export.notes, out, json)
}

/// What could not be carried over as it was.
fn notes(notes: &[dspy::Note], out: &Path, json: bool) -> Result<(), Failure> {
    if json {
        let notes: Vec<Value> = notes
            .iter()
            .map(|note| json!({"path": note.path, "text": note.text}))
            .collect();
        return output::print_json(&json!({"out": out, "notes": notes}));
    }
    let mut lines: Vec<String> = notes
        .iter()
        .map(|note| format!("note: {}: {}", note.path, note.text))
        .collect();
    lines.push(format!("wrote {}", out.display()));
    output::print(&lines.join("\n"))
}
