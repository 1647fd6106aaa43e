//! `cargo xtask compare`: the optimizers beside DSPy's on a real model, resumable, and the table in `docs/optimizers.md`.

use std::path::PathBuf;

use crate::bench::dspy;
use crate::setup;
use crate::sh::{self, Done};

/// Builds what is needed, installs DSPy, and runs what is missing.
pub fn run(options: &[String]) -> Done {
    let mut args: Vec<String> = Vec::new();
    let mut outcomes = None;
    let mut measures = true;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || {
            options
                .next()
                .cloned()
                .ok_or_else(|| format!("{option} needs a value"))
        };
        match option.as_str() {
            "--list" | "--table" => {
                measures = false;
                args.push(option.clone());
            }
            "--quick" => args.push(option.clone()),
            "--only" | "--seeds" | "--threads" => {
                let value = value()?;
                args.extend([option.clone(), value]);
            }
            "--outcomes" => outcomes = Some(PathBuf::from(value()?)),
            other => {
                return Err(format!(
                    "compare has no option `{other}`; it has --list, --table, --only PART, --seeds N, --outcomes DIR, --threads N and --quick"
                ));
            }
        }
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| sh::root().join("target"), PathBuf::from);
    let runs = target.join(if quick { "compare-quick" } else { "compare" });
    // What took hours is kept in the repository, and a reader can count after us.
    let outcomes = match outcomes {
        Some(folder) => folder,
        None if quick => runs.clone(),
        None => sh::root().join("docs/compare"),
    };
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    args.extend([
        "--root".to_owned(),
        path(sh::root()),
        "--outcomes".to_owned(),
        path(outcomes),
        "--runs".to_owned(),
        path(runs),
    ]);
    setup::local_engine()?;
    // As the demo is built: what computes is optimized there too.
    sh::run(
        "cargo",
        &[
            "build",
            "--locked",
            "--package",
            "dictum-compare",
            "--package",
            "dictum-cli",
        ],
    )?;
    let built = |name: &str| {
        path(
            target
                .join("debug")
                .join(format!("{name}{}", std::env::consts::EXE_SUFFIX)),
        )
    };
    if measures {
        let dictum = built("dictum");
        for model in ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"] {
            sh::run(&dictum, &["models", "fetch", model])?;
        }
        args.extend([
            "--dictum".to_owned(),
            dictum,
            "--python".to_owned(),
            with_extras()?,
        ]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    sh::run_with(&built("dictum-compare"), &args, &[sh::OPENMP])
}

/// DSPy's Python, with what its MIPROv2 and SIMBA need beside it.
fn with_extras() -> Result<String, String> {
    let python = dspy::set_up()?.python;
    if sh::output(&python, &["-c", "import numpy, optuna"]).is_err() {
        let package = format!("dspy[numpy,optuna]=={}", dspy::VERSION);
        sh::run(&python, &["-m", "pip", "install", "--quiet", &package])?;
    }
    Ok(python)
}
