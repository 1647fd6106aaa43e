//! From the body that came to an answer.

use dictum_core::lm::{FinishReason, LmError, LmErrorKind, Part, Response, Source, Usage};
use serde_json::{Map, Value};

use super::error;
use crate::wire::{self, at};

/// Reads a whole answer.
///
/// # Errors
/// The error it holds, which some routers send with status 200, or [`LmErrorKind::Decode`].
pub(super) fn response(payload: &Value) -> Result<Response, LmError> {
    let Some(choice) = payload.get("choices").and_then(|choices| choices.get(0)) else {
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
    let calls = message.get("tool_calls").and_then(Value::as_array);
    match refusal {
        Some(refusal) => parts.push(Part::text(refusal)),
        None if !text.is_empty() || calls.is_none_or(Vec::is_empty) => parts.push(Part::Text { text }),
        None => {}
    }
    for call in calls.into_iter().flatten() {
        parts.push(tool_call(
            text_of(call, "id").unwrap_or_default(),
            at(call, &["function", "name"])
                .and_then(Value::as_str)
                .unwrap_or_default(),
            at(call, &["function", "arguments"]),
        ));
    }
    Ok(Response {
        parts,
        finish: finish(
            choice.get("finish_reason").and_then(Value::as_str),
            refusal.is_some(),
        ),
        usage: payload.get("usage").map(usage).unwrap_or_default(),
        model: text_of(payload, "model").unwrap_or_default().to_owned(),
        raw: None,
        source: Source::Model,
        attempts: 1,
    })
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Reasoning, under either of the names it goes by.
pub(super) fn reasoning_of(message: &Value) -> Option<&str> {
    text_of(message, "reasoning_content").or_else(|| text_of(message, "reasoning"))
}

pub(super) fn reasoning(text: String) -> Part {
    Part::Reasoning {
        text,
        signature: None,
    }
}

/// Content as text: a string, or parts as some servers write them.
pub(super) fn content_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| text_of(part, "text")).collect(),
        _ => String::new(),
    }
}

/// A tool call. Arguments come as JSON in a string.
pub(crate) fn tool_call(id: &str, name: &str, arguments: Option<&Value>) -> Part {
    let arguments = match arguments {
        Some(Value::String(text)) => wire::arguments(text),
        Some(other) => other.clone(),
        None => Value::Object(Map::new()),
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

pub(super) fn usage(usage: &Value) -> Usage {
    let count = |path: &[&str]| at(usage, path).and_then(Value::as_u64);
    Usage {
        input_tokens: count(&["prompt_tokens"]),
        cached_tokens: count(&["prompt_tokens_details", "cached_tokens"])
            .or_else(|| count(&["prompt_cache_hit_tokens"])),
        cache_write_tokens: count(&["prompt_tokens_details", "cache_write_tokens"]),
        output_tokens: count(&["completion_tokens"]),
        reasoning_tokens: count(&["completion_tokens_details", "reasoning_tokens"]),
        // OpenRouter says what a call cost, in US dollars.
        cost_usd: usage.get("cost").and_then(Value::as_f64),
        audio_tokens: count(&["prompt_tokens_details", "audio_tokens"]),
        ..Usage::default()
    }
}
