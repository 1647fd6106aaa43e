//! Closed sets of values: literals and enumerations, and the names of special kinds.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::keywords;
use super::merge::ANNOTATIONS;
use crate::types::{EnumMember, EnumType, Kind, Type};

/// The kind that the value of `x-dictum` names.
pub(super) fn special(name: &str) -> Option<Kind> {
    Some(match name {
        "image" => Kind::Image,
        "audio" => Kind::Audio,
        "file" => Kind::File,
        "history" => Kind::History,
        "reasoning" => Kind::Reasoning,
        "tool_calls" => Kind::ToolCalls,
        _ => Kind::Code {
            language: name.strip_prefix("code:")?.to_owned(),
        },
    })
}

/// Whether the value can be a member of a literal.
fn is_scalar(value: &Value) -> bool {
    match value {
        Value::Number(n) => n.is_i64() || n.is_u64(),
        Value::String(_) | Value::Bool(_) | Value::Null => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// An `enum` keyword: an enumeration when it has a name, else a literal.
pub(super) fn literal(values: &[Value], name: Option<&str>, map: &Map<String, Value>) -> Option<Type> {
    if values.is_empty() || !values.iter().all(is_scalar) {
        return None;
    }
    let kind = match name {
        Some(name) if values.iter().all(Value::is_string) => Kind::Enum(Arc::new(EnumType {
            name: name.to_owned(),
            description: keywords::text(map, "description"),
            members: values.iter().map(|value| member(value, None, None)).collect(),
        })),
        _ => Kind::Literal(values.into()),
    };
    let constraints = keywords::constraints(&kind, map)?;
    Some(Type::new(kind).with_constraints(constraints))
}

fn member(value: &Value, name: Option<&str>, description: Option<String>) -> EnumMember {
    let name = match (name, value) {
        (Some(name), _) => name.to_owned(),
        (None, Value::String(text)) => text.clone(),
        (None, value) => value.to_string(),
    };
    EnumMember {
        name,
        value: value.clone(),
        description,
    }
}

/// The members that one branch of a `oneOf` stands for: a constant, or several without descriptions.
pub(super) fn enum_members(schema: &Value) -> Option<Vec<EnumMember>> {
    let map = schema.as_object()?;
    let is_member = |value: &Value| is_scalar(value) && !value.is_null();
    let known = |key: &String| {
        matches!(key.as_str(), "const" | "enum" | "type") || ANNOTATIONS.contains(&key.as_str())
    };
    if !map.keys().all(known) {
        return None;
    }
    if let Some(value) = map.get("const") {
        let title = map.get("title").and_then(Value::as_str);
        return is_member(value).then(|| vec![member(value, title, keywords::text(map, "description"))]);
    }
    let values = map.get("enum")?.as_array()?;
    if values.is_empty() || !values.iter().all(is_member) {
        return None;
    }
    Some(values.iter().map(|value| member(value, None, None)).collect())
}
