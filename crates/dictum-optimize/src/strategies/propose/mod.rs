//! Proposing instructions: what the model that proposes is shown, what it is asked, and what of its answers is used.
//!
//! All of it is plain text in and one plain text out, so that small models can answer. Whoever asks these questions gets a
//! [`Grounding`] first, if any is wanted, and then instructions from an [`Instructor`].

mod clean;
mod describe;
mod ground;
mod instruct;
mod specs;

pub(super) use clean::cleaned;
pub(super) use describe::{demo_text, fields_text, program_text};
pub(super) use ground::{Facts, Grounding, Wanted};
pub(super) use instruct::{Instructor, TIPS};
pub(super) use specs::{WARNING, question};

use std::collections::BTreeMap;

/// Answers that were not used, by why: for the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Unused {
    asked: usize,
    why: BTreeMap<&'static str, usize>,
}

impl Unused {
    pub(super) fn asked(&mut self) {
        self.asked += 1;
    }

    pub(super) fn not_used(&mut self, why: &'static str) {
        *self.why.entry(why).or_insert(0) += 1;
    }

    /// In words; `None` when all were used.
    pub(super) fn note(&self, what: &str) -> Option<String> {
        if self.why.is_empty() {
            return None;
        }
        let why: Vec<String> = self
            .why
            .iter()
            .map(|(why, count)| format!("{count} {why}"))
            .collect();
        let total: usize = self.why.values().sum();
        Some(format!(
            "of {} {what} asked for, {total} could not be used: {}",
            self.asked,
            why.join(", ")
        ))
    }
}
