//! Demonstrations as earlier turns of the conversation.

use serde_json::Value;

use super::system::is_history;
use super::{Adapter, turns};
use crate::lm::{Message, Part, Role};
use crate::program::Demo;
use crate::signature::{FieldSpec, SignatureSpec};

/// Appends the demonstrations, in the user's order. One without any input or any output shows nothing and is left out;
/// one that lacks some fields is marked. A `null` that is there is a value.
pub(super) fn write<A: Adapter + ?Sized>(
    adapter: &A,
    spec: &SignatureSpec,
    demos: &[Demo],
    messages: &mut Vec<Message>,
) {
    for demo in demos {
        let shown: Vec<&FieldSpec> = spec.inputs().iter().filter(|field| !is_history(field)).collect();
        let inputs: Vec<(&FieldSpec, &Value)> = shown
            .iter()
            .filter_map(|field| Some((*field, demo.fields.get(&field.name)?)))
            .collect();
        let outputs: Vec<(&FieldSpec, Option<&Value>)> = spec
            .outputs()
            .iter()
            .map(|field| (field, demo.fields.get(&field.name)))
            .collect();
        let given = outputs.iter().filter(|(_, value)| value.is_some()).count();
        if given == 0 || (inputs.is_empty() && !shown.is_empty()) {
            continue;
        }
        if let Some(history) = spec.inputs().iter().find(|field| is_history(field)) {
            turns::history(adapter, spec, demo.fields.get(&history.name), None, messages);
        }
        let wording = adapter.wording();
        let mut parts = adapter.write_inputs(&inputs);
        if given < outputs.len() || inputs.len() < shown.len() {
            parts.insert(0, Part::text(format!("{}\n\n", wording.incomplete_demo)));
        }
        messages.push(Message {
            role: Role::User,
            parts: turns::merge_text(parts),
        });
        messages.push(Message::assistant(
            adapter.write_answer(&outputs, &wording.not_supplied),
        ));
    }
}
