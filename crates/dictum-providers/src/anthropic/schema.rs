//! Narrowing a JSON Schema to the subset that Anthropic's structured output takes.

use serde_json::{Map, Value, json};

use crate::schema::{annotates, closable, each, lone};

/// Formats of strings that the subset knows.
const FORMATS: &[&str] = &[
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Keywords of the subset's boundary: what they ask is put into words instead, for the model to follow, and the answer is checked
/// where it is read.
const IN_WORDS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// The schema within the subset: objects closed, limits put into descriptions. Every answer to it has the structure that the
/// schema asks for.
///
/// `None` when the subset can't say the structure: maps, open objects, tuples, values of any type, recursion, references
/// to elsewhere.
pub(crate) fn narrowed(schema: &Value) -> Option<Value> {
    let root = schema.as_object()?;
    if References::of(root).recur(schema)? {
        return None;
    }
    narrow(schema)
}

fn narrow(schema: &Value) -> Option<Value> {
    let schema = schema.as_object()?;
    let mut out = Map::new();
    for defs in ["$defs", "definitions"] {
        if let Some(Value::Object(all)) = schema.get(defs) {
            out.insert(defs.to_owned(), Value::Object(each(all, narrow)?));
        }
    }
    if let Some(target) = schema.get("$ref") {
        out.insert("$ref".to_owned(), target.clone());
        // Neighbours of a reference are not taken; those that annotate can go.
        let alone = schema.keys().all(|key| {
            matches!(
                key.as_str(),
                "$ref" | "description" | "$defs" | "definitions" | "format"
            ) || annotates(key)
        });
        return alone.then_some(Value::Object(out));
    }
    let mut words = Vec::new();
    let mut kinds = Vec::new();
    for (key, value) in schema {
        match key.as_str() {
            "properties"
            | "required"
            | "additionalProperties"
            | "items"
            | "description"
            | "$defs"
            | "definitions" => {}
            "type" => kinds = types(value)?,
            "enum" if value.as_array()?.iter().all(is_plain) => {
                out.insert(key.clone(), value.clone());
            }
            "const" if is_plain(value) => {
                out.insert(key.clone(), value.clone());
            }
            // Alternatives that exclude each other are what a model is asked for anyway.
            "anyOf" | "oneOf" => {
                let options: Option<Vec<Value>> = value.as_array()?.iter().map(narrow).collect();
                out.insert("anyOf".to_owned(), Value::Array(options?));
            }
            "allOf" => {
                for (key, value) in narrow(lone(value)?)?.as_object()? {
                    out.insert(key.clone(), value.clone());
                }
            }
            "format" if value.as_str().is_some_and(|format| FORMATS.contains(&format)) => {
                out.insert(key.clone(), value.clone());
            }
            "minItems" if value.as_u64().is_some_and(|least| least < 2) => {
                out.insert(key.clone(), value.clone());
            }
            limit if IN_WORDS.contains(&limit) => words.push(format!("{limit}: {value}")),
            known if annotates(known) => {}
            _ => return None,
        }
    }
    describe(schema, &words, &mut out);
    if out.contains_key("enum") || out.contains_key("const") {
        return Some(Value::Object(out));
    }
    if kinds.contains(&"array") {
        out.insert("items".to_owned(), narrow(schema.get("items")?)?);
    }
    if kinds.contains(&"object") {
        close(schema, &mut out)?;
    }
    match kinds.as_slice() {
        [] => (out.contains_key("anyOf") || out.contains_key("$ref")).then_some(Value::Object(out)),
        [only] => {
            out.insert("type".to_owned(), json!(only));
            Some(Value::Object(out))
        }
        several => Some(alternatives(out, several)),
    }
}

/// The subset's lists of values hold no objects or arrays.
fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn types(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(only) => Some(vec![only]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The description, and behind it what the subset has no keyword for.
fn describe(schema: &Map<String, Value>, words: &[String], out: &mut Map<String, Value>) {
    let mut text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if !words.is_empty() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("({})", words.join(", ")));
    }
    if !text.is_empty() {
        out.insert("description".to_owned(), Value::String(text));
    }
}

/// Closes an object. Its optional properties stay optional.
fn close(schema: &Map<String, Value>, out: &mut Map<String, Value>) -> Option<()> {
    let narrowed = each(closable(schema)?, narrow)?;
    out.insert("properties".to_owned(), Value::Object(narrowed));
    if let Some(required) = schema.get("required") {
        out.insert("required".to_owned(), required.clone());
    }
    out.insert("additionalProperties".to_owned(), json!(false));
    Some(())
}

/// One schema per type, as alternatives: each keeps the keywords that are about it.
fn alternatives(mut all: Map<String, Value>, types: &[&str]) -> Value {
    let description = all.shift_remove("description");
    let defs: Vec<(String, Value)> = ["$defs", "definitions"]
        .into_iter()
        .filter_map(|name| all.shift_remove_entry(name))
        .collect();
    let own = |kind: &str, key: &str| match key {
        "properties" | "required" | "additionalProperties" => kind == "object",
        "items" | "minItems" => kind == "array",
        "format" => kind == "string",
        _ => true,
    };
    let options: Vec<Value> = types
        .iter()
        .map(|kind| {
            let mut option = Map::new();
            option.insert("type".to_owned(), json!(kind));
            option.extend(
                all.iter()
                    .filter(|(key, _)| own(kind, key))
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            Value::Object(option)
        })
        .collect();
    let mut out: Map<String, Value> = defs.into_iter().collect();
    out.insert("anyOf".to_owned(), Value::Array(options));
    out.extend(description.map(|text| ("description".to_owned(), text)));
    Value::Object(out)
}

/// The references of a schema, while they are followed.
struct References<'a> {
    root: &'a Map<String, Value>,
    /// Those that led to where we are.
    path: Vec<&'a str>,
    /// Those that are known to lead nowhere back.
    harmless: Vec<&'a str>,
}

impl<'a> References<'a> {
    fn of(root: &'a Map<String, Value>) -> Self {
        Self {
            root,
            path: Vec::new(),
            harmless: Vec::new(),
        }
    }

    /// Whether a schema leads back to itself; `None` when a reference leads out of it.
    fn recur(&mut self, schema: &'a Value) -> Option<bool> {
        let values: Vec<&Value> = match schema {
            Value::Object(entries) => {
                if let Some(Value::String(target)) = entries.get("$ref")
                    && self.followed(target)?
                {
                    return Some(true);
                }
                let is_data = |key: &str| matches!(key, "enum" | "const" | "default" | "examples");
                entries
                    .iter()
                    .filter(|(key, _)| !is_data(key))
                    .map(|(_, value)| value)
                    .collect()
            }
            Value::Array(items) => items.iter().collect(),
            _ => return Some(false),
        };
        for value in values {
            if self.recur(value)? {
                return Some(true);
            }
        }
        Some(false)
    }

    fn followed(&mut self, target: &'a str) -> Option<bool> {
        if self.path.contains(&target) {
            return Some(true);
        }
        if self.harmless.contains(&target) {
            return Some(false);
        }
        let (group, name) = target.strip_prefix("#/")?.split_once('/')?;
        let def = self.root.get(group)?.get(name)?;
        self.path.push(target);
        let back = self.recur(def)?;
        self.path.pop();
        self.harmless.push(target);
        Some(back)
    }
}

#[cfg(test)]
mod tests;
