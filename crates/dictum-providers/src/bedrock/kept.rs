//! Blocks that are to be given back as they came.

use dictum_core::lm::Part;
use serde_json::{Value, json};

use crate::json::Json;

const PROVIDER: &str = "bedrock";

/// The part that a `reasoningContent` block is, if it says anything.
pub(super) fn reasoning<J: Json>(content: &J) -> Option<Part> {
    let text = |path: &[&str]| content.at(path).and_then(J::as_str);
    if let Some(data) = text(&["redactedContent"]) {
        return Some(redacted(data));
    }
    content.get("reasoningText")?;
    Some(Part::Reasoning {
        text: text(&["reasoningText", "text"]).unwrap_or_default().to_owned(),
        signature: text(&["reasoningText", "signature"]).map(str::to_owned),
    })
}

/// The block of reasoning that can be given back: models verify it by its signature.
pub(super) fn signed(text: &str, signature: Option<&str>) -> Option<Value> {
    let signature = signature?;
    Some(json!({ "reasoningText": { "text": text, "signature": signature } }))
}

/// The part that encrypted reasoning is.
pub(super) fn redacted(data: &str) -> Part {
    opaque(json!({ "reasoningContent": { "redactedContent": data } }))
}

/// A block that no one but Bedrock understands.
pub(super) fn opaque(block: Value) -> Part {
    Part::Opaque {
        provider: PROVIDER.to_owned(),
        payload: block,
    }
}

/// The block that such a part is, if it is from Bedrock.
pub(super) fn of_bedrock<'a>(provider: &str, block: &'a Value) -> Option<&'a Value> {
    (provider == PROVIDER).then_some(block)
}
