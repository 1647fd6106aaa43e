//! Tool calls, in the shapes models and providers write them.

use serde_json::{Map, Value, json};

use super::{Cx, Fail, Step, json_inside};
use crate::parse::node::{Entry, Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

/// Gives `[{"name": .., "args": {..}}]`; an `id` is kept.
pub(super) fn tool_calls(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    if let Some(inner) = json_inside(node) {
        return cx.coerce(&inner, ty);
    }
    match &node.kind {
        NodeKind::List(items) => {
            let mut calls = Vec::new();
            for (index, item) in items.iter().enumerate() {
                calls.push(cx.within(Step::Index(index), |cx| call(cx, item, ty))?);
            }
            Ok(Value::Array(calls))
        }
        NodeKind::Object(entries) => {
            cx.note(repair::TOOL_SHAPE);
            if let Some(list) = entry(entries, &["tool_calls", "calls"]) {
                return cx.coerce(list, ty);
            }
            Ok(Value::Array(vec![call(cx, node, ty)?]))
        }
        _ => Err(cx.mismatch(node, ty)),
    }
}

fn entry<'n>(entries: &'n [Entry], names: &[&str]) -> Option<&'n Node> {
    names
        .iter()
        .find_map(|name| entries.iter().find(|entry| entry.key == *name))
        .map(|entry| &entry.value)
}

fn call(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    let NodeKind::Object(entries) = &node.kind else {
        return Err(cx.mismatch(node, ty));
    };
    for flaw in &node.flaws {
        cx.note(*flaw);
    }
    if let Some(Node {
        kind: NodeKind::Object(inner),
        ..
    }) = entry(entries, &["function"])
    {
        cx.note(repair::TOOL_SHAPE);
        return one(cx, node, inner, entry(entries, &["id", "call_id"]));
    }
    one(cx, node, entries, entry(entries, &["id", "call_id"]))
}

fn one(cx: &mut Cx<'_>, node: &Node, entries: &[Entry], id: Option<&Node>) -> Result<Value, Fail> {
    let Some(name) = entry(entries, &["name", "tool", "tool_name"]).and_then(Node::text) else {
        return Err(cx.fail(node, "wanted a tool call with a name"));
    };
    if entry(entries, &["name"]).is_none() || entry(entries, &["args"]).is_none() {
        cx.note(repair::TOOL_SHAPE);
    }
    let args = match entry(entries, &["args", "arguments", "parameters", "input"]) {
        None => Value::Object(Map::new()),
        Some(args) => {
            let inner = json_inside(args);
            let args = inner.as_ref().unwrap_or(args);
            match cx.coerce(args, &Type::any())? {
                Value::Null => Value::Object(Map::new()),
                Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
                value @ Value::Object(_) => value,
                _ => return Err(cx.fail(args, "the arguments of a tool call must be an object")),
            }
        }
    };
    let mut call = json!({ "name": name, "args": args });
    if let (Some(id), Some(map)) = (id.and_then(Node::text), call.as_object_mut()) {
        map.insert("id".to_owned(), Value::String(id.to_owned()));
    }
    Ok(call)
}
