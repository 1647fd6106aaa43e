//! Reasoning blocks, which are to be given back as they came.

use dictum_core::lm::Part;
use serde_json::{Value, json};

/// Marks, in a signature, reasoning that came encrypted and without text. Base64 has no colon.
const REDACTED: &str = "redacted:";

/// The part that a `reasoningContent` block is, if it says anything.
pub(super) fn part(block: &Value) -> Option<Part> {
    let text = |path: &str| block.pointer(path).and_then(Value::as_str);
    if let Some(data) = text("/redactedContent") {
        return Some(redacted(data));
    }
    block.get("reasoningText")?;
    Some(Part::Reasoning {
        text: text("/reasoningText/text").unwrap_or_default().to_owned(),
        signature: text("/reasoningText/signature").map(str::to_owned),
    })
}

/// The part that encrypted reasoning is.
pub(super) fn redacted(data: &str) -> Part {
    Part::Reasoning {
        text: String::new(),
        signature: Some(format!("{REDACTED}{data}")),
    }
}

/// The block of a part that can be given back: models verify reasoning by its signature, and it must be theirs.
pub(super) fn block(text: &str, signature: Option<&str>) -> Option<Value> {
    let signature = signature?;
    if let Some(data) = signature.strip_prefix(REDACTED) {
        return Some(json!({ "redactedContent": data }));
    }
    // An item of OpenAI's Responses is no signature.
    (!signature.starts_with('{'))
        .then(|| json!({ "reasoningText": { "text": text, "signature": signature } }))
}
