//! Values inside JSON.

use std::borrow::Cow;

use serde_json::Value;

use super::verbatim;
use crate::parse;
use crate::types::{Kind, Schema, Type};

/// Values nested deeper than this are written as they are.
const MAX_DEPTH: usize = 64;

/// A value as it stands in JSON, so that it reads back as it is.
///
/// Only code needs care: what is one fenced block is taken for code in a fence, which models like to put around it, and
/// the fence would be lost. Such code is put in a verbatim block.
#[must_use]
pub fn json_value<'v>(value: &'v Value, schema: &Schema) -> Cow<'v, Value> {
    written(value, &schema.ty, schema)
}

pub(super) fn written<'v>(value: &'v Value, ty: &Type, schema: &Schema) -> Cow<'v, Value> {
    if !holds_fence(value) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(write(value, ty, schema, 0))
}

fn holds_fence(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("```") || text.contains("~~~"),
        Value::Array(items) => items.iter().any(holds_fence),
        Value::Object(map) => map.values().any(holds_fence),
        _ => false,
    }
}

fn write(value: &Value, ty: &Type, schema: &Schema, depth: usize) -> Value {
    let Some(ty) = schema.resolve(ty).filter(|_| depth < MAX_DEPTH) else {
        return value.clone();
    };
    let again = |value: &Value, ty: &Type| write(value, ty, schema, depth + 1);
    match (&ty.kind, value) {
        (Kind::Code { .. }, Value::String(text)) if !reads_as(value, value, ty, schema) => {
            verbatim(text).into()
        }
        (Kind::Optional(inner), value) => again(value, inner),
        (Kind::List { item, .. }, Value::Array(items)) => {
            items.iter().map(|value| again(value, item)).collect()
        }
        (Kind::Tuple(types), Value::Array(items)) if types.len() == items.len() => items
            .iter()
            .zip(types)
            .map(|(value, ty)| again(value, ty))
            .collect(),
        (Kind::Map { value: ty, .. }, Value::Object(map)) => map
            .iter()
            .map(|(key, value)| (key.clone(), again(value, ty)))
            .collect(),
        (Kind::Object(object), Value::Object(map)) => map
            .iter()
            .map(|(key, value)| {
                let property = object.properties.iter().find(|property| property.name == *key);
                let ty = property
                    .map(|property| &property.ty)
                    .or(object.additional.as_ref());
                (
                    key.clone(),
                    ty.map_or_else(|| value.clone(), |ty| again(value, ty)),
                )
            })
            .collect(),
        // The form of the first member that gives the value back.
        (Kind::Union(types), value) if !reads_as(value, value, ty, schema) => types
            .iter()
            .map(|member| again(value, member))
            .find(|written| reads_as(written, value, ty, schema))
            .unwrap_or_else(|| value.clone()),
        _ => value.clone(),
    }
}

fn reads_as(written: &Value, value: &Value, ty: &Type, schema: &Schema) -> bool {
    let schema = Schema {
        ty: ty.clone(),
        defs: schema.defs.clone(),
    };
    parse::json_value(written, &schema).is_ok_and(|reading| reading.value == *value)
}
