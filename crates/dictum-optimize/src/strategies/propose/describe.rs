//! A program and its data as text, for a model to read.

use dictum_core::data::Example;
use dictum_core::program::Demo;
use dictum_core::signature::SignatureSpec;
use serde_json::Value;

use crate::plan::{Part, TextPart};

/// Longer values are cut: the proposer needs their kind, not all of them.
const LONGEST: usize = 500;

/// The steps of a program with their fields and instructions, and its texts: all that is known of it without its code.
pub(in super::super) fn program_text(parts: &[Part], texts: &[TextPart]) -> String {
    let of = parts.len();
    let step = |(place, part): (usize, &Part)| {
        format!(
            "Step {} of {of}: `{}`\n{}\n- is told: {}",
            place + 1,
            part.path,
            fields_text(&part.spec),
            part.own_instructions()
        )
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

/// What a step takes and gives, a line each. Types stand as the model sees them that carries out the step: whoever
/// proposes instructions must know what may be answered, not what the type is called.
pub(in super::super) fn fields_text(spec: &SignatureSpec) -> String {
    let mut lines = Vec::new();
    let mut definitions = Vec::new();
    for (verb, fields) in [("takes", spec.inputs()), ("gives", spec.outputs())] {
        for field in fields {
            lines.push(format!("- {verb} {}", field.outline(&mut definitions)));
        }
    }
    let definitions = definitions
        .into_iter()
        .map(|(name, text)| format!("- {name} is {text}"));
    lines.extend(definitions);
    lines.join("\n")
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

#[cfg(test)]
mod tests {
    use dictum_core::signature::FieldSpec;
    use dictum_core::types::Type;

    use super::*;

    #[test]
    fn a_step_is_told_with_what_it_may_answer() {
        let spec = SignatureSpec::builder()
            .field(FieldSpec::input("review", Type::str()).with_description("as it was posted"))
            .field(FieldSpec::output("source", Type::literal(["imdb", "yelp"])))
            .build()
            .unwrap();
        assert_eq!(
            fields_text(&spec),
            "- takes `review` (str): as it was posted\n- gives `source` (one of: imdb; yelp)"
        );
    }
}
