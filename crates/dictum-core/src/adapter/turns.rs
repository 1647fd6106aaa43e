//! The turns of one call: conversation history, the input, and asking again.

use serde_json::Value;

use super::Adapter;
use super::system::is_history;
use crate::lm::{Message, Part, Role};
use crate::parse::FieldFailure;
use crate::record::Record;
use crate::signature::{FieldSpec, SignatureSpec};

/// Writes the messages of one call after the prefix.
pub(super) fn write<A: Adapter + ?Sized>(
    adapter: &A,
    spec: &SignatureSpec,
    input: &Record,
    reminder: Option<&str>,
) -> Vec<Message> {
    let mut messages = Vec::with_capacity(1);
    let mut values = Vec::with_capacity(spec.inputs().len());
    for field in spec.inputs() {
        let value = input.get(&field.name).or(field.default.as_ref());
        if is_history(field) {
            history(adapter, spec, value, reminder, &mut messages);
        } else if let Some(value) = value {
            values.push((field, value));
        }
    }
    messages.push(user(adapter, &values, reminder));
    messages
}

/// Writes earlier turns: each record of the history becomes a user turn of its inputs and an assistant turn of its outputs.
pub(super) fn history<A: Adapter + ?Sized>(
    adapter: &A,
    spec: &SignatureSpec,
    history: Option<&Value>,
    reminder: Option<&str>,
    messages: &mut Vec<Message>,
) {
    for turn in history
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
    {
        let values: Vec<(&FieldSpec, &Value)> = spec
            .inputs()
            .iter()
            .filter(|field| !is_history(field))
            .filter_map(|field| Some((field, turn.get(&field.name)?)))
            .collect();
        if !values.is_empty() {
            messages.push(user(adapter, &values, reminder));
        }
        let outputs: Vec<(&FieldSpec, Option<&Value>)> = spec
            .outputs()
            .iter()
            .map(|field| (field, turn.get(&field.name)))
            .collect();
        if outputs.iter().any(|(_, value)| value.is_some()) {
            let text = adapter.write_answer(&outputs, &adapter.wording().not_supplied);
            messages.push(Message::assistant(text));
        }
    }
}

fn user<A: Adapter + ?Sized>(
    adapter: &A,
    values: &[(&FieldSpec, &Value)],
    reminder: Option<&str>,
) -> Message {
    let mut parts = adapter.write_inputs(values);
    match (parts.last_mut(), reminder) {
        (Some(Part::Text { text }), Some(reminder)) => text.push_str(reminder),
        (_, Some(reminder)) => parts.push(Part::text(reminder)),
        (_, None) => {}
    }
    Message {
        role: Role::User,
        parts: merge_text(parts),
    }
}

/// Joins neighbouring text parts, and drops white space at the end of the message.
pub(super) fn merge_text(parts: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (merged.last_mut(), part) {
            (Some(Part::Text { text: before }), Part::Text { text }) => before.push_str(&text),
            (_, part) => merged.push(part),
        }
    }
    if let Some(Part::Text { text }) = merged.last_mut() {
        text.truncate(text.trim_end().len());
    }
    merged
}

/// Writes the failed answer as the model's turn, and the question for what it lacks.
pub(super) fn ask_again<A: Adapter + ?Sized>(
    adapter: &A,
    missing: &SignatureSpec,
    answer: &str,
    failures: &[FieldFailure],
) -> [Message; 2] {
    let problems: Vec<String> = failures.iter().map(|failure| format!("- {failure:#}")).collect();
    let text = adapter
        .wording()
        .ask_again
        .replace("{problems}", &problems.join("\n"));
    // Many providers refuse an empty turn.
    let answer = if answer.trim().is_empty() {
        "(empty answer)"
    } else {
        answer
    };
    [
        Message::assistant(answer),
        Message::user(format!("{text}\n{}", adapter.reminder(missing))),
    ]
}
