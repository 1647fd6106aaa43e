//! `cargo xtask tidy`: what can be checked by reading the repository. One file per check; each gives the problems it found.

mod core_deps;
mod examples;
mod links;
mod manifests;
mod rules;
mod sizes;

use std::path::{Path, PathBuf};

pub use examples::list as examples;

use crate::sh::{self, Done};

/// A check: its name, and what finds its problems.
type Check = (&'static str, fn(&[Source]) -> Result<Vec<String>, String>);

const CHECKS: [Check; 6] = [
    ("core's dependencies", core_deps::check),
    ("examples", examples::check),
    ("links", links::check),
    ("manifests", manifests::check),
    ("invariants by absence", rules::check),
    ("file sizes", sizes::check),
];

/// A text file of the repository.
pub struct Source {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Runs every check and reports all problems.
pub fn run() -> Done {
    let sources = sources()?;
    let mut problems = Vec::new();
    for (name, check) in CHECKS {
        let found = check(&sources)?;
        println!(
            "tidy: {name}: {}",
            if found.is_empty() {
                "ok".into()
            } else {
                format!("{} problems", found.len())
            }
        );
        problems.extend(found);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("tidy:\n  {}", problems.join("\n  ")))
    }
}

/// The text files git knows or would add.
fn sources() -> Result<Vec<Source>, String> {
    let list = sh::output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let mut sources = Vec::new();
    for path in list.lines() {
        let file: PathBuf = sh::root().join(Path::new(path));
        // Deleted but not yet committed, or not text.
        if let Ok(text) = std::fs::read_to_string(&file) {
            sources.push(Source {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(sources)
}
