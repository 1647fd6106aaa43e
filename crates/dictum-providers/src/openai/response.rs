//! From the body that came to an answer.

use dictum_core::lm::{FinishReason, LmError, LmErrorKind, Part, Response, Source, Usage};
use serde_json::{Map, Value};

use super::error;
use crate::json::Json;
use crate::wire;

/// Reads a whole answer.
///
/// # Errors
/// The error it holds, which some routers send with status 200, or [`LmErrorKind::Decode`].
pub(super) fn response<J: Json>(payload: &J) -> Result<Response, LmError> {
    let Some(choice) = payload.get("choices").and_then(J::first) else {
        return Err(error::in_payload(payload)
            .unwrap_or_else(|| LmError::new(LmErrorKind::Decode, "the answer has no `choices`")));
    };
    let Some(message) = choice.get("message") else {
        return Err(LmError::new(
            LmErrorKind::Decode,
            "the answer's choice has no `message`",
        ));
    };
    let refusal = text_of(message, "refusal");
    let mut parts = Vec::new();
    if let Some(text) = reasoning_of(message) {
        parts.push(reasoning(text.to_owned()));
    }
    let text = content_text(message.get("content"));
    // Tool calls without a word have no text part; a silent answer without either has an empty one.
    let calls = message.get("tool_calls").and_then(J::as_array);
    match refusal {
        Some(refusal) => parts.push(Part::text(refusal)),
        None if !text.is_empty() || calls.is_none_or(<[J]>::is_empty) => parts.push(Part::Text { text }),
        None => {}
    }
    for call in calls.into_iter().flatten() {
        parts.push(tool_call(
            text_of(call, "id").unwrap_or_default(),
            call.at(&["function", "name"])
                .and_then(J::as_str)
                .unwrap_or_default(),
            call.at(&["function", "arguments"]),
        ));
    }
    Ok(Response {
        parts,
        finish: finish(choice.get("finish_reason").and_then(J::as_str), refusal.is_some()),
        usage: payload.get("usage").map(usage).unwrap_or_default(),
        model: text_of(payload, "model").unwrap_or_default().to_owned(),
        raw: None,
        source: Source::Model,
        attempts: 1,
    })
}

fn text_of<'a, J: Json>(value: &'a J, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Reasoning, under either of the names it goes by.
pub(super) fn reasoning_of<J: Json>(message: &J) -> Option<&str> {
    text_of(message, "reasoning_content").or_else(|| text_of(message, "reasoning"))
}

pub(super) fn reasoning(text: String) -> Part {
    Part::Reasoning {
        text,
        signature: None,
    }
}

/// Content as text: a string, or parts as some servers write them.
pub(super) fn content_text<J: Json>(content: Option<&J>) -> String {
    let Some(content) = content else {
        return String::new();
    };
    match content.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let parts = content.as_array().into_iter().flatten();
            parts.filter_map(|part| text_of(part, "text")).collect()
        }
    }
}

/// A tool call. Arguments come as JSON in a string.
pub(crate) fn tool_call<J: Json>(id: &str, name: &str, arguments: Option<&J>) -> Part {
    let arguments = match (arguments, arguments.and_then(J::as_str)) {
        (_, Some(text)) => wire::arguments(text),
        (Some(other), None) => other.to_value(),
        (None, None) => Value::Object(Map::new()),
    };
    Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
    }
}

pub(super) fn finish(reason: Option<&str>, refused: bool) -> FinishReason {
    match reason {
        _ if refused => FinishReason::ContentFilter,
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("tool_calls" | "function_call") => FinishReason::ToolCalls,
        Some("content_filter") => FinishReason::ContentFilter,
        Some(other) => FinishReason::Other(other.to_owned()),
        None => FinishReason::Other(String::new()),
    }
}

pub(super) fn usage<J: Json>(usage: &J) -> Usage {
    let count = |path: &[&str]| usage.at(path).and_then(J::as_u64);
    Usage {
        input_tokens: count(&["prompt_tokens"]),
        cached_tokens: count(&["prompt_tokens_details", "cached_tokens"])
            .or_else(|| count(&["prompt_cache_hit_tokens"])),
        cache_write_tokens: count(&["prompt_tokens_details", "cache_write_tokens"]),
        output_tokens: count(&["completion_tokens"]),
        reasoning_tokens: count(&["completion_tokens_details", "reasoning_tokens"]),
        // OpenRouter says what a call cost, in US dollars.
        cost_usd: usage.get("cost").and_then(J::as_f64),
        audio_tokens: count(&["prompt_tokens_details", "audio_tokens"]),
        ..Usage::default()
    }
}
