//! From a refusal to a typed error.

use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::Value;

use crate::json::Json;
use crate::refusal::{Refusal, kind_of_status, says_too_long};
use crate::secret::redact_keys;

/// What an error body says, whichever of the known forms it has.
#[derive(Default)]
struct Said {
    message: String,
    code: String,
    kind: String,
}

/// Reads a refusal by status, headers and body.
pub(crate) fn refused(refusal: &Refusal) -> LmError {
    let status = refusal.status.as_u16();
    let said = serde_json::from_str(&refusal.body)
        .ok()
        .and_then(|body: Value| said(&body));
    let kind = kind(status, said.as_ref());
    refusal.error(kind, &said.unwrap_or_default().message)
}

/// The error that a payload of status 200, or a chunk of a stream, holds in place of an answer.
pub(crate) fn in_payload<J: Json>(payload: &J) -> Option<LmError> {
    let error = payload.get("error").filter(|error| !error.is_null())?;
    let said = said(payload)?;
    let status = error
        .get("code")
        .and_then(J::as_u64)
        .and_then(|code| u16::try_from(code).ok());
    let kind = kind(status.unwrap_or(500), Some(&said));
    let error = LmError::new(kind, redact_keys(&said.message));
    Some(match status {
        Some(status) => error.with_status(status),
        None => error,
    })
}

fn said<J: Json>(body: &J) -> Option<Said> {
    let text = |value: &J, name: &str| match value.get(name).map(J::to_value) {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let error = body.get("error");
    match error.and_then(J::as_str) {
        Some(message) => Some(Said {
            message: message.to_owned(),
            ..Said::default()
        }),
        // OpenAI's form is inside `error`; vLLM's older form is the same without it.
        None => {
            let inner = error.filter(|error| error.is_object()).unwrap_or(body);
            let said = Said {
                message: text(inner, "message"),
                code: text(inner, "code"),
                kind: text(inner, "type"),
            };
            if said.message.is_empty() && said.code.is_empty() {
                // FastAPI's form.
                let detail = body.get("detail")?;
                let message = detail
                    .as_str()
                    .map_or_else(|| detail.to_value().to_string(), str::to_owned);
                return Some(Said {
                    message,
                    ..Said::default()
                });
            }
            Some(said)
        }
    }
}

fn kind(status: u16, said: Option<&Said>) -> LmErrorKind {
    let (code, kind, message) = said
        .map(|said| (said.code.as_str(), said.kind.as_str(), said.message.as_str()))
        .unwrap_or_default();
    let is = |name: &str| code == name || kind == name;
    if is("insufficient_quota") || is("billing_hard_limit_reached") {
        return LmErrorKind::Billing;
    }
    let bad_request = matches!(status, 400 | 413 | 422) || code == "context_length_exceeded";
    // llama-server calls an exceeded context `exceed_context_size_error`, Ollama and others have only words.
    if (bad_request || status == 500)
        && (is("context_length_exceeded") || is("exceed_context_size_error") || says_too_long(message))
    {
        return LmErrorKind::ContextWindow;
    }
    if is("content_filter") || is("content_policy_violation") || is("moderation_blocked") {
        return LmErrorKind::ContentFilter;
    }
    if is("invalid_api_key") || is("authentication_error") {
        return LmErrorKind::Auth;
    }
    if is("rate_limit_exceeded") || is("rate_limit_error") {
        return LmErrorKind::RateLimit;
    }
    kind_of_status(status)
}

#[cfg(test)]
mod tests;
