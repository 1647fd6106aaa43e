//! What the parser reports: repairs it made and text it could not read.

use std::fmt;

/// Something the parser repaired.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RepairNote {
    /// The field, and the path inside it (`people[2].age`); empty for the answer as a whole.
    pub at: String,
    /// What was repaired, in a few words, the same for every repair of the kind (`trailing comma`).
    pub what: String,
}

impl fmt::Display for RepairNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.at, self.what)
        }
    }
}

/// Text that can't be read as the wanted type.
///
/// Displays as one line; with `{:#}` also the text around the fault and a caret under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Path inside the value (`people[2].age`); empty for the value as a whole.
    pub at: String,
    /// What was wanted and what was found.
    pub problem: String,
    /// The line the fault is in (shortened around it when very long).
    pub excerpt: String,
    /// Where the fault starts in `excerpt`, in characters from 0.
    pub column: usize,
    /// Line of the fault in the text, from 1.
    pub line: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.problem)?
        } else {
            write!(f, "{}: {}", self.at, self.problem)?
        }
        if f.alternate() && !self.excerpt.is_empty() {
            let width = self.column.saturating_add(1);
            write!(f, "\n  {}\n  {:>width$}", self.excerpt, "^")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}

/// An output field that could not be had from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFailure {
    /// The field.
    pub field: String,
    /// Why.
    pub reason: FailureReason,
}

/// Why an output field could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// The answer does not hold the field.
    Missing,
    /// The field is there and can't be read as its type.
    Unreadable(ParseError),
    /// The field was read and breaks constraints.
    Constraint(Vec<crate::types::Violation>),
}

impl fmt::Display for FieldFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.field)?;
        match &self.reason {
            FailureReason::Missing => f.write_str("is missing"),
            FailureReason::Unreadable(error) if f.alternate() => write!(f, "can't be read: {error:#}"),
            FailureReason::Unreadable(error) => write!(f, "can't be read: {error}"),
            FailureReason::Constraint(violations) => {
                let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
                f.write_str(&all.join("; "))
            }
        }
    }
}

/// A model's answer that does not hold the outputs asked for.
///
/// `{}` says what is wrong in one line, and what the model wrote below. `{:#}` also shows where: the line of each fault with
/// a caret under it, and the text only where it has more than those lines.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerError {
    /// The adapter that read it.
    pub adapter: String,
    /// What the model wrote, whole.
    pub text: String,
    /// The fields that could be read.
    pub fields: crate::Record,
    /// The fields that could not; never empty.
    pub failures: Vec<FieldFailure>,
    /// Whether the model was cut off by the token limit, which is then the likely cause.
    pub truncated: bool,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the model's answer can't be used ({} adapter):", self.adapter)?;
        for (place, failure) in self.failures.iter().enumerate() {
            if f.alternate() {
                // Each on a line of its own, or the caret of one would stand over the next.
                write!(f, "\n{failure:#}")?;
            } else {
                write!(f, "{} {failure}", if place == 0 { "" } else { ";" })?;
            }
        }
        if self.truncated {
            f.write_str("\nthe answer was cut off at the token limit: raise `max_tokens`")?;
        }
        if f.alternate() && self.failures.iter().any(|failure| failure.shows(&self.text)) {
            return Ok(());
        }
        let shown: String = self.text.chars().take(SHOWN).collect();
        let more = if shown.len() < self.text.len() { " ..." } else { "" };
        write!(f, "\nthe model wrote: {shown}{more}")
    }
}

/// Characters of the model's text that are shown.
const SHOWN: usize = 500;

impl FieldFailure {
    /// Whether its excerpt is the text as a whole.
    fn shows(&self, text: &str) -> bool {
        matches!(&self.reason, FailureReason::Unreadable(error) if error.excerpt.trim() == text.trim())
    }
}

impl std::error::Error for AnswerError {}
