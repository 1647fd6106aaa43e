//! A type or null.

use serde_json::Value;

use super::{Cx, Fail};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

/// What models write when there is nothing to say.
pub(crate) fn is_not_applicable(text: &str) -> bool {
    let text = text
        .trim()
        .trim_matches(['"', '\'', '*', '`', '(', ')', '[', ']', '<', '>'])
        .trim_end_matches('.');
    matches!(
        text.to_ascii_lowercase().as_str(),
        "n/a"
            | "na"
            | "n.a"
            | "none"
            | "null"
            | "nil"
            | "not applicable"
            | "not available"
            | "-"
            | "--"
            | "\u{2014}"
    )
}

/// Text in quotes is a value; without quotes `N/A` and the like are null, unless the type itself has that word.
pub(super) fn optional(cx: &mut Cx<'_>, node: &Node, inner: &Type) -> Result<Value, Fail> {
    if matches!(node.kind, NodeKind::Null) {
        return Ok(Value::Null);
    }
    let is_text = cx.schema.resolve(inner).is_some_and(Type::is_text);
    let blank = node.text().is_some_and(|text| text.trim().is_empty());
    let nothing = node.text().is_some_and(is_not_applicable);
    let quoted = matches!(node.kind, NodeKind::Str(_));
    if (blank || nothing) && !(quoted && is_text) && !node.cut {
        if let Some(got) = (!is_text)
            .then(|| cx.attempt(|cx| cx.coerce(node, inner)))
            .and_then(Result::ok)
            && (!blank || quoted)
            && !got.value.as_array().is_some_and(Vec::is_empty)
        {
            return Ok(cx.accept(got));
        }
        cx.note(if blank {
            repair::EMPTY
        } else {
            repair::NOT_APPLICABLE
        });
        return Ok(Value::Null);
    }
    let got = cx.attempt(|cx| cx.coerce(node, inner));
    match got {
        Ok(got) => {
            // The flaws of this node were noted on the way here.
            Ok(cx.accept(without_flaws(got, node)))
        }
        Err(_) if node.text().is_some_and(|text| text == "NaN") => {
            cx.note(repair::NOT_A_NUMBER);
            Ok(Value::Null)
        }
        Err(fail) => Err(fail),
    }
}

/// Takes off what the node's own flaws cost, when they were noted before for the same node.
pub(super) fn without_flaws(mut got: super::Got, node: &Node) -> super::Got {
    for flaw in &node.flaws {
        if let Some(index) = got.notes.iter().position(|note| note.what == flaw.what) {
            got.notes.remove(index);
            got.cost = got.cost.saturating_sub(flaw.cost);
        }
    }
    got
}
