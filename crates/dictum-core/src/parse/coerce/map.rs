//! Objects with free keys.

use serde_json::{Map, Value};

use super::list::ends_cut;
use super::{Cx, Fail, Step, json_inside, object};
use crate::parse::node::{Entry, Node, NodeKind};
use crate::parse::repair;
use crate::types::{Kind, Type};

pub(super) fn map(cx: &mut Cx<'_>, node: &Node, ty: &Type, key: &Type, value: &Type) -> Result<Value, Fail> {
    match &node.kind {
        NodeKind::Object(entries) | NodeKind::Elements(entries) => entries_of(cx, node, entries, key, value),
        NodeKind::List(items) => pairs(cx, node, ty, items, key, value),
        NodeKind::Str(text) | NodeKind::Bare(text) => {
            if let Some(inner) = json_inside(node) {
                return cx.coerce(&inner, ty);
            }
            match object::key_lines(node, text) {
                Some(lines) if lines.len() > 1 => {
                    cx.note(repair::KEY_LINES);
                    entries_of(cx, node, &lines, key, value)
                }
                _ => Err(cx.mismatch(node, ty)),
            }
        }
        _ => Err(cx.mismatch(node, ty)),
    }
}

fn entries_of(
    cx: &mut Cx<'_>,
    node: &Node,
    entries: &[Entry],
    key: &Type,
    value: &Type,
) -> Result<Value, Fail> {
    let mut map = Map::new();
    for (index, entry) in entries.iter().enumerate() {
        let name = key_text(cx, &entry.value, &entry.key, key)?;
        let cut = index + 1 == entries.len() && ends_cut(&entry.value);
        let got = cx.within(Step::Key(name.clone()), |cx| {
            let got = cx.attempt(|cx| cx.coerce(&entry.value, value));
            if cut { Ok(got.ok()) } else { got.map(Some) }
        })?;
        let Some(got) = got else {
            cx.note(repair::CUT_DROPPED);
            continue;
        };
        let read = cx.accept(got);
        match map.get(&name) {
            None => {
                map.insert(name, read);
            }
            Some(earlier) if *earlier == read => cx.note(repair::DUPLICATE_KEY),
            Some(_) => {
                return Err(cx.fail(
                    node,
                    format!("the key `{name}` stands twice with different values"),
                ));
            }
        }
    }
    Ok(Value::Object(map))
}

/// A key as its type wants it, as text.
fn key_text(cx: &mut Cx<'_>, node: &Node, key: &str, ty: &Type) -> Result<String, Fail> {
    if cx
        .schema
        .resolve(ty)
        .is_none_or(|ty| matches!(ty.kind, Kind::Str | Kind::Any(_)))
    {
        return Ok(key.to_owned());
    }
    let bare = Node::new(NodeKind::Bare(key.to_owned()), node.start, node.start);
    let got = cx.within(Step::Key(key.to_owned()), |cx| {
        cx.attempt(|cx| cx.coerce(&bare, ty))
    })?;
    Ok(match cx.accept(got) {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// `[{"key": "a", "value": 1}]` and `[["a", 1]]`.
fn pairs(
    cx: &mut Cx<'_>,
    node: &Node,
    ty: &Type,
    items: &[Node],
    key: &Type,
    value: &Type,
) -> Result<Value, Fail> {
    let mut entries = Vec::new();
    for item in items {
        let pair = match &item.kind {
            NodeKind::List(pair) => match pair.as_slice() {
                [key, value] => Some((key, value)),
                _ => None,
            },
            NodeKind::Object(fields) => match fields.as_slice() {
                [k, v]
                    if matches!(k.key.as_str(), "key" | "k" | "name")
                        && matches!(v.key.as_str(), "value" | "v") =>
                {
                    Some((&k.value, &v.value))
                }
                _ => None,
            },
            _ => None,
        };
        let Some((key, value)) = pair else {
            return Err(cx.mismatch(node, ty));
        };
        let key = match &key.kind {
            NodeKind::Str(text) | NodeKind::Bare(text) | NodeKind::Number(text) => text.clone(),
            _ => return Err(cx.mismatch(node, ty)),
        };
        entries.push(Entry {
            key,
            value: value.clone(),
        });
    }
    if entries.is_empty() {
        return Err(cx.mismatch(node, ty));
    }
    cx.note(repair::PAIRS);
    entries_of(cx, node, &entries, key, value)
}
