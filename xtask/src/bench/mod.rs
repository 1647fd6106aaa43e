//! `cargo xtask bench`: measures Dictum beside a bare client and DSPy, and writes `docs/benchmarks.md`.

pub mod dspy;
mod in_process;
mod load;
mod machine;
mod memory;
mod start;
mod worker;

use std::path::PathBuf;
use std::time::Instant;

use crate::sh::{self, Done};

/// How thorough a run is.
#[derive(Clone, Copy)]
pub struct Plan {
    /// A few minutes for a look, not for the record.
    pub quick: bool,
}

impl Plan {
    fn pick<T>(self, quick: T, whole: T) -> T {
        if self.quick { quick } else { whole }
    }
}

/// Measures everything and writes the page.
pub fn run(options: &[String]) -> Done {
    let (mut quick, mut with_dspy) = (false, true);
    let mut page = sh::root().join("docs/benchmarks.md");
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--quick" => quick = true,
            "--no-dspy" => with_dspy = false,
            "--out" => page = PathBuf::from(options.next().ok_or("--out needs a path")?),
            other => {
                return Err(format!(
                    "bench has no option `{other}`; it has --quick, --no-dspy and --out PATH"
                ));
            }
        }
    }
    let plan = Plan { quick };
    build()?;
    let dspy = if with_dspy {
        dspy::set_up()
    } else {
        Err("left out by `--no-dspy`".to_owned())
    };
    if let Err(why) = &dspy {
        println!("\nDSPy is left out: {why}");
    }
    let begun = Instant::now();
    let mut text = machine::head(plan, dspy.as_ref())?;
    text += &load::measure(plan, dspy.as_ref().ok())?;
    text += &memory::measure(plan)?;
    text += &start::measure(plan, dspy.as_ref().ok())?;
    text += &in_process::measure(plan)?;
    text += &format!(
        "\nMeasuring took {:.0} s without building.\n",
        begun.elapsed().as_secs_f64()
    );
    std::fs::write(&page, &text).map_err(|error| format!("{}: {error}", page.display()))?;
    println!("\n{text}\nWritten to {}", page.display());
    Ok(())
}

fn build() -> Done {
    sh::run(
        "cargo",
        &[
            "build",
            "--locked",
            "--release",
            "--package",
            "dictum-bench",
            "--bins",
            "--benches",
        ],
    )?;
    // Without the local engine, which takes minutes of C++ to build and no part in what is measured.
    sh::run(
        "cargo",
        &[
            "build",
            "--locked",
            "--release",
            "--package",
            "dictum-cli",
            "--no-default-features",
        ],
    )
}

/// A program that was built for release.
fn built(name: &str) -> String {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| sh::root().join("target"), PathBuf::from);
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    target.join("release").join(name).to_string_lossy().into_owned()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A line that says whether a bar is met.
fn bar(what: &str, got: String, bar: &str, met: bool) -> String {
    let met = if met { "met" } else { "**missed**" };
    format!("- {what}: {got} (bar: {bar}): {met}\n")
}
