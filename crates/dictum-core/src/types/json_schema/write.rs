//! From the type language to JSON Schema.

use serde_json::{Map, Value, json};

use super::{INTEGER_KEY, SPECIAL, TYPE_DESCRIPTION};
use crate::types::{Constraints, EnumType, Kind, ObjectType, Property, Schema, Type};

pub(super) fn write(schema: &Schema) -> Value {
    let mut root = ty(&schema.ty, false);
    if !schema.defs.is_empty() {
        let defs: Map<String, Value> = schema
            .defs
            .iter()
            .map(|(name, def)| (name.clone(), ty(def, true)))
            .collect();
        match &mut root {
            Value::Object(map) if !map.contains_key("$defs") => {
                map.insert("$defs".into(), Value::Object(defs));
            }
            // A root that is no object (`true`), or brings definitions of its own, is put one level down.
            _ => root = json!({"anyOf": [root], "$defs": defs}),
        }
    }
    root
}

/// `is_def`: an empty name must be written too, for the reader falls back to the definition's key.
fn ty(ty: &Type, is_def: bool) -> Value {
    if let Kind::Any(Some(raw)) = &ty.kind {
        return Value::clone(raw);
    }
    let mut map = kind(&ty.kind, is_def);
    write_constraints(&ty.kind, &ty.constraints, &mut map);
    Value::Object(map)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn plain(inner: &Type) -> Value {
    ty(inner, false)
}

fn kind(kind: &Kind, is_def: bool) -> Map<String, Value> {
    object(match kind {
        Kind::Any(_) => json!({}),
        Kind::Null => json!({"type": "null"}),
        Kind::Str => json!({"type": "string"}),
        Kind::Int => json!({"type": "integer"}),
        Kind::Float => json!({"type": "number"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Literal(values) => {
            let mut map = Map::new();
            if let Some(name) = common_type(values.iter()) {
                map.insert("type".into(), name.into());
            }
            map.insert("enum".into(), values.to_vec().into());
            return map;
        }
        Kind::Enum(members) => return enumeration(members),
        Kind::List { item, unique: false } => json!({"type": "array", "items": plain(item)}),
        Kind::List { item, unique: true } => {
            json!({"type": "array", "items": plain(item), "uniqueItems": true})
        }
        Kind::Tuple(items) => json!({
            "type": "array",
            "prefixItems": items.iter().map(plain).collect::<Vec<_>>(),
            "items": false,
            "minItems": items.len(),
            "maxItems": items.len(),
        }),
        Kind::Map { key, value } => {
            let mut map = Map::new();
            map.insert("type".into(), "object".into());
            if let Some(names) = key_schema(key) {
                map.insert("propertyNames".into(), names);
            }
            map.insert("additionalProperties".into(), plain(value));
            return map;
        }
        Kind::Optional(inner) => json!({"anyOf": [plain(inner), {"type": "null"}]}),
        Kind::Union(types) => json!({"anyOf": types.iter().map(plain).collect::<Vec<_>>()}),
        Kind::Object(fields) => return object_schema(fields, is_def),
        Kind::Ref(name) => json!({"$ref": format!("#/$defs/{}", escape(name))}),
        Kind::Image => media("image"),
        Kind::Audio => media("audio"),
        Kind::File => media("file"),
        Kind::Code { language } => json!({"type": "string", SPECIAL: format!("code:{language}")}),
        Kind::History => json!({
            "type": "array",
            "items": {"type": "object", "additionalProperties": true},
            SPECIAL: "history",
        }),
        Kind::Reasoning => json!({"type": "string", SPECIAL: "reasoning"}),
        Kind::ToolCalls => json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "args": {"type": "object", "additionalProperties": true},
                },
                "required": ["name", "args"],
                "additionalProperties": false,
            },
            SPECIAL: "tool_calls",
        }),
    })
}

/// The JSON form of [`crate::lm::Media`].
fn media(name: &str) -> Value {
    let text = || json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "media_type": text(), "base64": text(), "url": text(), "id": text(), "name": text(),
        },
        "additionalProperties": false,
        SPECIAL: name,
    })
}

fn common_type<'a>(values: impl Iterator<Item = &'a Value>) -> Option<&'static str> {
    let mut names = values.map(|value| match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(n) if n.is_i64() || n.is_u64() => Some("integer"),
        _ => None,
    });
    let first = names.next()??;
    names.all(|name| name == Some(first)).then_some(first)
}

