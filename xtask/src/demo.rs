//! `cargo xtask demo`: the main job, on a real model, from a fresh clone.

use std::path::PathBuf;

use crate::setup;
use crate::sh::{self, Done};

/// Sets up what is needed, builds and runs the demo.
pub fn run(options: &[String]) -> Done {
    let mut args = Vec::new();
    let mut dir = sh::root().join(".dictum");
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--quick" | "--fresh" => args.push(option.as_str()),
            "--dir" => dir = PathBuf::from(options.next().ok_or("--dir needs a path")?),
            other => {
                return Err(format!(
                    "demo has no option `{other}`; it has --quick, --fresh and --dir PATH"
                ));
            }
        }
    }
    setup::local_engine()?;
    let dir = dir.to_string_lossy().into_owned();
    let mut all = vec![
        "run",
        "--package",
        "dictum",
        "--features",
        "local,cache",
        "--example",
        "demo",
        "--",
        "--dir",
        &dir,
    ];
    all.extend(args);
    sh::run_with("cargo", &all, &[sh::OPENMP])
}
