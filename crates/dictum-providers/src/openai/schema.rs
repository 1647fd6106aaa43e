//! Narrowing a JSON Schema to the subset that OpenAI's strict mode takes.

use serde_json::{Map, Value, json};

use crate::schema::{annotates, closable, each, lone, required};

/// Keywords that strict mode takes as they are.
const TAKEN: &[&str] = &[
    "type",
    "description",
    "enum",
    "const",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
];

/// The schema in strict form: every object closed, every property required, those that were optional nullable. An answer
/// may then say `null` where the schema lets it say nothing; nothing else about its meaning changes.
///
/// `None` when the subset can't say what the schema says: maps, open objects, tuples, values of any type, a root that is not
/// an object.
pub(crate) fn strict(schema: &Value) -> Option<Value> {
    let root = schema.as_object()?;
    if root.get("type") != Some(&json!("object")) {
        return None;
    }
    narrow(schema)
}

fn narrow(schema: &Value) -> Option<Value> {
    let schema = schema.as_object()?;
    let mut out = Map::new();
    if let Some(target) = schema.get("$ref") {
        // Strict mode takes no neighbours of a reference, so those that only annotate go.
        let alone = schema
            .keys()
            .all(|key| matches!(key.as_str(), "$ref" | "description") || annotates(key));
        out.insert("$ref".to_owned(), target.clone());
        return alone.then_some(Value::Object(out));
    }
    let mut says_type = false;
    for (key, value) in schema {
        match key.as_str() {
            "properties" | "required" | "additionalProperties" => {}
            "items" => {
                out.insert(key.clone(), narrow(value)?);
            }
            // Alternatives that exclude each other are what a model is asked for anyway.
            "anyOf" | "oneOf" => {
                says_type = true;
                let options: Option<Vec<Value>> = value.as_array()?.iter().map(narrow).collect();
                out.insert("anyOf".to_owned(), Value::Array(options?));
            }
            "allOf" => {
                says_type = true;
                for (key, value) in narrow(lone(value)?)?.as_object()? {
                    out.insert(key.clone(), value.clone());
                }
            }
            "$defs" | "definitions" => {
                out.insert(key.clone(), Value::Object(each(value.as_object()?, narrow)?));
            }
            known if TAKEN.contains(&known) => {
                says_type |= matches!(known, "type" | "enum" | "const");
                out.insert(key.clone(), value.clone());
            }
            known if annotates(known) => {}
            _ => return None,
        }
    }
    if has_type(schema, "array") && !schema.contains_key("items") {
        return None;
    }
    if has_type(schema, "object") {
        close(schema, &mut out)?;
    }
    says_type.then_some(Value::Object(out))
}

fn has_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// Closes an object and makes all its properties required.
fn close(schema: &Map<String, Value>, out: &mut Map<String, Value>) -> Option<()> {
    let properties = closable(schema)?;
    let required = required(schema);
    let mut narrowed = Map::new();
    for (name, property) in properties {
        let mut property = narrow(property)?;
        if !required.contains(&name.as_str()) {
            property = nullable(property);
        }
        narrowed.insert(name.clone(), property);
    }
    out.insert("required".to_owned(), narrowed.keys().cloned().collect());
    out.insert("properties".to_owned(), Value::Object(narrowed));
    out.insert("additionalProperties".to_owned(), json!(false));
    Some(())
}

/// The same schema, `null` allowed.
fn nullable(schema: Value) -> Value {
    let nothing = json!({ "type": "null" });
    let Value::Object(mut schema) = schema else {
        return schema;
    };
    // A list of values stays a list of values, with `null` among them, when the type is not the whole story.
    if schema.contains_key("enum") || schema.contains_key("const") || schema.contains_key("$ref") {
        return json!({ "anyOf": [schema, nothing] });
    }
    if let Some(Value::Array(options)) = schema.get_mut("anyOf") {
        if !options.contains(&nothing) {
            options.push(nothing);
        }
        return Value::Object(schema);
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) => {
            types.retain(|one| one != "null");
            types.push(json!("null"));
        }
        Some(only) if *only != "null" => *only = json!([only.take(), "null"]),
        _ => {}
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_and_optional_properties_nullable() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Ticket",
            "type": "object",
            "properties": {
                "team": { "$ref": "#/$defs/Team", "description": "Who answers." },
                "urgency": { "type": "integer", "minimum": 1, "maximum": 5, "default": 3 },
                "note": { "type": ["string", "null"], "maxLength": 80 },
                "tags": { "type": "array", "items": { "type": "string" } },
                "other": { "allOf": [{ "$ref": "#/$defs/Team" }], "title": "Other" },
                "place": { "oneOf": [{ "type": "string" }, { "type": "object", "properties": { "x": { "type": "number" } } }] },
            },
            "required": ["team", "tags"],
            "$defs": { "Team": { "type": "string", "enum": ["billing", "sales"] } },
        });
        let expected = json!({
            "type": "object",
            "$defs": { "Team": { "type": "string", "enum": ["billing", "sales"] } },
            "required": ["team", "urgency", "note", "tags", "other", "place"],
            "properties": {
                "team": { "$ref": "#/$defs/Team" },
                "urgency": { "type": ["integer", "null"], "minimum": 1, "maximum": 5 },
                "note": { "type": ["string", "null"], "maxLength": 80 },
                "tags": { "type": "array", "items": { "type": "string" } },
                "other": { "anyOf": [{ "$ref": "#/$defs/Team" }, { "type": "null" }] },
                "place": { "anyOf": [
                    { "type": "string" },
                    {
                        "type": "object",
                        "required": ["x"],
                        "properties": { "x": { "type": ["number", "null"] } },
                        "additionalProperties": false,
                    },
                    { "type": "null" },
                ] },
            },
            "additionalProperties": false,
        });
        assert_eq!(strict(&schema), Some(expected));
    }

    #[test]
    fn narrowing_twice_changes_nothing_more() {
        let schema = json!({
            "type": "object",
            "properties": { "a": { "enum": [1, 2] }, "b": { "type": "object", "properties": {} } },
        });
        let once = strict(&schema).unwrap();
        assert_eq!(strict(&once).unwrap(), once);
    }

    #[test]
    fn what_the_subset_cannot_say_is_left_alone() {
        let with = |property: Value| json!({ "type": "object", "properties": { "a": property } });
        for property in [
            json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
            json!({ "type": "object" }),
            json!({}),
            json!(true),
            json!({ "type": "array" }),
            json!({ "type": "array", "prefixItems": [{ "type": "string" }] }),
            json!({ "not": { "type": "string" } }),
            json!({ "allOf": [{ "type": "string" }, { "minLength": 2 }] }),
        ] {
            assert_eq!(strict(&with(property.clone())), None, "{property}");
        }
        assert_eq!(
            strict(&json!({ "type": "array", "items": { "type": "string" } })),
            None
        );
        assert_eq!(strict(&json!({ "anyOf": [] })), None);
    }
}
