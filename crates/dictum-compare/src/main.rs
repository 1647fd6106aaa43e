//! The optimizers of Dictum and DSPy on a real model, at the same budget, data and seeds; see `cargo xtask compare`.
//!
//! A cell is one optimizer of one system on one task with one seed: `TASK/SYSTEM/OPTIMIZER/SEED`. What a cell came to is a JSON
//! file in the folder of outcomes, written at once when it is finished; a cell whose file is there is not run again. Every cell is
//! a process of its own, so that no model stays in memory.

mod args;
mod cells;
mod dspy;
mod interval;
mod numbers;
mod ours;
mod outcome;
mod plan;
mod table;
mod tasks;

use std::process::{Command, ExitCode};
use std::time::Instant;

use args::{Args, Mode};
use cells::{Cell, System};
use outcome::Outcome;

/// What the parts give: a value, or what went wrong.
type Or<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[allow(clippy::print_stdout, reason = "telling is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

fn main() -> ExitCode {
    let done = args::read().and_then(|args| match &args.mode {
        Mode::List => list(&args),
        Mode::Table => table::write(&args),
        Mode::Cell(name) => one(&args, &cells::find(&args, name)?),
        Mode::Run => all(&args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("dictum-compare: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn list(args: &Args) -> Or<()> {
    for cell in cells::all(args) {
        let state = if Outcome::file(args, &cell).exists() {
            "done"
        } else {
            "to do"
        };
        say(&format!("{state:<6} {cell}"));
    }
    Ok(())
}

/// Runs what is missing, each cell in a process of its own. One that fails does not hold up the others.
fn all(args: &Args) -> Or<()> {
    for folder in [&args.outcomes, &args.runs] {
        std::fs::create_dir_all(folder)?;
    }
    let (mut failed, cells) = (0, cells::all(args));
    for (at, cell) in cells.iter().enumerate() {
        if Outcome::file(args, cell).exists() {
            continue;
        }
        let log = args.runs.join(cell.file_name("log"));
        let told = std::fs::File::create(&log)?;
        let begun = Instant::now();
        let status = Command::new(std::env::current_exe()?)
            .args(args.for_cell(cell))
            .stdout(told.try_clone()?)
            .stderr(told)
            .status()?;
        let place = format!("{}/{}", at + 1, cells.len());
        let seconds = begun.elapsed().as_secs_f64();
        match Outcome::read(args, cell) {
            Ok(Some(outcome)) if status.success() => {
                say(&format!(
                    "{place} {cell}: {} ({seconds:.0} s in all)",
                    outcome.line()
                ));
            }
            _ => {
                failed += 1;
                say(&format!("{place} {cell}: FAILED, see {}", log.display()));
            }
        }
    }
    if failed > 0 {
        return Err(format!("{failed} cell(s) failed; the same command tries them again").into());
    }
    Ok(())
}

fn one(args: &Args, cell: &Cell) -> Or<()> {
    let outcome = match cell.system {
        System::Dictum => ours::run(args, cell)?,
        System::Dspy => dspy::run(args, cell)?,
    };
    outcome.write(args, cell)
}
