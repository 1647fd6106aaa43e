//! Two object schemas as one: what `allOf`, flattened fields and a reference with siblings mean.

use serde_json::{Map, Value};

/// Keywords that say nothing about values.
pub(super) const ANNOTATIONS: [&str; 12] = [
    "title",
    "description",
    "default",
    "examples",
    "$comment",
    "$schema",
    "$id",
    "$defs",
    "definitions",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// What holds when both schemas hold; `None` when that can't be said by putting the keywords together.
/// Annotations of the first win.
pub(super) fn merge(first: &Map<String, Value>, second: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut merged = first.clone();
    for (key, value) in second {
        let Some(present) = merged.get_mut(key) else {
            merged.insert(key.clone(), value.clone());
            continue;
        };
        if present == value || ANNOTATIONS.contains(&key.as_str()) {
            continue;
        }
        match key.as_str() {
            "properties" => merge_properties(present, value)?,
            "required" => {
                let (Value::Array(present), Value::Array(more)) = (present, value) else {
                    return None;
                };
                for name in more {
                    if !present.contains(name) {
                        present.push(name.clone());
                    }
                }
            }
            // A variant closed to its own properties is open for the flattened ones beside it: they are all named
            // in the merged schema. Saying what more there may be wins over saying nothing or `false`.
            "additionalProperties" | "unevaluatedProperties" => {
                if present.is_boolean() {
                    *present = value.clone();
                } else if !value.is_boolean() {
                    return None;
                }
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                if value.as_f64()? > present.as_f64()? {
                    *present = value.clone();
                }
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                if value.as_f64()? < present.as_f64()? {
                    *present = value.clone();
                }
            }
            "type" => {
                let narrowed = common(present, value)?;
                *present = narrowed;
            }
            _ => return None,
        }
    }
    Some(merged)
}

fn merge_properties(present: &mut Value, more: &Value) -> Option<()> {
    let (Value::Object(present), Value::Object(more)) = (present, more) else {
        return None;
    };
    for (name, schema) in more {
        match present.get_mut(name) {
            None => {
                present.insert(name.clone(), schema.clone());
            }
            Some(known) if known == schema || *schema == Value::Bool(true) => {}
            Some(known) if *known == Value::Bool(true) => *known = schema.clone(),
            Some(Value::Object(known)) => *known = merge(known, schema.as_object()?)?,
            Some(_) => return None,
        }
    }
    Some(())
}

/// The type names in both.
fn common(first: &Value, second: &Value) -> Option<Value> {
    let list = |value: &Value| match value {
        Value::Array(names) => names.clone(),
        name => vec![name.clone()],
    };
    let second = list(second);
    let mut both = list(first);
    both.retain(|name| second.contains(name));
    match both.len() {
        0 => None,
        1 => both.pop(),
        _ => Some(Value::Array(both)),
    }
}
