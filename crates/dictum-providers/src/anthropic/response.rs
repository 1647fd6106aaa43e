//! From the body that came to an answer.

use dictum_core::lm::{FinishReason, LmError, LmErrorKind, Part, Response, Source, Usage};
use serde_json::Value;

use super::{PROVIDER, error};
use crate::json::Json;

/// Reads a whole answer; also one that was put together from a stream.
///
/// # Errors
/// The error it holds in place of an answer, or [`LmErrorKind::Decode`].
pub(super) fn response<J: Json>(payload: &J) -> Result<Response, LmError> {
    if let Some(error) = error::in_payload(payload) {
        return Err(error);
    }
    let Some(content) = payload.get("content").and_then(J::as_array) else {
        return Err(LmError::new(LmErrorKind::Decode, "the answer has no `content`"));
    };
    let mut parts: Vec<Part> = content.iter().filter_map(part).collect();
    // A refusal often has no word of its own, and the reason stands beside it. A silent answer has an empty text.
    let silent = parts
        .iter()
        .all(|part| matches!(part, Part::Reasoning { .. } | Part::Opaque { .. }));
    if silent {
        let reason = payload.at(&["stop_details", "explanation"]);
        parts.push(Part::text(reason.and_then(J::as_str).unwrap_or_default()));
    }
    Ok(Response {
        parts,
        finish: finish(payload.get("stop_reason").and_then(J::as_str)),
        usage: payload.get("usage").map(usage).unwrap_or_default(),
        model: text(payload, "model").to_owned(),
        raw: None,
        source: Source::Model,
        attempts: 1,
    })
}

fn part<J: Json>(block: &J) -> Option<Part> {
    Some(match text(block, "type") {
        "text" if text(block, "text").is_empty() => return None,
        "text" => Part::text(text(block, "text")),
        "thinking" => Part::Reasoning {
            text: text(block, "thinking").to_owned(),
            signature: Some(text(block, "signature"))
                .filter(|signature| !signature.is_empty())
                .map(str::to_owned),
        },
        "tool_use" => tool_call(block),
        // Encrypted thinking, the steps of tools that ran at the server, and what is to come.
        _ => Part::Opaque {
            provider: PROVIDER.to_owned(),
            payload: block.to_value(),
        },
    })
}

pub(super) fn tool_call<J: Json>(block: &J) -> Part {
    Part::ToolCall {
        id: text(block, "id").to_owned(),
        name: text(block, "name").to_owned(),
        arguments: block
            .get("input")
            .map_or_else(|| Value::Object(Default::default()), J::to_value),
    }
}

fn text<'a, J: Json>(value: &'a J, name: &str) -> &'a str {
    value.get(name).and_then(J::as_str).unwrap_or_default()
}

fn finish(reason: Option<&str>) -> FinishReason {
    match reason {
        Some("end_turn" | "stop_sequence") => FinishReason::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
        Some("tool_use") => FinishReason::ToolCalls,
        Some("refusal") => FinishReason::ContentFilter,
        other => FinishReason::Other(other.unwrap_or_default().to_owned()),
    }
}

fn usage<J: Json>(usage: &J) -> Usage {
    let count = |path: &[&str]| usage.at(path).and_then(J::as_u64);
    // What was read from the cache or written to it is counted apart from the rest of the input.
    let cached = count(&["cache_read_input_tokens"]);
    let written = count(&["cache_creation_input_tokens"]);
    let input = count(&["input_tokens"]).map(|rest| {
        rest.saturating_add(cached.unwrap_or(0))
            .saturating_add(written.unwrap_or(0))
    });
    Usage {
        input_tokens: input,
        cached_tokens: cached,
        cache_write_tokens: written,
        cache_write_hour_tokens: count(&["cache_creation", "ephemeral_1h_input_tokens"]),
        output_tokens: count(&["output_tokens"]),
        reasoning_tokens: count(&["output_tokens_details", "thinking_tokens"]),
        ..Usage::default()
    }
}
