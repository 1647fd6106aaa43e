//! `true` and `false`.

use serde_json::Value;

use super::words::{self, HEDGES};
use super::{Cx, Fail};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

/// Exact, in another case or language's spelling, as yes or no, as 1 or 0, with an explanation behind it. `not true` and
/// `yes and no` are errors.
pub(super) fn boolean(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    match &node.kind {
        NodeKind::Bool(b) => Ok(Value::Bool(*b)),
        NodeKind::Number(raw) if raw == "1" || raw == "0" => {
            cx.note(repair::BIT);
            Ok(Value::Bool(raw == "1"))
        }
        NodeKind::Str(text) | NodeKind::Bare(text) => {
            if matches!(node.kind, NodeKind::Str(_)) {
                cx.note(repair::QUOTED_BOOL);
            }
            match from_text(cx, text) {
                Some(value) => Ok(Value::Bool(value)),
                None => Err(cx.mismatch(node, ty)),
            }
        }
        _ => match super::only_inside(node) {
            Some(inner) => {
                cx.note(repair::WRAPPED);
                boolean(cx, inner, ty)
            }
            None => Err(cx.mismatch(node, ty)),
        },
    }
}

fn polarity(word: &str) -> Option<(bool, bool)> {
    Some(match word {
        "true" | "t" => (true, false),
        "false" | "f" => (false, false),
        "yes" | "y" => (true, true),
        "no" | "n" => (false, true),
        _ => return None,
    })
}

fn from_text(cx: &mut Cx<'_>, text: &str) -> Option<bool> {
    if text.contains("```") {
        return None;
    }
    let bare = words::strip_markup(text);
    if bare != text.trim() {
        cx.note(repair::MARKUP);
    }
    if bare == "1" || bare == "0" {
        cx.note(repair::BIT);
        return Some(bare == "1");
    }
    let (lead, rest) = words::after_lead_in(bare);
    let all = words::words(rest, 60);
    let first = all.first()?;
    let (value, yes_no) = polarity(&first.text)?;
    // A single letter is an answer only when it is all there is.
    if first.text.len() == 1 && all.len() > 1 {
        return None;
    }
    if yes_no {
        cx.note(repair::YES_NO);
    } else if rest.get(..first.end) != Some(if value { "true" } else { "false" }) {
        cx.note(repair::CASE);
    }
    if lead {
        cx.note(repair::LEAD_IN);
    }
    let behind = rest.get(first.end..)?;
    if words::is_punctuation(behind) {
        if !behind.trim().is_empty() {
            cx.note(repair::PUNCTUATION);
        }
        return Some(value);
    }
    if !words::starts_explanation(behind) {
        return None;
    }
    let later = all.get(1..).unwrap_or_default();
    let taken_back = later.iter().any(|word| {
        polarity(&word.text).is_some_and(|(other, _)| other != value && word.text.len() > 1)
            || HEDGES.contains(&word.text.as_str())
    });
    if taken_back {
        return None;
    }
    cx.note(repair::EXPLANATION);
    Some(value)
}
