//! States of DSPy 3: the `.json` files that its `program.save()` writes and `program.load()` reads.
//!
//! Such a file holds, for each predictor by path, instructions, demonstrations, and for each field *by position* a prefix
//! and a description; neither names nor types. [`import`] reads it onto the signatures of a program, or guesses them;
//! [`export`] writes one that DSPy loads. What has no place in a Dictum state is kept aside
//! ([`ProgramState::unplaced`](super::ProgramState::unplaced)), goes back on export, and is named in the notes.
//! Keys and endpoints are not kept.

mod export;
mod guess;
mod import;
mod names;

pub use export::{Export, export};
pub use import::{Import, import, import_for};

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Something to know about an import or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The predictor, or `file`.
    pub path: String,
    /// What to know.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.text)
    }
}

/// Notes on one predictor.
struct Notes<'a> {
    path: &'a str,
    notes: &'a mut Vec<Note>,
}

impl Notes<'_> {
    fn add(&mut self, text: impl Into<String>) {
        self.notes.push(Note {
            path: self.path.to_owned(),
            text: text.into(),
        });
    }
}

/// Whether a JSON value looks like such a file: of one bare predictor, or of predictors by path.
pub(super) fn is_dspy(value: &Value) -> bool {
    let is_predictor = |value: &Value| value.get("signature").is_some() && value.get("demos").is_some();
    is_predictor(value)
        || value
            .as_object()
            .is_some_and(|entries| entries.values().any(is_predictor))
}
