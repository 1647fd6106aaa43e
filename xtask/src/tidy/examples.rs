//! Every example stands in the list of `docs/examples.md`, and the list names no other.

use super::Source;
use crate::sh;

const LIST: &str = "docs/examples.md";
const FOLDER: &str = "crates/dictum/examples/";

/// An example, as listed.
pub struct Example {
    /// File name without `.rs`.
    pub name: String,
    /// Whether it runs without a key or a model: such examples run in CI.
    pub offline: bool,
}

/// The examples the list names: table rows whose first cell is the name in backticks and whose last is what it needs.
pub fn list() -> Result<Vec<Example>, String> {
    let text = std::fs::read_to_string(sh::root().join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let example = |row: &str| {
        let name = row.split('`').nth(1).unwrap_or_default().to_owned();
        let needs = row
            .trim_end_matches(['|', ' '])
            .rsplit('|')
            .next()
            .unwrap_or_default()
            .trim();
        Example {
            name,
            offline: needs == "nothing",
        }
    };
    Ok(rows.map(example).collect())
}

pub fn check(sources: &[Source]) -> Result<Vec<String>, String> {
    let listed = list()?;
    let there: Vec<&str> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix(FOLDER)?.strip_suffix(".rs"))
        .filter(|name| !name.contains('/'))
        .collect();
    let unlisted = there
        .iter()
        .filter(|name| !listed.iter().any(|example| example.name == **name))
        .map(|name| format!("{FOLDER}{name}.rs: not in the list of {LIST}"));
    let absent = listed
        .iter()
        .filter(|example| !there.contains(&example.name.as_str()))
        .map(|example| format!("{LIST}: lists `{}`, which is not in {FOLDER}", example.name));
    Ok(unlisted.chain(absent).collect())
}
