//! Narrowing a JSON Schema to the subset that Bedrock's structured output takes.
//!
//! Objects must be closed, and bounds of numbers, lengths and counts are refused. Those go into the description, where the
//! model still reads them; the answer is checked against the whole schema anyway.

use serde_json::{Map, Value, json};

/// Bounds that the subset refuses.
const BOUNDS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// Keywords that only annotate.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "title",
    "default",
    "examples",
    "deprecated",
];

/// The schema as far as the subset can say it. What it can't (maps, schemas that contain themselves) stays as it is, for the
/// server to refuse.
pub(super) fn narrowed(schema: &Value) -> Value {
    let Some(schema) = schema.as_object() else {
        return schema.clone();
    };
    let mut out = Map::new();
    let mut bounds = Vec::new();
    for (key, value) in schema {
        match key.as_str() {
            "properties" | "$defs" | "definitions" => {
                let members = value.as_object().into_iter().flatten();
                let members = members.map(|(name, member)| (name.clone(), narrowed(member)));
                out.insert(key.clone(), Value::Object(members.collect()));
            }
            "items" => {
                out.insert(key.clone(), narrowed(value));
            }
            "anyOf" | "oneOf" | "allOf" => {
                let options = value.as_array().into_iter().flatten().map(narrowed).collect();
                // Alternatives that exclude each other are what a model is asked for anyway.
                let key = if key == "oneOf" { "anyOf" } else { key };
                out.insert(key.to_owned(), Value::Array(options));
            }
            // The two counts that are taken.
            "minItems" if matches!(value.as_u64(), Some(0 | 1)) => {
                out.insert(key.clone(), value.clone());
            }
            bound if BOUNDS.contains(&bound) => bounds.push(format!("{bound}: {value}")),
            note if ANNOTATIONS.contains(&note) => {}
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    if out.get("properties").is_some() && !matches!(out.get("additionalProperties"), Some(Value::Object(_))) {
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    if !bounds.is_empty() {
        let bounds = bounds.join(", ");
        let described = match out.get("description").and_then(Value::as_str) {
            Some(description) => format!("{description} ({bounds})"),
            None => bounds,
        };
        out.insert("description".to_owned(), json!(described));
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_and_bounds_are_told_in_words() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Ticket",
            "type": "object",
            "properties": {
                "urgency": { "type": "integer", "description": "How soon.", "minimum": 1, "maximum": 5 },
                "tags": { "type": "array", "minItems": 1, "maxItems": 3, "items": { "$ref": "#/$defs/Tag" } },
                "place": { "oneOf": [{ "type": "null" }, { "type": "object", "properties": { "x": { "type": "number" } } }] },
            },
            "required": ["tags"],
            "$defs": { "Tag": { "type": "string", "maxLength": 8, "pattern": "^[a-z]+$" } },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "urgency": { "type": "integer", "description": "How soon. (minimum: 1, maximum: 5)" },
                "tags": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/Tag" }, "description": "maxItems: 3" },
                "place": { "anyOf": [
                    { "type": "null" },
                    { "type": "object", "properties": { "x": { "type": "number" } }, "additionalProperties": false },
                ] },
            },
            "required": ["tags"],
            "$defs": { "Tag": { "type": "string", "pattern": "^[a-z]+$", "description": "maxLength: 8" } },
            "additionalProperties": false,
        });
        assert_eq!(narrowed(&schema), expected);
        assert_eq!(narrowed(&expected), expected, "narrowing again changes nothing");
    }

    #[test]
    fn a_property_may_have_a_keywords_name() {
        let schema = json!({ "type": "object", "properties": { "minimum": { "type": "integer" }, "title": { "type": "string" } } });
        let narrowed = narrowed(&schema);
        assert_eq!(narrowed["properties"], schema["properties"]);
    }
}
