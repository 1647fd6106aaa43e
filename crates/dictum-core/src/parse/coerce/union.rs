//! One of several types: every one is tried, the cheapest reading wins, and readings that tie must agree.

use serde_json::Value;

use super::optional::without_flaws;
use super::{Cx, Fail, Got};
use crate::parse::node::{Entry, Node, NodeKind};
use crate::types::{Kind, ObjectType, Type};

pub(super) fn union(cx: &mut Cx<'_>, node: &Node, ty: &Type, types: &[Type]) -> Result<Value, Fail> {
    let mut best: Vec<Got> = Vec::new();
    let mut failures: Vec<Fail> = Vec::new();
    for variant in types {
        if !may_be(cx, node, variant) {
            continue;
        }
        match cx.attempt(|cx| cx.coerce(node, variant)) {
            Ok(got) => match best.first() {
                Some(first) if got.cost > first.cost => {}
                Some(first) if got.cost == first.cost => best.push(got),
                _ => best = vec![got],
            },
            Err(fail) => failures.push(fail),
        }
    }
    let mut readings = best.into_iter();
    let Some(first) = readings.next() else {
        // One candidate left after the cheap tests: its own error says more than `none fits`.
        return match failures.len() {
            1 => failures.pop().map_or_else(|| Err(cx.mismatch(node, ty)), Err),
            _ => Err(cx.mismatch(node, ty)),
        };
    };
    for other in readings {
        if !agree(&first.value, &other.value) {
            return Err(cx.fail(
                node,
                format!(
                    "can be read as {} or as {}",
                    shown(&first.value),
                    shown(&other.value)
                ),
            ));
        }
    }
    Ok(cx.accept(without_flaws(first, node)))
}

fn shown(value: &Value) -> String {
    super::shorten(&value.to_string())
}

/// The same value, or the same number in two types.
fn agree(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

/// A cheap look that spares most attempts: objects whose tag or keys rule a variant out.
fn may_be(cx: &Cx<'_>, node: &Node, variant: &Type) -> bool {
    let Some(variant) = cx.schema.resolve(variant) else {
        return false;
    };
    match (&variant.kind, &node.kind) {
        (Kind::Object(object), NodeKind::Object(entries) | NodeKind::Elements(entries)) => {
            tags_fit(cx, object, entries)
        }
        (Kind::Null, _) => matches!(node.kind, NodeKind::Null | NodeKind::Bare(_) | NodeKind::Str(_)),
        _ => true,
    }
}

fn tags_fit(cx: &Cx<'_>, object: &ObjectType, entries: &[Entry]) -> bool {
    object.properties.iter().all(|property| {
        let Some(entry) = entries.iter().find(|entry| entry.key == property.name) else {
            return true;
        };
        let Some(Kind::Literal(values)) = cx.schema.resolve(&property.ty).map(|ty| &ty.kind) else {
            return true;
        };
        let Some(text) = entry.value.text() else {
            return true;
        };
        values.iter().any(|value| match value {
            Value::String(member) => member.to_lowercase() == text.trim().to_lowercase(),
            _ => true,
        })
    })
}
