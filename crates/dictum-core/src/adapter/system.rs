//! The system message: fields, layout, task.

use super::Adapter;
use crate::signature::{FieldSpec, SignatureSpec};
use crate::types::Kind;

/// Writes the system message.
pub(super) fn message<A: Adapter + ?Sized>(adapter: &A, spec: &SignatureSpec, instructions: &str) -> String {
    let wording = adapter.wording();
    let mut definitions: Vec<(String, String)> = Vec::new();
    let mut sections = Vec::new();
    // History becomes messages of its own: it is no field the model sees.
    let inputs: Vec<&FieldSpec> = spec.inputs().iter().filter(|field| !is_history(field)).collect();
    let outputs: Vec<&FieldSpec> = spec.outputs().iter().collect();
    for (heading, fields) in [(&wording.inputs, inputs), (&wording.outputs, outputs)] {
        if !fields.is_empty() {
            sections.push(format!("{heading}\n{}", list(&fields, &mut definitions)));
        }
    }
    if !definitions.is_empty() {
        let lines: Vec<String> = definitions
            .iter()
            .map(|(name, text)| format!("{name}: {text}"))
            .collect();
        sections.push(format!("{}\n{}", wording.definitions, lines.join("\n")));
    }
    sections.push(adapter.describe_layout(spec));
    sections.push(format!("{}\n{}", wording.task, instructions.trim()));
    sections.join("\n\n")
}

/// One numbered line per field: name, type, description.
fn list(fields: &[&FieldSpec], definitions: &mut Vec<(String, String)>) -> String {
    let lines = fields
        .iter()
        .enumerate()
        .map(|(index, field)| format!("{}. {}", index + 1, field.outline(definitions)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the field holds earlier turns.
pub(super) fn is_history(field: &FieldSpec) -> bool {
    match &field.schema.ty.kind {
        Kind::History => true,
        Kind::Optional(inner) => inner.kind == Kind::History,
        _ => false,
    }
}
