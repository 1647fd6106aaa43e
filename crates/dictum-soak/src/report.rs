//! The figures, and what was violated.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::call::Outcome;

/// Violations told in full; the others are only counted.
const TOLD: usize = 20;

/// What the run showed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Mutex<Vec<String>>,
    violations: Mutex<(usize, Vec<String>)>,
}

impl Report {
    /// A heading.
    pub(crate) fn part(&self, name: &str) {
        self.line(format!("\n{name}"));
    }

    /// A figure.
    pub(crate) fn figure(&self, name: &str, value: impl Display) {
        self.line(format!("  {name:<44} {value}"));
    }

    fn line(&self, line: String) {
        println!("{line}");
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// A bar that was missed.
    pub(crate) fn violated(&self, what: impl Into<String>) {
        let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
        violations.0 += 1;
        if violations.1.len() < TOLD {
            violations.1.push(what.into());
        }
    }

    /// A bar: `what` is told when it does not hold.
    pub(crate) fn bar(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(what());
        }
    }

    /// Whether all bars held; tells those that did not.
    pub(crate) fn end(&self) -> bool {
        let violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, told) = &*violations;
        if *count == 0 {
            println!("\nEvery bar held.");
            return true;
        }
        println!("\n{count} violations:");
        for violation in told {
            println!("  {violation}");
        }
        if *count > told.len() {
            println!("  and {} more", count - told.len());
        }
        false
    }
}

/// How the calls of a part ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ends: BTreeMap<String, u64>,
    pub(crate) latest: Duration,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        let end = match &outcome.result {
            Ok(response) => format!(
                "right answer, {}",
                format!("{:?}", response.source).to_lowercase()
            ),
            Err(error) => format!("error, {}", error.kind().name()),
        };
        *self.ends.entry(end).or_default() += 1;
        self.latest = self.latest.max(outcome.late);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.latest = self.latest.max(other.latest);
    }

    pub(crate) fn total(&self) -> u64 {
        self.ends.values().sum()
    }

    pub(crate) fn right(&self) -> u64 {
        self.ends
            .iter()
            .filter(|(end, _)| end.starts_with("right"))
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn tell(&self, report: &Report) {
        for (end, count) in &self.ends {
            report.figure(end, count);
        }
        report.figure(
            "latest end after a deadline",
            format!("{} ms", self.latest.as_millis()),
        );
    }
}
