//! From a refusal to a typed error.

use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::Value;

use crate::json::Json;
use crate::refusal::{Refusal, kind_of_status, says_too_long};

/// Reads a refusal by status, headers and body.
pub(super) fn refused(refusal: &Refusal) -> LmError {
    let body: Value = serde_json::from_str(&refusal.body).unwrap_or_default();
    let (kind, message) = said(&body);
    let kind = kind_of(kind, message).unwrap_or_else(|| kind_of_status(refusal.status.as_u16()));
    refusal.error(kind, message)
}

/// The error that stands in place of an answer or in a stream.
pub(super) fn in_payload<J: Json>(payload: &J) -> Option<LmError> {
    let is_error = payload.get("type").and_then(J::as_str) == Some("error");
    if !is_error && !payload.get("error").is_some_and(J::is_object) {
        return None;
    }
    let (kind, message) = said(payload);
    Some(LmError::new(
        kind_of(kind, message).unwrap_or(LmErrorKind::Server),
        if message.is_empty() { kind } else { message },
    ))
}

/// The type and message of an error.
fn said<J: Json>(body: &J) -> (&str, &str) {
    let text = |name: &str| {
        let inner = body.get("error").unwrap_or(body);
        inner.get(name).and_then(J::as_str).unwrap_or_default()
    };
    (text("type"), text("message"))
}

fn kind_of(kind: &str, message: &str) -> Option<LmErrorKind> {
    let lower = message.to_lowercase();
    let says = |phrase: &str| lower.contains(phrase);
    Some(match kind {
        "billing_error" => LmErrorKind::Billing,
        // Some refusals have a kind of their own only in their words.
        "invalid_request_error" if says("credit balance") || says("usage limits") || says("spend limit") => {
            LmErrorKind::Billing
        }
        "invalid_request_error" if says_too_long(message) || says("exceed context limit") => {
            LmErrorKind::ContextWindow
        }
        "invalid_request_error" if says("content filtering policy") => LmErrorKind::ContentFilter,
        "invalid_request_error" | "not_found_error" | "request_too_large" => LmErrorKind::InvalidRequest,
        "authentication_error" | "permission_error" => LmErrorKind::Auth,
        "rate_limit_error" => LmErrorKind::RateLimit,
        "timeout_error" => LmErrorKind::Timeout,
        "api_error" | "overloaded_error" | "conflict_error" => LmErrorKind::Server,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
