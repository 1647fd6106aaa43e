//! Lists of fixed length.

use serde_json::Value;

use super::{Cx, Fail, Step, json_inside};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::parse::text::read_inner;
use crate::types::Type;

pub(super) fn tuple(cx: &mut Cx<'_>, node: &Node, ty: &Type, types: &[Type]) -> Result<Value, Fail> {
    match &node.kind {
        NodeKind::List(items) => {
            let items: Vec<&Node> = items.iter().collect();
            places(cx, node, types, &items)
        }
        NodeKind::Elements(children) => {
            let items: Vec<&Node> = children.iter().map(|child| &child.value).collect();
            places(cx, node, types, &items)
        }
        NodeKind::Str(text) | NodeKind::Bare(text) => {
            let text = text.trim();
            if let Some(inner) = json_inside(node) {
                return cx.coerce(&inner, ty);
            }
            let inside = text
                .strip_prefix('(')
                .and_then(|t| t.strip_suffix(')'))
                .unwrap_or(text);
            let parts: Vec<&str> = inside.split([',', ';']).map(str::trim).collect();
            if parts.len() != types.len() || text.contains('\n') {
                return Err(cx.mismatch(node, ty));
            }
            cx.note(repair::COMMA_LIST);
            let mut values = Vec::new();
            for (index, (part, ty)) in parts.iter().zip(types).enumerate() {
                let value = cx.within(Step::Index(index), |cx| read_inner(cx, part, node.start, ty))?;
                values.push(value);
            }
            Ok(Value::Array(values))
        }
        _ => Err(cx.mismatch(node, ty)),
    }
}

fn places(cx: &mut Cx<'_>, node: &Node, types: &[Type], items: &[&Node]) -> Result<Value, Fail> {
    if items.len() != types.len() {
        return Err(cx.fail(
            node,
            format!("wanted exactly {} values, found {}", types.len(), items.len()),
        ));
    }
    let mut values = Vec::with_capacity(types.len());
    for (index, (item, ty)) in items.iter().zip(types).enumerate() {
        values.push(cx.within(Step::Index(index), |cx| cx.coerce(item, ty))?);
    }
    Ok(Value::Array(values))
}
