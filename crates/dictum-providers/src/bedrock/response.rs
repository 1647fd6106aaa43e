//! From the body that came to an answer.

use dictum_core::lm::{FinishReason, LmError, LmErrorKind, Part, Response, Source, Usage};
use serde_json::{Map, Value};

use super::kept;
use crate::json::Json;

/// Reads a whole answer.
///
/// # Errors
/// [`LmErrorKind::Decode`] when it is none.
pub(super) fn response<J: Json>(payload: &J) -> Result<Response, LmError> {
    let Some(content) = payload
        .at(&["output", "message", "content"])
        .and_then(J::as_array)
    else {
        return Err(LmError::new(
            LmErrorKind::Decode,
            "the answer has no `output.message`",
        ));
    };
    let parts = content.iter().filter_map(part).collect();
    Ok(answer(parts, payload))
}

/// The answer of these parts; the rest is in the payload.
pub(super) fn answer<J: Json>(mut parts: Vec<Part>, payload: &J) -> Response {
    let says = |part: &Part| matches!(part, Part::Text { .. } | Part::ToolCall { .. });
    if !parts.iter().any(says) {
        // A silent answer is an answer.
        parts.push(Part::text(""));
    }
    Response {
        parts,
        finish: finish(payload.get("stopReason").and_then(J::as_str)),
        usage: payload.get("usage").map(usage).unwrap_or_default(),
        // Only a prompt router says which model it was.
        model: payload
            .at(&["trace", "promptRouter", "invokedModelId"])
            .and_then(J::as_str)
            .unwrap_or_default()
            .to_owned(),
        raw: None,
        source: Source::Model,
        attempts: 1,
    }
}

/// The part that a block is. Media stay in the raw payload.
fn part<J: Json>(block: &J) -> Option<Part> {
    let (kind, value) = block.first_member()?;
    match kind {
        "text" => value.as_str().filter(|text| !text.is_empty()).map(Part::text),
        "citationsContent" => {
            let pieces = value.get("content").and_then(J::as_array);
            let texts = pieces
                .into_iter()
                .flatten()
                .filter_map(|piece| piece.get("text")?.as_str());
            Some(Part::text(texts.collect::<String>()))
        }
        "toolUse" if value.get("type").is_none() => {
            let text = |name: &str| value.get(name).and_then(J::as_str).unwrap_or_default().to_owned();
            Some(Part::ToolCall {
                id: text("toolUseId"),
                name: text("name"),
                arguments: value
                    .get("input")
                    .map_or_else(|| Value::Object(Map::new()), J::to_value),
            })
        }
        // A tool that ran at the provider.
        "toolUse" | "toolResult" => Some(kept::opaque(block.to_value())),
        "reasoningContent" => kept::reasoning(value),
        _ => None,
    }
}

fn finish(reason: Option<&str>) -> FinishReason {
    match reason {
        Some("end_turn" | "stop_sequence") => FinishReason::Stop,
        // A window that is full cuts an answer off as a limit does.
        Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
        Some("tool_use") => FinishReason::ToolCalls,
        Some("guardrail_intervened" | "content_filtered") => FinishReason::ContentFilter,
        other => FinishReason::Other(other.unwrap_or_default().to_owned()),
    }
}

fn usage<J: Json>(usage: &J) -> Usage {
    let count = |name: &str| usage.get(name).and_then(J::as_u64);
    let cached = count("cacheReadInputTokens");
    // What was read from or written to the cache is not part of `inputTokens`.
    let written = count("cacheWriteInputTokens");
    let kept = cached.unwrap_or(0).saturating_add(written.unwrap_or(0));
    Usage {
        input_tokens: count("inputTokens").map(|tokens| tokens.saturating_add(kept)),
        cached_tokens: cached,
        cache_write_tokens: written,
        output_tokens: count("outputTokens"),
        reasoning_tokens: None,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests;
