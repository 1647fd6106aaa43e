//! `run.json`: what a run is, so that a folder is never resumed as something else.

use dictum_core::error::{FileError, Result};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the run folder's format. It changes when older journals can't be read or would mean something else.
pub(crate) const FORMAT: u32 = 1;

/// What a run is: everything its result follows from, beside the model's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Version of the folder's format.
    pub(crate) format: u32,
    /// Facts by name.
    #[serde(flatten)]
    pub(crate) facts: IndexMap<String, Value>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self {
            format: FORMAT,
            facts: IndexMap::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Serialize) {
        // What can't be written as JSON can't be told apart either; null stands for it.
        let value = serde_json::to_value(value).unwrap_or_default();
        self.facts.insert(name.to_owned(), value);
    }

    /// Checks that a folder's run is this one.
    pub(crate) fn check(&self, stored: &str, file: &str) -> Result<()> {
        let fail = |problem: String| {
            Err(Box::new(FileError {
                file: file.to_owned(),
                line: None,
                column: None,
                problem,
            })
            .into())
        };
        let stored: Self = match serde_json::from_str(stored) {
            Ok(stored) => stored,
            Err(error) => {
                return fail(format!(
                    "is no description of a run ({error}); choose another folder for this run"
                ));
            }
        };
        if stored.format != self.format {
            return fail(format!(
                "was written in format {}, this version reads format {}; choose another folder",
                stored.format, self.format
            ));
        }
        let mut differences = Vec::new();
        let names = self
            .facts
            .keys()
            .chain(stored.facts.keys().filter(|name| !self.facts.contains_key(*name)));
        for name in names {
            let (was, is) = (stored.facts.get(name), self.facts.get(name));
            if was != is {
                differences.extend(difference(
                    name,
                    was.unwrap_or(&Value::Null),
                    is.unwrap_or(&Value::Null),
                ));
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        fail(format!(
            "the folder holds another run:\n{}\nChoose another folder, or make the run the same again.",
            differences.join("\n")
        ))
    }
}

/// The differences between two values: member by member for objects, so that people see what changed.
fn difference(name: &str, was: &Value, is: &Value) -> Vec<String> {
    if let (Value::Object(old), Value::Object(new)) = (was, is) {
        let names = new
            .keys()
            .chain(old.keys().filter(|name| !new.contains_key(*name)));
        return names
            .filter(|key| old.get(*key) != new.get(*key))
            .flat_map(|key| {
                let get = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                difference(&format!("{name}.{key}"), &get(old), &get(new))
            })
            .collect();
    }
    vec![format!("- {name}: was {}, is {}", brief(was), brief(is))]
}

/// A value in at most some 80 characters.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
