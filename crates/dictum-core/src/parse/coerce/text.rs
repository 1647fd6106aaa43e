//! Text.

use serde_json::Value;

use super::{Cx, Fail};
use crate::parse::escape;
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

/// Quoted text is taken as it is; text without quotes too, with a note. Other values are written out.
pub(super) fn text(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    Ok(Value::String(match &node.kind {
        NodeKind::Str(text) => text.clone(),
        NodeKind::Bare(text) if text.is_empty() => return Err(cx.mismatch(node, ty)),
        NodeKind::Bare(text) => {
            cx.note(repair::UNQUOTED_TEXT);
            text.clone()
        }
        NodeKind::Number(raw) => {
            cx.note(repair::NUMBER_AS_TEXT);
            raw.clone()
        }
        NodeKind::Bool(b) => {
            cx.note(repair::VALUE_AS_TEXT);
            b.to_string()
        }
        // Models answer a text field with a list of sentences or an object: the JSON loses nothing.
        NodeKind::List(_) | NodeKind::Object(_) | NodeKind::Elements(_) => {
            cx.note(repair::STRUCTURE_AS_TEXT);
            super::untyped::any(cx, node)?.to_string()
        }
        NodeKind::Leaf(text) => exact_text(text).to_owned(),
        NodeKind::Null => return Err(cx.mismatch(node, ty)),
    }))
}

/// The text of a field that stands by itself: kept as written, but for white space at its edges and the verbatim form.
pub(crate) fn exact_text(text: &str) -> &str {
    let trimmed = text.trim();
    escape::verbatim_content(trimmed).unwrap_or(trimmed)
}
