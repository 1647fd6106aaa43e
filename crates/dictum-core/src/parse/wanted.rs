//! Types in a few words, for errors.

use serde_json::Value;

use crate::types::{Kind, Schema, Type};

/// Most members of a choice that are listed.
const SHOWN: usize = 12;

/// What a type wants, such as `a whole number` or `one of Billing, Sales`.
pub(crate) fn describe(schema: &Schema, ty: &Type) -> String {
    at_depth(schema, ty, 3)
}

fn at_depth(schema: &Schema, ty: &Type, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else {
        return "a value".to_owned();
    };
    match &ty.kind {
        Kind::Any(_) => "any value".to_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Str => "text".to_owned(),
        Kind::Int => "a whole number".to_owned(),
        Kind::Float => "a number".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Literal(values) => one_of(values.iter()),
        Kind::Enum(members) => one_of(members.members.iter().map(|member| &member.value)),
        Kind::List { item, .. } => format!("a list, each item {}", at_depth(schema, item, depth)),
        Kind::Tuple(items) => format!("a list of exactly {} values", items.len()),
        Kind::Map { value, .. } => format!("an object, each value {}", at_depth(schema, value, depth)),
        Kind::Optional(inner) => format!("{} or null", at_depth(schema, inner, depth)),
        Kind::Union(types) => types
            .iter()
            .map(|ty| at_depth(schema, ty, depth))
            .collect::<Vec<_>>()
            .join(" or "),
        Kind::Object(object) if !object.name.is_empty() => format!("an object ({})", object.name),
        Kind::Object(_) => "an object".to_owned(),
        Kind::Ref(name) => schema
            .defs
            .get(name)
            .map_or_else(|| name.clone(), |ty| at_depth(schema, ty, depth)),
        Kind::Image => "an image".to_owned(),
        Kind::Audio => "a sound".to_owned(),
        Kind::File => "a file".to_owned(),
        Kind::Code { language } => format!("{language} code"),
        Kind::History => "a list of turns".to_owned(),
        Kind::Reasoning => "reasoning".to_owned(),
        Kind::ToolCalls => "a list of tool calls".to_owned(),
    }
}

fn one_of<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> String {
    let count = values.len();
    let mut words: Vec<String> = values
        .take(SHOWN)
        .map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    if count > SHOWN {
        words.push("...".to_owned());
    }
    format!("one of {}", words.join(", "))
}
