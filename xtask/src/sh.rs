//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What a chore gives: nothing, or what went wrong.
pub type Done = Result<(), String>;

/// The repository's root folder.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// How long threads of the local engine spin when they have nothing to do. The default is for machines with nothing else to do:
/// a second busy process makes it ten times slower. It is read when a process starts, so it can't be set from within.
pub const OPENMP: (&str, &str) = ("GOMP_SPINCOUNT", "1000");

/// Runs a program in the root folder with its output shown.
pub fn run(program: &str, args: &[&str]) -> Done {
    run_with(program, args, &[])
}

/// Runs a program in the root folder with these environment variables.
pub fn run_with(program: &str, args: &[&str], env: &[(&str, &str)]) -> Done {
    let line = format!("{program} {}", args.join(" "));
    println!("\n> {line}");
    let begun = Instant::now();
    let status = Command::new(program)
        .args(args)
        .envs(env.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("can't start `{program}`: {error}"))?;
    println!("> {:.0} s", begun.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` failed ({status})"))
    }
}

/// Runs a program in the root folder and gives what it writes.
pub fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(root())
        .output()
        .map_err(|error| format!("can't start `{program}`: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "`{program} {}` failed: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program answers.
pub fn exists(program: &str, version: &str) -> bool {
    Command::new(program)
        .arg(version)
        .output()
        .is_ok_and(|output| output.status.success())
}
