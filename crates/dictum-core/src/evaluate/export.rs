//! Rows for other programs.

use std::io::Write;

use serde_json::Value;

use super::{Evaluation, Row, RowOutcome};
use crate::error::{Error, FileError, Result};
use crate::record::Record;

impl Evaluation {
    /// Writes the rows as JSON Lines, one object each: `id`, `inputs`, `labels`, `status` (`scored`, `failed`, `unjudged` or
    /// `not_run`), what goes with it (`prediction`, `value`, `feedback`, `cause`, `message`, `after`), `took` in seconds, `calls`,
    /// `usage`.
    ///
    /// # Errors
    /// [`Error::File`] when it can't be written.
    pub fn write_jsonl(&self, mut out: impl Write) -> Result<()> {
        for row in self.rows() {
            let line = serde_json::to_string(row).map_err(failed)?;
            writeln!(out, "{line}").map_err(failed)?;
        }
        out.flush().map_err(failed)
    }

    /// Writes the rows as CSV: `id`, `status`, `score`, `feedback`, `cause`, `error`, `seconds`, `calls`, `tokens`, then a column per
    /// field as `input.NAME`, `label.NAME` and `output.NAME`. Text as it is, other values as JSON; a field a row doesn't
    /// have is empty.
    ///
    /// # Errors
    /// [`Error::File`] when it can't be written.
    pub fn write_csv(&self, out: impl Write) -> Result<()> {
        let inputs = self.columns(|row| Some(row.example.inputs()));
        let labels = self.columns(|row| Some(row.example.labels()));
        let outputs = self.columns(Row::prediction);
        let mut csv = csv::Writer::from_writer(out);
        let fixed = [
            "id", "status", "score", "feedback", "cause", "error", "seconds", "calls", "tokens",
        ];
        let mut head: Vec<String> = fixed.map(str::to_owned).to_vec();
        for (kind, names) in [("input", &inputs), ("label", &labels), ("output", &outputs)] {
            head.extend(names.iter().map(|name| format!("{kind}.{name}")));
        }
        csv.write_record(&head).map_err(failed)?;
        for row in self.rows() {
            let mut line = self.fixed(row);
            line.extend(cells(&inputs, Some(row.example.inputs())));
            line.extend(cells(&labels, Some(row.example.labels())));
            line.extend(cells(&outputs, row.prediction()));
            csv.write_record(&line).map_err(failed)?;
        }
        csv.flush().map_err(failed)
    }

    /// Names of all fields of all rows, in the order they are first met.
    fn columns<'a>(&'a self, record: impl Fn(&'a Row) -> Option<&'a Record>) -> Vec<&'a str> {
        let names: indexmap::IndexSet<&str> = self
            .rows()
            .iter()
            .filter_map(record)
            .flat_map(Record::names)
            .collect();
        names.into_iter().collect()
    }

    fn fixed(&self, row: &Row) -> Vec<String> {
        let (status, feedback) = match &row.outcome {
            RowOutcome::Scored { score, .. } => ("scored", score.feedback.clone()),
            RowOutcome::Failed { .. } => ("failed", None),
            RowOutcome::Unjudged { .. } => ("unjudged", None),
            RowOutcome::NotRun { .. } => ("not_run", None),
        };
        let (cause, error) = row.error().unwrap_or_default();
        let score = row.score(self.failure_score());
        vec![
            row.example.id().to_owned(),
            status.to_owned(),
            score.map_or_else(String::new, |score| score.to_string()),
            feedback.unwrap_or_default(),
            cause.to_owned(),
            error.to_owned(),
            format!("{:.6}", row.took.as_secs_f64()),
            row.calls.to_string(),
            row.usage
                .total_tokens()
                .map_or_else(String::new, |tokens| tokens.to_string()),
        ]
    }
}

fn cells<'a>(names: &'a [&str], record: Option<&'a Record>) -> impl Iterator<Item = String> + 'a {
    names
        .iter()
        .map(move |name| match record.and_then(|record| record.get(name)) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        })
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::File(Box::new(FileError {
        file: "rows".to_owned(),
        line: None,
        column: None,
        problem: format!("can't be written: {error}"),
    }))
}
