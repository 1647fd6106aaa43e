//! Invariant: `dictum-core` stays small and knows no network, storage or inference engine.

use super::Source;
use crate::sh;

/// Most crates core may pull in, itself included.
const MOST: usize = 60;

/// What core must never depend on, even through another crate.
const NEVER: [&str; 12] = [
    "reqwest",
    "hyper",
    "rustls",
    "native-tls",
    "openssl",
    "rusqlite",
    "libsqlite3-sys",
    "llama-cpp-2",
    "clap",
    "axum",
    "indicatif",
    "dirs",
];

pub fn check(_: &[Source]) -> Result<Vec<String>, String> {
    let tree = sh::output(
        "cargo",
        &[
            "tree",
            "--locked",
            "--package",
            "dictum-core",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
    )?;
    let mut names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut problems: Vec<String> = names
        .iter()
        .filter(|name| NEVER.contains(*name))
        .map(|name| format!("dictum-core depends on {name}, which belongs in a crate of its own"))
        .collect();
    if names.len() > MOST {
        problems.push(format!(
            "dictum-core pulls in {} crates; the limit is {MOST}",
            names.len()
        ));
    }
    Ok(problems)
}
