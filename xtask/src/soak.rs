//! `cargo xtask soak`: many calls through every layer against a server that fails in every way known.

use crate::sh::{self, Done};

/// Runs it; it tells its figures, and fails when a bar was missed.
pub fn run(options: &[String]) -> Done {
    let mut args = vec!["run", "--locked", "--quiet", "--package", "dictum-soak", "--"];
    args.extend(options.iter().map(String::as_str));
    sh::run("cargo", &args)
}
