//! Constraints at every level of a value.

use serde_json::Value;

use super::coerce::Cx;
use super::node::Node;
use crate::types::{Kind, Schema, Type, Violation};

/// Most violations reported for one value.
const MAX: usize = 20;

/// What a value of the schema's type breaks, each with the path inside the value in front of its rule.
pub(crate) fn violations(value: &Value, schema: &Schema) -> Vec<Violation> {
    let mut found = Vec::new();
    walk(value, &schema.ty, schema, &mut String::new(), 0, &mut found);
    found
}

fn walk(
    value: &Value,
    ty: &Type,
    schema: &Schema,
    path: &mut String,
    depth: usize,
    found: &mut Vec<Violation>,
) {
    let Some(resolved) = schema.resolve(ty) else {
        return;
    };
    if found.len() >= MAX || depth > super::read::MAX_DEPTH + 8 {
        return;
    }
    // A reference may have constraints of its own beside those of its definition.
    let own = (!std::ptr::eq(ty, resolved)).then_some(&ty.constraints);
    for constraints in own.into_iter().chain([&resolved.constraints]) {
        if constraints.is_empty() {
            continue;
        }
        for mut violation in constraints.check(value) {
            if !path.is_empty() {
                violation.rule = format!("{path} {}", violation.rule);
            }
            found.push(violation);
        }
    }
    let mut step = |value: &Value, ty: &Type, name: &str, path: &mut String| {
        let length = path.len();
        if !path.is_empty() && !name.starts_with('[') {
            path.push('.');
        }
        path.push_str(name);
        walk(value, ty, schema, path, depth + 1, found);
        path.truncate(length);
    };
    match (&resolved.kind, value) {
        (Kind::List { item, .. }, Value::Array(items)) if constrains(item, schema, 6) => {
            for (index, value) in items.iter().enumerate() {
                step(value, item, &format!("[{index}]"), path);
            }
        }
        (Kind::Tuple(types), Value::Array(items)) => {
            for (index, (value, ty)) in items.iter().zip(types).enumerate() {
                step(value, ty, &format!("[{index}]"), path);
            }
        }
        (Kind::Map { key, value: ty }, Value::Object(entries)) => {
            for (name, value) in entries {
                step(value, ty, name, path);
                if !key.constraints.is_empty() {
                    let as_value = match schema.resolve(key).map(|key| &key.kind) {
                        Some(Kind::Int) => serde_json::from_str(name).unwrap_or(Value::Null),
                        _ => Value::String(name.clone()),
                    };
                    step(&as_value, key, name, path);
                }
            }
        }
        (Kind::Object(object), Value::Object(entries)) => {
            for (name, value) in entries {
                let property = object.properties.iter().find(|property| property.name == *name);
                match (property, &object.additional) {
                    (Some(property), _) if property.required || !value.is_null() => {
                        step(value, &property.ty, name, path);
                    }
                    (None, Some(ty)) => step(value, ty, name, path),
                    _ => {}
                }
            }
        }
        (Kind::Optional(inner), value) if !value.is_null() => {
            walk(value, inner, schema, path, depth + 1, found);
        }
        (Kind::Union(types), value) => union(value, types, schema, path, depth, found),
        _ => {}
    }
}

/// A value of a union keeps the constraints of at least one type it is exactly a value of.
fn union(
    value: &Value,
    types: &[Type],
    schema: &Schema,
    path: &mut String,
    depth: usize,
    found: &mut Vec<Violation>,
) {
    let mut least: Option<Vec<Violation>> = None;
    for ty in types {
        let Some(node) = Node::from_json(value, super::read::MAX_DEPTH) else {
            continue;
        };
        let mut cx = Cx::new(schema, 1000);
        let exact = cx
            .attempt(|cx| cx.coerce(&node, ty))
            .is_ok_and(|got| got.cost == 0 && got.value == *value);
        if !exact {
            continue;
        }
        let mut broken = Vec::new();
        walk(value, ty, schema, path, depth + 1, &mut broken);
        if broken.is_empty() {
            return;
        }
        least.get_or_insert(broken);
    }
    found.extend(least.into_iter().flatten());
}

/// Whether a type has constraints anywhere inside, looked for to a depth; deeper ones count as if they had.
fn constrains(ty: &Type, schema: &Schema, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    if !ty.constraints.is_empty() {
        return true;
    }
    match schema.resolve(ty).map(|ty| (&ty.kind, &ty.constraints)) {
        Some((_, constraints)) if !constraints.is_empty() => true,
        Some((Kind::List { item, .. } | Kind::Optional(item), _)) => constrains(item, schema, depth),
        Some((Kind::Str | Kind::Int | Kind::Float | Kind::Bool | Kind::Literal(_) | Kind::Enum(_), _)) => {
            false
        }
        _ => true,
    }
}
