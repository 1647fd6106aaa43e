//! Checking a state against a program, and putting it in.

use std::collections::HashMap;

use serde_json::Value;

use super::{DemoIssue, FieldChange, LoadReport, ProgramState, SavedPredictor};
use crate::error::{Error, FileError, Result};
use crate::program::{
    Demo, ParameterMut, ParameterPath, Parameters, PredictorState, predictors, texts, thresholds,
};
use crate::signature::{FieldSpec, SignatureSpec};
use crate::types::Schema;

impl ProgramState {
    /// What would fit a program and what would not. Nothing is changed.
    pub fn check<P: Parameters + ?Sized>(&self, program: &P) -> LoadReport {
        self.fit(program).0
    }

    /// Puts in what fits: states of predictors both have, without demonstrations that hold values of the wrong type, and texts
    /// and thresholds both have. What is left out is in the report.
    pub fn apply<P: Parameters + ?Sized>(&self, program: &mut P) -> LoadReport {
        let (report, mut states) = self.fit(program);
        program.visit_mut(
            &mut ParameterPath::default(),
            &mut |path, parameter| match parameter {
                ParameterMut::Predictor(predictor) => {
                    if let Some(state) = states.remove(&path.to_string()) {
                        predictor.set_state(state);
                    }
                }
                ParameterMut::Text(text) => {
                    if let Some(saved) = self.texts.get(&path.to_string()) {
                        text.set_learned(saved.learned.as_deref());
                    }
                }
                ParameterMut::Threshold(threshold) => {
                    if let Some(saved) = self.thresholds.get(&path.to_string()) {
                        // What is not finite is in no file and in no candidate that a context took.
                        let _ = threshold.set_learned(saved.learned);
                    }
                }
            },
        );
        report
    }

    /// Puts the state in if all of it fits; otherwise the program stays as it is.
    ///
    /// # Errors
    /// [`Error::File`] with the report when something does not fit.
    pub fn apply_strict<P: Parameters + ?Sized>(&self, program: &mut P) -> Result<LoadReport> {
        let report = self.check(program);
        if report.fits() {
            return Ok(self.apply(program));
        }
        Err(misfit("program state", &report))
    }

    fn fit<P: Parameters + ?Sized>(&self, program: &P) -> (LoadReport, HashMap<String, PredictorState>) {
        let mut report = LoadReport::default();
        let mut states = HashMap::new();
        let all = predictors(program);
        for (path, predictor) in &all {
            let Some(saved) = self.predictors.get(path) else {
                report.missing.push(path.clone());
                continue;
            };
            report.loaded.push(path.clone());
            changes(path, saved, predictor.spec(), &mut report.changes);
            let mut state = saved.state.clone();
            // Demonstrations may hold the reasoning that is asked for beside the signature's outputs.
            let asked = state
                .asked(predictor.spec())
                .filter(|_| state.reasoning == Some(true));
            let mut place = 0;
            state.demos.retain(|demo| {
                place += 1;
                let issues = issues(path, place, demo, asked.as_ref().unwrap_or(predictor.spec()));
                let keep = issues.iter().all(|issue| issue.kept);
                report
                    .demos
                    .extend(issues.into_iter().map(|issue| DemoIssue { kept: keep, ..issue }));
                keep
            });
            states.insert(path.clone(), state);
        }
        let known = |path: &&String| all.iter().any(|(known, _)| known == *path);
        let unknown = self.predictors.keys().filter(|path| !known(path));
        report.unknown.extend(unknown.cloned());
        let all_texts = texts(program);
        for (path, _) in &all_texts {
            let place = match self.texts.contains_key(path) {
                true => &mut report.loaded,
                false => &mut report.missing_texts,
            };
            place.push(path.clone());
        }
        let known = |path: &&String| all_texts.iter().any(|(known, _)| known == *path);
        let unknown = self.texts.keys().filter(|path| !known(path));
        report.unknown_texts.extend(unknown.cloned());
        let all_thresholds = thresholds(program);
        for (path, _) in &all_thresholds {
            let place = match self.thresholds.contains_key(path) {
                true => &mut report.loaded,
                false => &mut report.missing_thresholds,
            };
            place.push(path.clone());
        }
        let known = |path: &&String| all_thresholds.iter().any(|(known, _)| known == *path);
        let unknown = self.thresholds.keys().filter(|path| !known(path));
        report.unknown_thresholds.extend(unknown.cloned());
        (report, states)
    }
}

