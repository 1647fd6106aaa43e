//! From a refusal to a typed error.

use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::Value;

use crate::http::Refusal;
use crate::retry_after;
use crate::secret::redact_keys;

/// What servers say, in lower case, when a request is longer than the context window.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "maximum context length",
    "context length",
    "context window",
    "exceed context size",
    "exceeds the available context",
    "prompt is too long",
    "input is too long",
    "too many input tokens",
    "maximum prompt length",
    "reduce the length of the messages",
];

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
    let body: Option<Value> = serde_json::from_str(&refusal.body).ok();
    let said = body.as_ref().and_then(said);
    let kind = kind(status, said.as_ref());
    let message = match said {
        Some(said) if !said.message.is_empty() => said.message,
        _ if refusal.status.is_redirection() => {
            "the server redirects to another address, which is not followed; correct the base URL".to_owned()
        }
        _ => excerpt(&refusal.body),
    };
    let mut error = LmError::new(kind, &message).with_status(status);
    if kind == LmErrorKind::RateLimit || kind == LmErrorKind::Server {
        let wait = retry_after::from_headers(&refusal.headers, refusal.now)
            .or_else(|| body.as_ref().and_then(retry_after::from_body))
            .or_else(|| retry_after::from_text(&message));
        if let Some(wait) = wait {
            error = error.with_retry_after(wait);
        }
    }
    error
}

/// The error that a payload of status 200, or a chunk of a stream, holds in place of an answer.
pub(super) fn in_payload(payload: &Value) -> Option<LmError> {
    let error = payload.get("error").filter(|error| !error.is_null())?;
    let said = said(payload)?;
    let status = error
        .get("code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok());
    let kind = kind(status.unwrap_or(500), Some(&said));
    let error = LmError::new(kind, redact_keys(&said.message));
    Some(match status {
        Some(status) => error.with_status(status),
        None => error,
    })
}

/// A body that should have been JSON.
pub(super) fn not_json(body: &str) -> LmError {
    LmError::new(
        LmErrorKind::Decode,
        format!("the answer is not JSON: {}", excerpt(&redact_keys(body))),
    )
}

fn said(body: &Value) -> Option<Said> {
    let text = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    match body.get("error") {
        Some(Value::String(message)) => Some(Said {
            message: message.clone(),
            ..Said::default()
        }),
        // OpenAI's form is inside `error`; vLLM's older form is the same without it.
        error => {
            let inner = error.filter(|error| error.is_object()).unwrap_or(body);
            let said = Said {
                message: text(inner, "message"),
                code: text(inner, "code"),
                kind: text(inner, "type"),
            };
            if said.message.is_empty() && said.code.is_empty() {
                // FastAPI's form.
                let detail = body.get("detail")?;
                let message = detail.as_str().map_or_else(|| detail.to_string(), str::to_owned);
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
        .map(|said| {
            (
                said.code.as_str(),
                said.kind.as_str(),
                said.message.to_lowercase(),
            )
        })
        .unwrap_or_default();
    let is = |name: &str| code == name || kind == name;
    if is("insufficient_quota") || is("billing_hard_limit_reached") || status == 402 {
        return LmErrorKind::Billing;
    }
    let bad_request = matches!(status, 400 | 413 | 422) || code == "context_length_exceeded";
    // llama-server calls an exceeded context `exceed_context_size_error`, Ollama and others have only words.
    if (bad_request || status == 500)
        && (is("context_length_exceeded")
            || is("exceed_context_size_error")
            || TOO_LONG.iter().any(|phrase| message.contains(phrase)))
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
    match status {
        401 | 403 => LmErrorKind::Auth,
        408 => LmErrorKind::Timeout,
        // A conflict or a request that came too early: both pass.
        409 | 425 => LmErrorKind::Server,
        429 => LmErrorKind::RateLimit,
        300..=499 => LmErrorKind::InvalidRequest,
        501 => LmErrorKind::Unsupported,
        _ => LmErrorKind::Server,
    }
}

/// The start of a body that is not in a known form. Pages of HTML are cut to their text.
fn excerpt(body: &str) -> String {
    const LONGEST: usize = 300;
    let mut text = String::new();
    let mut in_tag = false;
    let is_page = body.trim_start().starts_with('<');
    for c in body.chars() {
        match c {
            '<' if is_page => in_tag = true,
            '>' if is_page => {
                in_tag = false;
                text.push(' ');
            }
            _ if !in_tag => text.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if text.is_empty() {
        return "the server said nothing about it".to_owned();
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
