//! Narrowing a JSON Schema to what Gemini takes.
//!
//! Gemini reads a part of JSON Schema and refuses some of the rest. Unlike a strict mode, it need not hold the answer to all
//! that the schema says: the parser checks every answer anyway. So what the part can't say is loosened, never refused.

use serde_json::{Map, Value, json};

use crate::schema::required;

/// Keywords that are taken as they are.
const TAKEN: &[&str] = &[
    "$id",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "required",
];

/// What definitions go by.
const OLD_AND_NEW: [&str; 2] = ["definitions", "$defs"];

/// The schema in Gemini's form. It allows all that the schema allows, and sometimes more.
///
/// `None` when nothing is left of it, or when it demands a value inside itself without end, which Gemini can't unroll.
pub(super) fn narrowed(schema: &Value) -> Option<Value> {
    if demands_itself(schema) {
        return None;
    }
    match narrow(schema) {
        Value::Object(schema) if schema.is_empty() => None,
        narrowed => Some(narrowed),
    }
}

fn narrow(schema: &Value) -> Value {
    // `true` and `false` have no form; the first allows anything, and so does an empty schema.
    let Some(schema) = schema.as_object() else {
        return json!({});
    };
    let mut out = Map::new();
    for (key, value) in schema {
        match key.as_str() {
            "$ref" => {
                let target = value.as_str().unwrap_or_default();
                let target = target.replacen("#/definitions/", "#/$defs/", 1);
                out.insert(key.clone(), Value::String(target));
            }
            "enum" => choices(schema, value, &mut out),
            "const" => choices(schema, &json!([value]), &mut out),
            // Said with the values.
            "type" if schema.contains_key("enum") || schema.contains_key("const") => {}
            "items" => insert_unless_empty(&mut out, key, narrow(value)),
            "prefixItems" => {
                let items = value.as_array().into_iter().flatten().map(narrow).collect();
                out.insert(key.clone(), Value::Array(items));
            }
            "anyOf" | "oneOf" => {
                let options: Vec<Value> = value.as_array().into_iter().flatten().map(narrow).collect();
                out.insert("anyOf".to_owned(), Value::Array(options));
            }
            "allOf" => all_of(value, &mut out),
            "properties" => {
                let properties = value.as_object().map(each_narrowed).unwrap_or_default();
                // Older models write properties in alphabetical order unless told; the order is the signature's, in which
                // reasoning comes before what it is for.
                if properties.len() > 1 {
                    let order = properties.keys().cloned().collect();
                    out.insert("propertyOrdering".to_owned(), order);
                }
                out.insert(key.clone(), Value::Object(properties));
            }
            "additionalProperties" => match value {
                Value::Object(_) => insert_unless_empty(&mut out, key, narrow(value)),
                other => drop(out.insert(key.clone(), other.clone())),
            },
            // Of whole numbers, the first inside the bound says the same; of others, the bound itself is a little more.
            "exclusiveMinimum" => bound(schema, value, 1, "minimum", &mut out),
            "exclusiveMaximum" => bound(schema, value, -1, "maximum", &mut out),
            known if TAKEN.contains(&known) => {
                out.entry(key.clone()).or_insert_with(|| value.clone());
            }
            _ => {}
        }
    }
    copy_defs(schema, &mut out);
    if out.contains_key("$ref") {
        // A reference may have no neighbours but other `$` keywords.
        out.retain(|key, _| key.starts_with('$'));
    }
    Value::Object(out)
}

fn each_narrowed(schemas: &Map<String, Value>) -> Map<String, Value> {
    schemas
        .iter()
        .map(|(name, schema)| (name.clone(), narrow(schema)))
        .collect()
}

/// The definitions, under the one name they have here.
fn copy_defs(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    for defs in OLD_AND_NEW
        .iter()
        .filter_map(|name| schema.get(*name)?.as_object())
    {
        out.insert("$defs".to_owned(), Value::Object(each_narrowed(defs)));
    }
}

