//! How long a program takes to start.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::dspy::Dspy;
use super::worker::Worker;
use super::{Plan, bar, built, median};

pub fn measure(plan: Plan, dspy: Option<&Dspy>) -> Result<String, String> {
    println!("\nStarting");
    let times = plan.pick(10, 30);
    let server = Worker::ours(&["serve", "0"])?;
    let version = timed(&built("dictum"), &["--version"], times)?;
    let first = timed(&built("dictum-bench"), &["first", &server.hello], times)?;
    let mut text = format!(
        "\n## Starting\n\nWhole processes, from their start to their end; medians of {times} (of 3 for Python).\n\n| what | ms |\n|---|--:|\n\
         | `dictum --version` (built without the local engine) | {version:.1} |\n| a small program that makes one call | {first:.1} |\n"
    );
    if let Some(dspy) = dspy {
        timed(&dspy.python, &["-c", "import dspy"], 1)?;
        let import = timed(&dspy.python, &["-c", "import dspy"], 3)?;
        text += &format!("| `python -c 'import dspy'` | {import:.0} |\n");
    }
    text += "\n";
    text += &bar(
        "`dictum --version`",
        format!("{version:.1} ms"),
        "10 ms",
        version < 10.0,
    );
    text += &bar("first call", format!("{first:.1} ms"), "50 ms", first < 50.0);
    Ok(text)
}

/// Milliseconds that a process takes, the median of so many.
fn timed(program: &str, args: &[&str], times: usize) -> Result<f64, String> {
    let mut all = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        let status = Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .status()
            .map_err(|error| format!("can't start `{program}`: {error}"))?;
        if !status.success() {
            return Err(format!("`{program} {}` failed ({status})", args.join(" ")));
        }
        all.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(all))
}
