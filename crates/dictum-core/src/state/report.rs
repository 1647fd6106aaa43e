//! What fitted when a state was loaded, and what did not.

use std::fmt;

use serde::Serialize;

/// What became of a state when it was checked against a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// Paths in both.
    pub loaded: Vec<String>,
    /// Predictors of the program that the state does not have: they stay as they are.
    pub missing: Vec<String>,
    /// Predictors of the state that the program does not have: they are left out.
    pub unknown: Vec<String>,
    /// Texts of the program that the state does not have: they stay as they are.
    pub missing_texts: Vec<String>,
    /// Texts of the state that the program does not have: they are left out.
    pub unknown_texts: Vec<String>,
    /// Thresholds of the program that the state does not have: they stay as they are.
    pub missing_thresholds: Vec<String>,
    /// Thresholds of the state that the program does not have: they are left out.
    pub unknown_thresholds: Vec<String>,
    /// Fields that are not the same in both.
    pub changes: Vec<FieldChange>,
    /// Demonstrations with a fault.
    pub demos: Vec<DemoIssue>,
}

/// A field of a signature that is not the same in state and program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The predictor.
    pub path: String,
    /// The field.
    pub field: String,
    /// What is different, and what to do, to be read behind the field's name: `is an output in the file and an input in the
    /// program; ...`.
    pub change: String,
}

/// A demonstration with a value that has no place, or does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoIssue {
    /// The predictor.
    pub path: String,
    /// Which demonstration, from 1.
    pub demo: usize,
    /// The field.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// Whether the demonstration is kept: one with further fields is (they are not shown to the model), one with a value
    /// of the wrong type is not.
    pub kept: bool,
}

impl LoadReport {
    /// Whether everything fitted. A demonstration with further fields fits.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.missing.is_empty()
            && self.unknown.is_empty()
            && self.missing_texts.is_empty()
            && self.unknown_texts.is_empty()
            && self.missing_thresholds.is_empty()
            && self.unknown_thresholds.is_empty()
            && self.changes.is_empty()
            && self.demos.iter().all(|issue| issue.kept)
    }
}

/// One line per thing to know; `everything fits` when there is none.
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        let sets = [
            ("predictor", &self.missing, &self.unknown),
            ("text", &self.missing_texts, &self.unknown_texts),
            ("threshold", &self.missing_thresholds, &self.unknown_thresholds),
        ];
        for (what, missing, unknown) in sets {
            for path in missing {
                lines.push(format!(
                    "`{path}`: the program has this {what}, the file does not; it stays as it is (was it renamed?)"
                ));
            }
            for path in unknown {
                lines.push(format!(
                    "`{path}`: the file has this {what}, the program does not; it is left out (was it renamed?)"
                ));
            }
        }
        for FieldChange { path, field, change } in &self.changes {
            lines.push(format!("`{path}`: field `{field}` {change}"));
        }
        for issue in &self.demos {
            let DemoIssue {
                path,
                demo,
                field,
                problem,
                kept,
            } = issue;
            let fate = if *kept { "is kept" } else { "is left out" };
            lines.push(format!("`{path}`: demo {demo} {fate}: its `{field}` {problem}"));
        }
        if lines.is_empty() {
            return f.write_str("everything fits");
        }
        f.write_str(&lines.join("\n"))
    }
}
