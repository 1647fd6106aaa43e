//! Lists and sets.

use serde_json::Value;

use super::{Cx, Fail, Step, is_not_applicable, json_inside, list_text};
use crate::parse::node::{Entry, Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

pub(super) fn list(
    cx: &mut Cx<'_>,
    node: &Node,
    ty: &Type,
    item: &Type,
    unique: bool,
) -> Result<Value, Fail> {
    let mut values = match &node.kind {
        NodeKind::List(items) => items_of(cx, items.iter(), item)?,
        NodeKind::Elements(children) => elements(cx, node, ty, children, item)?,
        NodeKind::Object(entries) => from_object(cx, node, ty, entries, item)?,
        NodeKind::Str(_) | NodeKind::Bare(_) | NodeKind::Leaf(_) => from_text(cx, node, ty, item)?,
        NodeKind::Number(_) | NodeKind::Bool(_) => vec![single(cx, node, item)?],
        NodeKind::Null => return Err(cx.mismatch(node, ty)),
    };
    if unique {
        let before = values.len();
        dedup(&mut values);
        if values.len() < before {
            cx.note(repair::DUPLICATE_ITEM);
        }
    }
    Ok(Value::Array(values))
}

fn dedup(values: &mut Vec<Value>) {
    // By their JSON, so that a long set costs no more than it is long.
    let mut seen = std::collections::HashSet::new();
    values.retain(|value| seen.insert(value.to_string()));
}

fn items_of<'n>(
    cx: &mut Cx<'_>,
    items: impl ExactSizeIterator<Item = &'n Node>,
    item: &Type,
) -> Result<Vec<Value>, Fail> {
    let count = items.len();
    let mut values = Vec::with_capacity(count);
    for (index, node) in items.enumerate() {
        if let NodeKind::Bare(text) = &node.kind
            && matches!(text.as_str(), "..." | "\u{2026}")
        {
            return Err(cx.fail(node, "the list is left unfinished with `...`"));
        }
        let got = cx.within(Step::Index(index), |cx| {
            if index + 1 == count && ends_cut(node) {
                let got = cx.attempt(|cx| cx.coerce(node, item));
                return Ok(got.ok());
            }
            cx.attempt(|cx| cx.coerce(node, item)).map(Some)
        })?;
        match got {
            Some(got) => values.push(cx.accept(got)),
            None => cx.note(repair::CUT_DROPPED),
        }
    }
    Ok(values)
}

/// Whether the end of the text fell inside this node.
pub(super) fn ends_cut(node: &Node) -> bool {
    node.cut || node.flaws.contains(&repair::TRUNCATED)
}

fn single(cx: &mut Cx<'_>, node: &Node, item: &Type) -> Result<Value, Fail> {
    cx.note(repair::SINGLE_ITEM);
    cx.within(Step::Index(0), |cx| cx.coerce(node, item))
}

/// `{"labels": [..]}` for the list, or one object for a list of objects.
fn from_object(
    cx: &mut Cx<'_>,
    node: &Node,
    ty: &Type,
    entries: &[Entry],
    item: &Type,
) -> Result<Vec<Value>, Fail> {
    let one = cx.attempt(|cx| single(cx, node, item));
    let wrapped = match entries {
        [only] if matches!(only.value.kind, NodeKind::List(_)) => Some(cx.attempt(|cx| {
            cx.note(repair::WRAPPED);
            cx.coerce(&only.value, ty)
        })),
        _ => None,
    };
    match (one, wrapped) {
        (_, Some(Ok(wrapped))) => match cx.accept(wrapped) {
            Value::Array(items) => Ok(items),
            other => Ok(vec![other]),
        },
        (Ok(one), _) => Ok(vec![cx.accept(one)]),
        (Err(_), Some(Err(inner))) => Err(inner),
        (Err(inner), None) => {
            if entries.is_empty() || inner.offset <= node.start {
                return Err(cx.mismatch(node, ty));
            }
            Err(inner)
        }
    }
}

/// `<tags><item>a</item></tags>`: children of one name.
fn elements(
    cx: &mut Cx<'_>,
    node: &Node,
    ty: &Type,
    children: &[Entry],
    item: &Type,
) -> Result<Vec<Value>, Fail> {
    let name = children
        .first()
        .map(|child| child.key.as_str())
        .unwrap_or_default();
    if children.iter().any(|child| child.key != name) {
        return from_object(cx, node, ty, children, item);
    }
    if name != "item" && children.len() == 1 {
        // One child of another name: the item itself if that fits, else its wrapper.
        let one = cx.attempt(|cx| single(cx, node, item));
        if let Ok(one) = one {
            return Ok(vec![cx.accept(one)]);
        }
    }
    items_of(cx, children.iter().map(|child| &child.value), item)
}

fn from_text(cx: &mut Cx<'_>, node: &Node, ty: &Type, item: &Type) -> Result<Vec<Value>, Fail> {
    let text = node.text().unwrap_or_default();
    if let Some(inner) = json_inside(node) {
        return match cx.coerce(&inner, ty)? {
            Value::Array(items) => Ok(items),
            other => Ok(vec![other]),
        };
    }
    if matches!(node.kind, NodeKind::Str(_)) {
        // Quoted: one item, or a comma list if the item type does not take it whole.
        let whole = cx.attempt(|cx| single(cx, node, item));
        if let Ok(whole) = whole {
            return Ok(vec![cx.accept(whole)]);
        }
    }
    if text.trim().is_empty() {
        return Err(cx.mismatch(node, ty));
    }
    if is_not_applicable(text) {
        cx.note(repair::NOT_APPLICABLE);
        return Ok(Vec::new());
    }
    list_text::read(cx, node, ty, item, text)
}
