//! A program and its data as text, for a model to read.

use dictum_core::data::Example;
use dictum_core::program::Demo;
use dictum_core::signature::FieldSpec;
use serde_json::Value;

use crate::plan::{Part, TextPart};

/// Longer values are cut: the proposer needs their kind, not all of them.
const LONGEST: usize = 500;

/// The steps of a program with their fields and instructions, and its texts: all that is known of it without its code.
pub(in super::super) fn program_text(parts: &[Part], texts: &[TextPart]) -> String {
    let of = parts.len();
    let step = |(place, part): (usize, &Part)| {
        let mut text = format!("Step {} of {of}: `{}`", place + 1, part.path);
        for (verb, fields) in [("takes", part.spec.inputs()), ("gives", part.spec.outputs())] {
            for field in fields {
                text.push_str(&format!("\n- {verb} {}", field_text(field)));
            }
        }
        text.push_str(&format!("\n- is told: {}", part.own_instructions()));
        text
    };
    let text = |text: &TextPart| {
        format!(
            "Text `{}`\n- is for: {}\n- says: {}",
            text.path, text.purpose, text.text
        )
    };
    let mut all: Vec<String> = parts.iter().enumerate().map(step).collect();
    all.extend(texts.iter().map(text));
    all.join("\n\n")
}

fn field_text(field: &FieldSpec) -> String {
    match &field.description {
        Some(description) => format!("`{}` ({}): {description}", field.name, field.schema),
        None => format!("`{}` ({})", field.name, field.schema),
    }
}

/// An example with what is known of it.
pub(super) fn example_text(example: &Example) -> String {
    let fields = example.inputs().iter().chain(example.labels().iter());
    let lines: Vec<String> = fields.map(|(name, value)| line(name, value)).collect();
    lines.join("\n")
}

/// A demonstration of a step.
pub(in super::super) fn demo_text(demo: &Demo) -> String {
    let lines: Vec<String> = demo
        .fields
        .iter()
        .map(|(name, value)| line(name, value))
        .collect();
    lines.join("\n")
}

/// Texts under numbers.
pub(super) fn numbered(what: &str, texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts
        .enumerate()
        .map(|(place, text)| format!("{what} {}:\n{text}", place + 1))
        .collect();
    texts.join("\n\n")
}

fn line(name: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push_str(" [...]");
    }
    format!("{name}: {short}")
}
