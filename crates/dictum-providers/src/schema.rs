//! What the narrowing of JSON Schemas to providers' subsets has in common.

use serde_json::{Map, Value};

/// Keywords that only annotate: an answer that fits without them fits with them.
pub(crate) fn annotates(key: &str) -> bool {
    const ANNOTATIONS: &[&str] = &[
        "$schema",
        "$id",
        "$comment",
        "title",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    ];
    ANNOTATIONS.contains(&key) || key.starts_with("x-")
}

/// The properties of an object that can be closed. `None` for a map: without properties, or with others allowed by a schema.
pub(crate) fn closable(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let properties = schema.get("properties").and_then(Value::as_object)?;
    matches!(schema.get("additionalProperties"), None | Some(Value::Bool(_))).then_some(properties)
}

/// The names of the properties that must be there.
pub(crate) fn required(schema: &Map<String, Value>) -> Vec<&str> {
    let names = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    names.filter_map(Value::as_str).collect()
}

/// The lone member of an `allOf`, which is what generators write around a reference with a description.
pub(crate) fn lone(members: &Value) -> Option<&Value> {
    match members.as_array()?.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// All of these schemas narrowed, or `None` when one can't be.
pub(crate) fn each(
    schemas: &Map<String, Value>,
    narrow: impl Fn(&Value) -> Option<Value>,
) -> Option<Map<String, Value>> {
    schemas
        .iter()
        .map(|(name, schema)| Some((name.clone(), narrow(schema)?)))
        .collect()
}
