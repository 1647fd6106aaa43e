//! `cargo xtask test`: everything the project checks, in one command.

use crate::sh::{self, Done};
use crate::{demo, setup, soak, tidy};

/// The crates that need llama.cpp: out of `default-members`, in a step of their own.
const LOCAL: [&str; 6] = [
    "--package",
    "dictum-local",
    "--package",
    "dictum-cli",
    "--package",
    "dictum-compare",
];
/// The exporter of telemetry: out of `default-members` for its protobuf stack.
const OTEL: [&str; 2] = ["--package", "dictum-otel"];
/// Property tests see the same cases at every run of the gate: it judges a change, not its luck. New cases are hunted for by
/// `cargo test` alone, which draws others each time, and by the fuzz targets.
const SAME_CASES: (&str, &str) = ("PROPTEST_RNG_SEED", "1");

/// Runs all checks; stops at the first that fails.
pub fn run(options: &[String]) -> Done {
    let (mut local, mut soaks) = (true, true);
    for option in options {
        match option.as_str() {
            "--no-local" => local = false,
            "--no-soak" => soaks = false,
            _ => {
                return Err(format!(
                    "test has no option `{option}`; it has --no-local and --no-soak"
                ));
            }
        }
    }
    let clippy = ["--", "--deny", "warnings"];
    tidy::run()?;
    sh::run("cargo", &["fmt", "--all", "--check"])?;
    sh::run(
        "cargo",
        &[&["clippy", "--locked", "--all-targets"][..], &clippy].concat(),
    )?;
    sh::run_with("cargo", &["test", "--locked"], &[SAME_CASES])?;
    examples()?;
    sh::run(
        "cargo",
        &[&["clippy", "--locked", "--all-targets"][..], &OTEL, &clippy].concat(),
    )?;
    sh::run_with(
        "cargo",
        &[&["test", "--locked"][..], &OTEL].concat(),
        &[SAME_CASES],
    )?;
    sh::run(
        "cargo",
        &[
            &["clippy", "--locked", "--all-targets", "--package", "dictum-bench"][..],
            &clippy,
        ]
        .concat(),
    )?;
    setup::cargo_deny()?;
    sh::run(
        "cargo",
        &["deny", "--locked", "check", "licenses", "bans", "sources"],
    )?;
    if soaks {
        soak::run(&[])?;
    }
    if local {
        setup::local_engine()?;
        sh::run(
            "cargo",
            &[&["clippy", "--locked", "--all-targets"][..], &LOCAL, &clippy].concat(),
        )?;
        // The short demo fetches the default model.
        demo::run(&["--quick".into(), "--fresh".into()])?;
        let models = sh::root().join(".dictum").join("models");
        let models = models.to_string_lossy().into_owned();
        // The engine's own tests take the smallest model, those of vectors the only one.
        let fetch = [
            "run",
            "--locked",
            "--quiet",
            "--package",
            "dictum-cli",
            "--",
            "models",
            "--models-dir",
            &models,
        ];
        for model in ["smollm2-135m", "all-minilm-l6-v2"] {
            sh::run("cargo", &[&fetch[..], &["fetch", model]].concat())?;
        }
        sh::run_with(
            "cargo",
            &[&["test", "--locked"][..], &LOCAL].concat(),
            &[("DICTUM_MODELS", &models), SAME_CASES],
        )?;
    }
    println!("\nAll checks passed.");
    Ok(())
}

/// Runs the examples that need neither a key nor a model. That the others compile, clippy has seen.
fn examples() -> Done {
    for example in tidy::examples()? {
        if example.offline {
            sh::run(
                "cargo",
                &[
                    "run",
                    "--locked",
                    "--quiet",
                    "--package",
                    "dictum",
                    "--example",
                    &example.name,
                ],
            )?;
        }
    }
    Ok(())
}
