//! Any value, null, and the turns of a conversation.

use serde_json::{Map, Number, Value};

use super::{Cx, Fail, Step, is_not_applicable, json_inside};
use crate::parse::node::{Entry, Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

/// The value as it stands. A whole number that fits no 64-bit integer is an error, for a float would change it.
pub(super) fn any(cx: &mut Cx<'_>, node: &Node) -> Result<Value, Fail> {
    Ok(match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(b) => Value::Bool(*b),
        NodeKind::Number(raw) => number(raw).map_err(|problem| cx.fail(node, problem))?,
        NodeKind::Str(text) | NodeKind::Leaf(text) => Value::String(text.clone()),
        NodeKind::Bare(text) if text.is_empty() => return Err(cx.fail(node, "wanted a value, found nothing")),
        NodeKind::Bare(text) => {
            if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") {
                return Err(cx.fail(node, format!("{text} is not a number that JSON has")));
            }
            cx.note(repair::UNQUOTED_TEXT);
            Value::String(text.clone())
        }
        NodeKind::List(items) => {
            let mut values = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                if item.cut && !matches!(item.kind, NodeKind::Str(_)) {
                    cx.note(repair::CUT_DROPPED);
                    continue;
                }
                values.push(cx.within(Step::Index(index), |cx| flawed(cx, item))?);
            }
            Value::Array(values)
        }
        NodeKind::Object(entries) => Value::Object(object(cx, entries)?),
        NodeKind::Elements(children) => elements(cx, children)?,
    })
}

/// `any` for a child, its own flaws included.
fn flawed(cx: &mut Cx<'_>, node: &Node) -> Result<Value, Fail> {
    cx.coerce(node, &Type::any())
}

fn object(cx: &mut Cx<'_>, entries: &[Entry]) -> Result<Map<String, Value>, Fail> {
    let mut map = Map::new();
    for entry in entries {
        if entry.value.cut && !matches!(entry.value.kind, NodeKind::Str(_)) {
            cx.note(repair::CUT_DROPPED);
            continue;
        }
        let value = cx.within(Step::Key(entry.key.clone()), |cx| flawed(cx, &entry.value))?;
        match map.get(&entry.key) {
            None => {
                map.insert(entry.key.clone(), value);
            }
            Some(earlier) if *earlier == value => cx.note(repair::DUPLICATE_KEY),
            Some(_) => {
                let problem = format!("the key `{}` stands twice with different values", entry.key);
                return Err(cx.fail(&entry.value, problem));
            }
        }
    }
    Ok(map)
}

fn elements(cx: &mut Cx<'_>, children: &[Entry]) -> Result<Value, Fail> {
    cx.note(repair::NESTED_XML);
    if children.iter().all(|child| child.key == "item") {
        let mut values = Vec::new();
        for child in children {
            values.push(flawed(cx, &child.value)?);
        }
        return Ok(Value::Array(values));
    }
    Ok(Value::Object(object(cx, children)?))
}

fn number(raw: &str) -> Result<Value, String> {
    if !raw.contains(['.', 'e', 'E']) && raw != "-0" {
        if let Ok(value) = raw.parse::<i64>() {
            return Ok(Value::from(value));
        }
        return raw
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| format!("{raw} is too large for a whole number of 64 bits"));
    }
    let value: f64 = raw.parse().map_err(|_| format!("{raw} is not a number"))?;
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| format!("{raw} is too large for a number"))
}

/// `null`, or what models write for it.
pub(super) fn null(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    match &node.kind {
        NodeKind::Null => Ok(Value::Null),
        NodeKind::Bare(text) if text.is_empty() || is_not_applicable(text) => {
            cx.note(repair::NOT_APPLICABLE);
            Ok(Value::Null)
        }
        _ => Err(cx.mismatch(node, ty)),
    }
}

/// A list of objects.
pub(super) fn history(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    if let Some(inner) = json_inside(node) {
        return cx.coerce(&inner, ty);
    }
    let NodeKind::List(items) = &node.kind else {
        return Err(cx.mismatch(node, ty));
    };
    if !items.iter().all(|item| matches!(item.kind, NodeKind::Object(_))) {
        return Err(cx.mismatch(node, ty));
    }
    any(cx, node)
}
