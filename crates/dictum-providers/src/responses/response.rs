//! From the body that came to an answer.

use dictum_core::lm::{FinishReason, LmError, LmErrorKind, Part, Response, Source, Usage};
use serde_json::Value;

use super::{error, kept};
use crate::json::Json;
use crate::openai::{in_payload, tool_call};

/// Reads a whole answer.
///
/// # Errors
/// The error it holds, or [`LmErrorKind::Decode`].
pub(super) fn response<J: Json>(payload: &J) -> Result<Response, LmError> {
    if let Some(error) = payload.get("error").filter(|error| !error.is_null()) {
        let is_response = payload.get("output").is_some();
        return Err(match in_payload(payload) {
            Some(error) if !is_response => error,
            _ => error::told(error),
        });
    }
    let Some(output) = payload.get("output").and_then(J::as_array) else {
        return Err(LmError::new(LmErrorKind::Decode, "the answer has no `output`"));
    };
    let mut answer = Answer::default();
    for item in output {
        answer.item(item);
    }
    let finish = finish(payload, &answer)?;
    if !answer.spoke && !answer.called {
        // A silent answer is an answer.
        answer.parts.push(Part::text(""));
    }
    Ok(Response {
        parts: answer.parts,
        finish,
        usage: payload.get("usage").map(usage).unwrap_or_default(),
        model: text_of(payload, "model").unwrap_or_default().to_owned(),
        raw: None,
        source: Source::Model,
        attempts: 1,
    })
}

#[derive(Debug, Default)]
struct Answer {
    parts: Vec<Part>,
    spoke: bool,
    called: bool,
    refused: bool,
}

impl Answer {
    /// Adds what an output item says. Items of the provider's own tools are kept, to be given back in their place.
    fn item<J: Json>(&mut self, item: &J) {
        match text_of(item, "type") {
            Some("message") => {
                let content = item.get("content").and_then(J::as_array);
                for part in content.into_iter().flatten() {
                    let refusal = text_of(part, "refusal");
                    self.refused |= refusal.is_some();
                    if let Some(text) = refusal.or_else(|| text_of(part, "text")) {
                        self.spoke = true;
                        self.parts.push(Part::text(text));
                    }
                }
            }
            Some("reasoning") => kept::reasoning(item, &mut self.parts),
            Some("function_call") => {
                self.called = true;
                self.parts.push(call(item));
            }
            Some(_) => self.parts.push(kept::opaque(item.to_value())),
            None => {}
        }
    }
}

/// The tool call that a `function_call` item is.
pub(super) fn call<J: Json>(item: &J) -> Part {
    tool_call(
        text_of(item, "call_id").unwrap_or_default(),
        text_of(item, "name").unwrap_or_default(),
        item.get("arguments"),
    )
}

fn finish<J: Json>(payload: &J, answer: &Answer) -> Result<FinishReason, LmError> {
    Ok(match text_of(payload, "status") {
        _ if answer.refused => FinishReason::ContentFilter,
        Some("completed") | None if answer.called => FinishReason::ToolCalls,
        Some("completed") | None => FinishReason::Stop,
        Some("incomplete") => match payload.at(&["incomplete_details", "reason"]).and_then(J::as_str) {
            Some("max_output_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::ContentFilter,
            reason => FinishReason::Other(reason.unwrap_or("incomplete").to_owned()),
        },
        Some("failed") => return Err(error::told(&Value::Null)),
        Some("cancelled") => {
            let message = "the response was cancelled on the server";
            return Err(LmError::new(LmErrorKind::Cancelled, message));
        }
        Some(status) => {
            let message = format!("the response is `{status}`: answers made in the background are not read");
            return Err(LmError::new(LmErrorKind::Unsupported, message));
        }
    })
}

pub(super) fn text_of<'a, J: Json>(value: &'a J, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn usage<J: Json>(usage: &J) -> Usage {
    let count = |path: &[&str]| usage.at(path).and_then(J::as_u64);
    Usage {
        input_tokens: count(&["input_tokens"]),
        cached_tokens: count(&["input_tokens_details", "cached_tokens"]),
        cache_write_tokens: count(&["input_tokens_details", "cache_write_tokens"]),
        output_tokens: count(&["output_tokens"]),
        reasoning_tokens: count(&["output_tokens_details", "reasoning_tokens"]),
        cost_usd: usage.get("cost").and_then(J::as_f64),
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests;