/// The error of a state that does not fit.
pub(super) fn misfit(file: &str, report: &LoadReport) -> Error {
    Error::File(Box::new(FileError {
        file: file.to_owned(),
        line: None,
        column: None,
        problem: format!("it does not fit the program (load with a report to take what fits):\n{report}"),
    }))
}

/// What to do about a field that is not the same.
const DO: &str = "change the signature back, or compile the program again";

/// Fields that were added, removed, or are of another type or kind.
fn changes(path: &str, saved: &SavedPredictor, now: &SignatureSpec, changes: &mut Vec<FieldChange>) {
    let mut add = |field: &FieldSpec, change: String| {
        changes.push(FieldChange {
            path: path.to_owned(),
            field: field.name.clone(),
            change,
        });
    };
    for field in saved.signature.fields() {
        let Some(other) = now.field(&field.name) else {
            add(
                field,
                format!("is in the file and not in the program any more; {DO}"),
            );
            continue;
        };
        if other.kind != field.kind {
            let (was, is) = (kind_name(field), kind_name(other));
            add(
                field,
                format!("is an {was} in the file and an {is} in the program; {DO}"),
            );
        }
        if !same_type(&field.schema, &other.schema) {
            let (mut was, mut is) = (type_name(field), type_name(other));
            if was == is {
                // The same name for what is not the same: show what it stands for.
                (was, is) = (field.schema.outline().text, other.schema.outline().text);
            }
            add(
                field,
                format!("has the type `{was}` in the file and `{is}` in the program; {DO}"),
            );
        }
    }
    for field in now.fields() {
        if saved.signature.field(&field.name).is_none() {
            add(
                field,
                format!(
                    "is a new {} of the program, which the file does not have; {DO}",
                    kind_name(field)
                ),
            );
        }
    }
}

fn kind_name(field: &FieldSpec) -> &'static str {
    match field.kind {
        crate::signature::FieldKind::Input => "input",
        crate::signature::FieldKind::Output => "output",
    }
}

/// Whether the same values are of both types: descriptions inside them may have been edited since.
fn same_type(a: &Schema, b: &Schema) -> bool {
    a == b || bare(a.to_json_schema()) == bare(b.to_json_schema())
}

/// A JSON Schema without descriptions.
fn bare(schema: Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let kept = entries
                .into_iter()
                // A property may well be called `description`; what describes it is then a schema, not text.
                .filter(|(key, value)| !(key == "description" && value.is_string()))
                .map(|(key, value)| match key.as_str() {
                    "const" | "default" | "enum" | "examples" => (key, value),
                    _ => (key, bare(value)),
                });
            Value::Object(kept.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(bare).collect()),
        other => other,
    }
}

/// The type in the string form of signatures, with its constraints.
pub(super) fn type_name(field: &FieldSpec) -> String {
    let rules = field.schema.ty.constraints.describe();
    if rules.is_empty() {
        return field.schema.to_string();
    }
    format!("{} ({})", field.schema, rules.join(", "))
}

fn issues(path: &str, place: usize, demo: &Demo, spec: &SignatureSpec) -> Vec<DemoIssue> {
    let mut issues = Vec::new();
    for (name, value) in demo.fields.iter() {
        let (problem, kept) = match spec.field(name) {
            None => ("is not in the signature".to_owned(), true),
            Some(field) => match field.schema.check(value).into_iter().next() {
                Some(violation) => (violation.to_string(), false),
                None => continue,
            },
        };
        issues.push(DemoIssue {
            path: path.to_owned(),
            demo: place,
            field: name.to_owned(),
            problem,
            kept,
        });
    }
    issues
}
