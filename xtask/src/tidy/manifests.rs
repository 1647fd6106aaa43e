//! Every crate takes its version, edition, licence and lints from the workspace, and the README's code is compiled.

use super::Source;

/// What every crate's manifest says.
const SAID: [&str; 4] = [
    "edition.workspace = true",
    "rust-version.workspace = true",
    "license.workspace = true",
    "description =",
];

pub fn check(sources: &[Source]) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    let crates = sources
        .iter()
        .filter(|source| source.path.starts_with("crates/") && source.path.ends_with("/Cargo.toml"));
    for manifest in crates {
        for said in SAID {
            if !manifest.text.contains(said) {
                problems.push(format!("{}: lacks `{said}`", manifest.path));
            }
        }
        if !manifest.text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{}: lacks `[lints] workspace = true`", manifest.path));
        }
    }
    let facade = sources
        .iter()
        .find(|source| source.path == "crates/dictum/src/lib.rs");
    if !facade.is_some_and(|facade| facade.text.contains("include_str!(\"../../../README.md\")")) {
        problems.push(
            "crates/dictum/src/lib.rs: must include README.md as doc tests, so that its code compiles".into(),
        );
    }
    Ok(problems)
}
