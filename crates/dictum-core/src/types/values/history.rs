//! Earlier turns of a conversation as a field type.

use serde::{Deserialize, Serialize};

use super::special;
use crate::record::Record;
use crate::types::Kind;

/// Earlier turns of a conversation, oldest first. Each turn is a record of the signature's fields: what was asked and
/// what was answered. An adapter shows them as messages before the current one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    turns: Vec<Record>,
}

impl History {
    /// No turns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a turn at the end.
    pub fn push(&mut self, turn: Record) {
        self.turns.push(turn);
    }

    /// The same history with a turn more at the end.
    #[must_use]
    pub fn with(mut self, turn: Record) -> Self {
        self.push(turn);
        self
    }

    /// The turns, oldest first.
    #[must_use]
    pub fn turns(&self) -> &[Record] {
        &self.turns
    }
}

impl FromIterator<Record> for History {
    fn from_iter<I: IntoIterator<Item = Record>>(turns: I) -> Self {
        Self {
            turns: turns.into_iter().collect(),
        }
    }
}

special!(History, Kind::History);
