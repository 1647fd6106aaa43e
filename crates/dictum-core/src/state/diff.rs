//! What is different between two states, for people.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use super::{ProgramState, SavedPredictor};
use crate::program::Demo;

/// The lines of two texts: `- ` before those only in `old`, `+ ` before those only in `new`, two blanks before the others.
#[must_use]
pub fn line_diff(old: &str, new: &str) -> String {
    let mut text = String::new();
    for change in TextDiff::from_lines(old, new).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => "-",
            ChangeTag::Insert => "+",
            ChangeTag::Equal => " ",
        };
        let line = change.value().trim_end_matches(['\n', '\r']);
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", format!("{sign} {line}").trim_end());
    }
    text
}

/// What is different from `a` to `b`, predictor by predictor: instructions line by line, fields, demonstrations, model,
/// adapter, reasoning and settings; then texts and thresholds. Empty when nothing is.
#[must_use]
pub fn diff(a: &ProgramState, b: &ProgramState) -> String {
    let mut text = String::new();
    for (path, old) in a.predictors() {
        let Some(new) = b.predictor(path) else {
            let _ = writeln!(text, "{path}: removed");
            continue;
        };
        let changes = predictor(old, new);
        if !changes.is_empty() {
            let _ = writeln!(text, "{path}:");
            for line in changes.lines() {
                let _ = writeln!(text, "{}", format!("  {line}").trim_end());
            }
        }
    }
    for (path, new) in b.predictors() {
        if a.predictor(path).is_none() {
            let demos = new.state.demos.len();
            let _ = writeln!(text, "{path}: added, with {demos} demos");
        }
    }
    for (path, old) in a.texts() {
        let Some(new) = b.text(path) else {
            let _ = writeln!(text, "{path}: text removed");
            continue;
        };
        if old.text() != new.text() {
            let lines = indented(&line_diff(old.text(), new.text()));
            let _ = write!(text, "{path}:\n  text\n{}", indented(&lines));
        }
    }
    for (path, _) in b.texts() {
        if a.text(path).is_none() {
            let _ = writeln!(text, "{path}: text added");
        }
    }
    for (path, old) in a.thresholds() {
        let Some(new) = b.threshold(path) else {
            let _ = writeln!(text, "{path}: threshold removed");
            continue;
        };
        if old.value() != new.value() {
            let (old, new) = (old.value(), new.value());
            let _ = writeln!(text, "{path}:\n  threshold\n    - {old}\n    + {new}");
        }
    }
    for (path, _) in b.thresholds() {
        if a.threshold(path).is_none() {
            let _ = writeln!(text, "{path}: threshold added");
        }
    }
    text
}

fn predictor(old: &SavedPredictor, new: &SavedPredictor) -> String {
    let mut text = String::new();
    let of = |saved: &SavedPredictor| {
        let learned = saved.state.instructions.clone();
        learned.unwrap_or_else(|| saved.signature.instructions().into_owned())
    };
    let (before, after) = (of(old), of(new));
    if before != after {
        let _ = write!(text, "instructions\n{}", indented(&line_diff(&before, &after)));
    }
    let mut fields = String::new();
    for field in old.signature.fields() {
        if new.signature.field(&field.name) != Some(field) {
            let _ = writeln!(fields, "- {}: {}", field.name, super::apply::type_name(field));
        }
    }
    for field in new.signature.fields() {
        if old.signature.field(&field.name) != Some(field) {
            let _ = writeln!(fields, "+ {}: {}", field.name, super::apply::type_name(field));
        }
    }
    if !fields.is_empty() {
        let _ = write!(text, "fields\n{}", indented(&fields));
    }
    let demos = demos(&old.state.demos, &new.state.demos);
    if !demos.is_empty() {
        let (before, after) = (old.state.demos.len(), new.state.demos.len());
        let _ = write!(
            text,
            "demos, {before} before and {after} after\n{}",
            indented(&demos)
        );
    }
    let (before, after) = (old.state.choices(), new.state.choices());
    for line in before.iter().filter(|line| !after.contains(line)) {
        let _ = writeln!(text, "- {line}");
    }
    for line in after.iter().filter(|line| !before.contains(line)) {
        let _ = writeln!(text, "+ {line}");
    }
    text
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

/// Demonstrations removed and added; the same one several times counts so often.
fn demos(old: &[Demo], new: &[Demo]) -> String {
    let mut text = String::new();
    let mut left: Vec<&Demo> = new.iter().collect();
    for demo in old {
        match left.iter().position(|other| *other == demo) {
            Some(place) => drop(left.remove(place)),
            None => {
                let _ = writeln!(text, "- {}", line(demo));
            }
        }
    }
    for demo in &left {
        let _ = writeln!(text, "+ {}", line(demo));
    }
    if text.is_empty() && old != new {
        text.push_str("the same, in another order\n");
    }
    text
}

/// A demonstration on one line.
pub(super) fn line(demo: &Demo) -> String {
    let fields = serde_json::to_string(&demo.fields).unwrap_or_default();
    let augmented = if demo.augmented { " (augmented)" } else { "" };
    format!("{fields}{augmented}")
}
