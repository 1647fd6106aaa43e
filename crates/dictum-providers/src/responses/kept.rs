//! Items that are to be given back as they came.
//!
//! A reasoning item has an id, summaries and an encrypted form that belong together. [`Part::Reasoning`]'s signature holds
//! the item as JSON, so that the next turn can hand it back unchanged.

use dictum_core::lm::Part;
use serde_json::{Map, Value};

const PROVIDER: &str = "openai";

/// What stands between the summaries of one item, here and in the pieces of a stream.
pub(super) const BETWEEN: &str = "\n\n";

/// The part that a reasoning item is.
pub(super) fn part(item: &Value) -> Part {
    let texts = |name: &str| -> Vec<&str> {
        item.get(name)
            .and_then(Value::as_array)
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
    Part::Reasoning {
        text: shown.join(BETWEEN),
        signature: item
            .get("encrypted_content")
            .is_some_and(Value::is_string)
            .then(|| kept(item).to_string()),
    }
}

/// An item that no one but OpenAI understands: a step of a tool that runs there.
pub(super) fn opaque(item: &Value) -> Part {
    Part::Opaque {
        provider: PROVIDER.to_owned(),
        payload: item.clone(),
    }
}

/// The item that such a part is, if it is from OpenAI.
pub(super) fn of_openai(provider: &str, item: &Value) -> Option<Value> {
    (provider == PROVIDER).then(|| item.clone())
}

/// The item without what the server refuses to see again: what says nothing, and how far it had come.
fn kept(item: &Value) -> Value {
    let entries = item.as_object().into_iter().flatten();
    let entries: Map<String, Value> = entries
        .filter(|(name, value)| !value.is_null() && name.as_str() != "status")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(entries)
}

/// The item that a signature holds, if it is one of ours.
pub(super) fn item(signature: &str) -> Option<Value> {
    let item: Value = serde_json::from_str(signature).ok()?;
    (item.get("type")? == "reasoning").then_some(item)
}
