//! What commands print.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use dictum_core::evaluate::Evaluation;
use serde_json::Value;

use crate::failure::Failure;

/// Prints text to standard output. A reader that went away (`dictum ... | head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| {
        if text.ends_with('\n') {
            Ok(())
        } else {
            out.write_all(b"\n")
        }
    }) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a value as JSON.
pub fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}"))
}

/// A value as a person reads it: text bare, everything else as JSON.
pub fn readable(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Refuses a file that can't be written before work is spent on what it is to hold. Leaves nothing behind.
pub fn writable(path: &Path) -> Result<(), Failure> {
    let there = path.exists();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| Failure::work(format!("{}: can't be written: {error}", path.display())))?;
    if !there {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// What stands behind the last dot of a file's name.
pub fn ending(path: &Path) -> Option<&str> {
    path.extension().and_then(|ending| ending.to_str())
}

/// Writes the rows of an evaluation: as CSV when the file's name ends so, else as JSONL.
pub fn rows(evaluation: &Evaluation, path: &Path) -> Result<(), Failure> {
    let file = File::create(path).map_err(|error| Failure::work(format!("{}: {error}", path.display())))?;
    let file = BufWriter::new(file);
    match ending(path) {
        Some("csv") => evaluation.write_csv(file)?,
        _ => evaluation.write_jsonl(file)?,
    }
    Ok(())
}

/// Tells the person at the terminal something beside the work. Where standard error is closed, nobody is there.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "dictum: {text}");
}

/// A bar on standard error that shows only in a terminal.
pub fn bar(total: u64, what: &str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(total);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    if let Ok(style) =
        indicatif::ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed} {msg}")
    {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    bar
}
