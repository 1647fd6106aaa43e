//! Small things that several dialects write or read the same way.

use serde_json::{Map, Value};

/// Merges parameters that stand over all others; `null` takes one out.
pub(crate) fn merge_extra(extra: &Map<String, Value>, body: &mut Map<String, Value>) {
    for (name, value) in extra {
        if value.is_null() {
            body.shift_remove(name);
        } else {
            body.insert(name.clone(), value.clone());
        }
    }
}

/// Arguments of a tool call that came as JSON in a text. What is not JSON stays a text, for the caller to show to the model.
pub(crate) fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