fn enumeration(ty: &EnumType) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("title".into(), ty.name.clone().into());
    if let Some(description) = &ty.description {
        map.insert("description".into(), description.clone().into());
    }
    let is_plain = ty
        .members
        .iter()
        .all(|member| member.description.is_none() && member.value.as_str() == Some(&member.name));
    if is_plain {
        let values: Vec<Value> = ty.members.iter().map(|member| member.value.clone()).collect();
        map.insert("type".into(), "string".into());
        map.insert("enum".into(), values.into());
        return map;
    }
    let members: Vec<Value> = ty
        .members
        .iter()
        .map(|member| {
            let mut map = Map::new();
            map.insert("const".into(), member.value.clone());
            if member.value.as_str() != Some(&member.name) {
                map.insert("title".into(), member.name.clone().into());
            }
            if let Some(description) = &member.description {
                map.insert("description".into(), description.clone().into());
            }
            Value::Object(map)
        })
        .collect();
    if let Some(name) = common_type(ty.members.iter().map(|member| &member.value)) {
        map.insert("type".into(), name.into());
    }
    map.insert("oneOf".into(), members.into());
    map
}

fn object_schema(ty: &ObjectType, is_def: bool) -> Map<String, Value> {
    let mut map = Map::new();
    if is_def || !ty.name.is_empty() {
        map.insert("title".into(), ty.name.clone().into());
    }
    if let Some(description) = &ty.description {
        map.insert("description".into(), description.clone().into());
    }
    map.insert("type".into(), "object".into());
    let properties: Map<String, Value> = ty
        .properties
        .iter()
        .map(|field| (field.name.clone(), property(field)))
        .collect();
    let required: Vec<Value> = ty
        .properties
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name.clone().into())
        .collect();
    map.insert("properties".into(), Value::Object(properties));
    map.insert("required".into(), required.into());
    let additional = ty.additional.as_ref().map_or(Value::Bool(false), plain);
    map.insert("additionalProperties".into(), additional);
    map
}

fn property(field: &Property) -> Value {
    let schema = plain(&field.ty);
    if field.description.is_none() && field.default.is_none() {
        return schema;
    }
    let mut map = match schema {
        Value::Object(map) => map,
        // `false`, kept raw: the only schema that is no object.
        other => object(json!({"allOf": [other]})),
    };
    if let Some(description) = &field.description {
        let inner = map.insert("description".into(), description.clone().into());
        if matches!(field.ty.kind, Kind::Object(_) | Kind::Enum(_)) {
            map.insert(TYPE_DESCRIPTION.into(), inner.unwrap_or_default());
        }
    }
    if let Some(default) = &field.default {
        map.insert("default".into(), default.clone());
    }
    Value::Object(map)
}

/// The schema of a map's keys, which JSON only knows as text; `None` for any text.
fn key_schema(key: &Type) -> Option<Value> {
    match &key.kind {
        Kind::Str if key.constraints.is_empty() => None,
        Kind::Int => {
            let mut map = object(json!({"type": "string", "pattern": INTEGER_KEY, SPECIAL: "int"}));
            write_constraints(&Kind::Int, &key.constraints, &mut map);
            Some(Value::Object(map))
        }
        _ => Some(plain(key)),
    }
}

/// Where a length is written: the keyword depends on what has the length. Wrappers can't know, so they write all.
const LENGTHS: [(&str, &str); 3] = [
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
];

fn write_constraints(kind: &Kind, constraints: &Constraints, map: &mut Map<String, Value>) {
    let numbers = [
        ("minimum", &constraints.min),
        ("maximum", &constraints.max),
        ("exclusiveMinimum", &constraints.exclusive_min),
        ("exclusiveMaximum", &constraints.exclusive_max),
        ("multipleOf", &constraints.multiple_of),
    ];
    for (keyword, bound) in numbers {
        if let Some(bound) = bound {
            map.insert(keyword.into(), Value::Number(bound.clone()));
        }
    }
    let [text, items, entries] = LENGTHS;
    let lengths = match kind {
        // The tuple's own length is its form.
        Kind::Tuple(_) => Vec::new(),
        Kind::Str | Kind::Code { .. } | Kind::Reasoning => vec![text],
        Kind::List { .. } | Kind::History | Kind::ToolCalls => vec![items],
        Kind::Map { .. } | Kind::Object(_) => vec![entries],
        _ => LENGTHS.to_vec(),
    };
    for (least, most) in lengths {
        if let Some(n) = constraints.min_length {
            map.insert(least.into(), n.into());
        }
        if let Some(n) = constraints.max_length {
            map.insert(most.into(), n.into());
        }
    }
    if let Some(pattern) = &constraints.pattern {
        map.insert("pattern".into(), pattern.clone().into());
    }
    if let Some(format) = &constraints.format {
        map.insert("format".into(), format.clone().into());
    }
}

/// A name as a part of a JSON pointer in a URI fragment.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '~' => escaped.push_str("~0"),
            '/' => escaped.push_str("~1"),
            '%' => escaped.push_str("%25"),
            c => escaped.push(c),
        }
    }
    escaped
}