fn insert_unless_empty(out: &mut Map<String, Value>, key: &str, schema: Value) {
    if schema.as_object().is_some_and(|schema| !schema.is_empty()) {
        out.insert(key.to_owned(), schema);
    }
}

/// A list of values, by type: texts and numbers are listed, of truth values and null there is the type only.
fn choices(schema: &Map<String, Value>, values: &Value, out: &mut Map<String, Value>) {
    let mut options: Vec<(&str, Vec<&Value>)> = Vec::new();
    for value in values.as_array().into_iter().flatten() {
        let Some(kind) = type_of(value) else {
            // A list or an object has no form; the type, if there is one, is what is left to say.
            out.extend(
                schema
                    .get_key_value("type")
                    .map(|(key, kind)| (key.clone(), kind.clone())),
            );
            return;
        };
        match options.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, listed)) => listed.push(value),
            None => options.push((kind, vec![value])),
        }
    }
    let mut options: Vec<Value> = options
        .into_iter()
        .map(|(kind, listed)| match kind {
            "null" | "boolean" => json!({ "type": kind }),
            _ => json!({ "type": kind, "enum": listed }),
        })
        .collect();
    if options.len() > 1 {
        out.insert("anyOf".to_owned(), Value::Array(options));
    } else if let Some(Value::Object(only)) = options.pop() {
        out.extend(only);
    }
}

/// The type of a value that is not a container.
fn type_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => Some("null"),
        Value::Bool(_) => Some("boolean"),
        Value::String(_) => Some("string"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// All of several schemas: any one of them allows at least as much, so the first stands for all.
fn all_of(schemas: &Value, out: &mut Map<String, Value>) {
    let Some(Value::Object(first)) = schemas.get(0).map(narrow) else {
        return;
    };
    for (key, value) in first {
        out.entry(key).or_insert(value);
    }
}

/// A bound that is itself outside.
fn bound(schema: &Map<String, Value>, value: &Value, inside: i64, key: &str, out: &mut Map<String, Value>) {
    let whole = schema.get("type").is_some_and(|kind| kind == "integer");
    let moved = value
        .as_i64()
        .filter(|_| whole)
        .and_then(|at| at.checked_add(inside));
    let value = moved.map_or_else(|| value.clone(), Value::from);
    if value.is_number() && !schema.contains_key(key) {
        out.insert(key.to_owned(), value);
    }
}

/// Whether the schema or one of its definitions demands a value of itself inside itself. Gemini takes a circle only where a
/// property may be left out; that it may be null or an empty list is not enough.
fn demands_itself(schema: &Value) -> bool {
    let mut nodes = vec![("#".to_owned(), schema)];
    for place in OLD_AND_NEW {
        let defs = schema.get(place).and_then(Value::as_object).into_iter().flatten();
        nodes.extend(defs.map(|(name, def)| (format!("#/{place}/{name}"), def)));
    }
    nodes.iter().any(|(start, _)| {
        let mut open = vec![start.as_str()];
        let mut seen = Vec::new();
        while let Some(at) = open.pop() {
            let targets = nodes.iter().find(|(name, _)| name == at);
            for target in targets.map(|(_, node)| demanded(node)).into_iter().flatten() {
                if target == start {
                    return true;
                }
                if !seen.contains(&target) {
                    seen.push(target);
                    open.push(target);
                }
            }
        }
        false
    })
}

/// The references that a schema has outside of properties that may be left out.
fn demanded(schema: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    let Some(schema) = schema.as_object() else {
        return found;
    };
    let required = required(schema);
    for (key, value) in schema {
        match key.as_str() {
            "$ref" => found.extend(value.as_str()),
            "properties" => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    if required.contains(&name.as_str()) {
                        found.extend(demanded(property));
                    }
                }
            }
            "items" | "additionalProperties" => found.extend(demanded(value)),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                found.extend(value.as_array().into_iter().flatten().flat_map(demanded));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
