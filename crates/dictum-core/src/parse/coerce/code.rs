//! Source code.

use serde_json::Value;

use super::{Cx, Fail};
use crate::parse::node::{Node, NodeKind};
use crate::parse::{escape, fence, repair};
use crate::types::Type;

/// Text; a code fence around it is taken off, and prose around a fence dropped. What stands in a verbatim block is the code
/// as it is.
pub(super) fn code(cx: &mut Cx<'_>, node: &Node, ty: &Type, language: &str) -> Result<Value, Fail> {
    let value = super::text::text(cx, node, ty)?;
    let Value::String(text) = &value else {
        return Ok(value);
    };
    if !text.contains("```") && !text.contains("~~~") {
        return Ok(value);
    }
    if let Some(exact) = escape::verbatim_content(text.trim()) {
        return Ok(Value::String(exact.to_owned()));
    }
    let quoted = matches!(node.kind, NodeKind::Str(_));
    let blocks = fence::blocks(text);
    // A fence that never closes was cut off, which quoted text is not.
    if let Some(block) = blocks
        .first()
        .filter(|block| block.is_whole(text) && (block.closed || !quoted))
    {
        cx.note(repair::CODE_FENCE);
        return Ok(Value::String(unfenced(block.content).to_owned()));
    }
    // Prose around blocks: only text that stood by itself; a quoted string is the code as it is.
    if quoted {
        return Ok(value);
    }
    let mut matching: Vec<_> = blocks
        .iter()
        .filter(|block| block.info.is_empty() || block.is_language(language))
        .collect();
    if matching.iter().any(|block| block.is_language(language)) {
        matching.retain(|block| block.is_language(language));
    }
    match matching.as_slice() {
        [] => Ok(value),
        [block] => {
            cx.note(repair::PROSE);
            cx.note(repair::CODE_FENCE);
            if !block.closed {
                cx.note(repair::TRUNCATED);
            }
            Ok(Value::String(unfenced(block.content).to_owned()))
        }
        [first, rest @ ..] if rest.iter().all(|block| block.content == first.content) => {
            cx.note(repair::PROSE);
            Ok(Value::String(unfenced(first.content).to_owned()))
        }
        several => Err(cx.fail(
            node,
            format!(
                "there are {} different code blocks where one was wanted",
                several.len()
            ),
        )),
    }
}

/// Takes off the fences that a fence held.
fn unfenced(text: &str) -> &str {
    let mut text = text;
    for _ in 0..8 {
        match fence::blocks(text).first() {
            Some(block) if block.closed && block.is_whole(text) => text = block.content,
            _ => break,
        }
    }
    text
}
