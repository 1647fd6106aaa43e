//! Images, sounds and files: an address, a data URI, or [`crate::lm::Media`] as JSON.

use serde_json::{Value, json};

use super::{Cx, Fail, json_inside};
use crate::lm::Media;
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

pub(super) fn media(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    if let Some(inner) = json_inside(node) {
        return cx.coerce(&inner, ty);
    }
    match &node.kind {
        NodeKind::Object(_) => {
            let value = super::untyped::any(cx, node)?;
            match serde_json::from_value::<Media>(value.clone()) {
                Ok(_) => Ok(value),
                Err(_) => match address(&value) {
                    Some(media) => {
                        cx.note(repair::MEDIA_SHAPE);
                        Ok(media)
                    }
                    None => Err(cx.mismatch(node, ty)),
                },
            }
        }
        NodeKind::Str(text) | NodeKind::Bare(text) => match from_address(text.trim()) {
            Some(media) => {
                cx.note(repair::MEDIA_SHAPE);
                Ok(media)
            }
            None => Err(cx.mismatch(node, ty)),
        },
        _ => Err(cx.mismatch(node, ty)),
    }
}

/// `{"image_url": {"url": ".."}}` and its like.
fn address(value: &Value) -> Option<Value> {
    let inner = ["image_url", "url", "file_url"]
        .iter()
        .find_map(|key| value.get(key))?;
    let text = inner
        .as_str()
        .or_else(|| inner.get("url").and_then(Value::as_str))?;
    from_address(text)
}

fn from_address(text: &str) -> Option<Value> {
    if let Some(rest) = text.strip_prefix("data:") {
        let (media_type, data) = rest.split_once(";base64,")?;
        return Some(json!({ "media_type": media_type, "base64": data }));
    }
    let is_address = ["http://", "https://", "gs://", "s3://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    (is_address && !text.contains(char::is_whitespace)).then(|| json!({ "url": text }))
}
