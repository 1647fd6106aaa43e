//! Items that are to be given back as they came.
//!
//! A reasoning item has an id, summaries and an encrypted form that belong together. What can be read of it is a
//! [`Part::Reasoning`], and what has to go back a [`Part::Opaque`] beside it.

use dictum_core::lm::Part;
use serde_json::Value;

use crate::json::Json;

const PROVIDER: &str = "openai";

/// What stands between the summaries of one item, here and in the pieces of a stream.
pub(super) const BETWEEN: &str = "\n\n";

/// Adds the parts that a reasoning item is. One that was not encrypted can't go back: nothing of it is stored.
pub(super) fn reasoning<J: Json>(item: &J, parts: &mut Vec<Part>) {
    let texts = |name: &str| -> Vec<&str> {
        item.get(name)
            .and_then(J::as_array)
            .into_iter()
            .flatten()
            .filter_map(|piece| piece.get("text")?.as_str())
            .collect()
    };
    // Open models show their reasoning itself, OpenAI's a summary.
    let summary = texts("summary");
    let shown = if summary.is_empty() {
        texts("content")
    } else {
        summary
    };
    if !shown.is_empty() {
        parts.push(Part::Reasoning {
            text: shown.join(BETWEEN),
            signature: None,
        });
    }
    if item.get("encrypted_content").and_then(J::as_str).is_some() {
        parts.push(opaque(kept(item.to_value())));
    }
}

/// An item that no one but OpenAI understands.
pub(super) fn opaque(item: Value) -> Part {
    Part::Opaque {
        provider: PROVIDER.to_owned(),
        payload: item,
    }
}

/// The item that such a part is, if it is from OpenAI.
pub(super) fn of_openai<'a>(provider: &str, item: &'a Value) -> Option<&'a Value> {
    (provider == PROVIDER).then_some(item)
}

/// The item without what the server refuses to see again: what says nothing, and how far it had come.
fn kept(item: Value) -> Value {
    let Value::Object(entries) = item else {
        return item;
    };
    let says = entries
        .into_iter()
        .filter(|(name, value)| !value.is_null() && name != "status");
    Value::Object(says.collect())
}
