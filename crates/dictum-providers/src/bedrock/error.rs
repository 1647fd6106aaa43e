//! From a refusal, or an exception within a stream, to a typed error.

use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::Value;

use super::event_stream::{Frame, FrameKind};
use crate::refusal::{Refusal, kind_of_status, says_too_long};
use crate::secret::redact_keys;

/// Reads a refusal by the type in its header or body, and its status.
pub(super) fn refused(refusal: &Refusal) -> LmError {
    let status = refusal.status.as_u16();
    let body: Value = serde_json::from_str(&refusal.body).unwrap_or_default();
    let header = refusal
        .headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok());
    let name = header
        .or_else(|| text(&body, "__type"))
        .map(short)
        .unwrap_or_default();
    let message = message(&body).unwrap_or_default();
    refusal.error(kind(name, status, message, &body), message)
}

/// The error that a frame of a stream is, unless it is an event.
pub(super) fn in_stream(frame: &Frame) -> Option<LmError> {
    let body: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
    let (name, said) = match &frame.kind {
        FrameKind::Event(_) => return None,
        FrameKind::Exception(name) => (name, message(&body).unwrap_or(name)),
        FrameKind::Error(code, said) => (code, said.as_str()),
    };
    Some(LmError::new(kind(name, 500, said, &body), redact_keys(said)))
}

/// `ThrottlingException` of `com.amazon.coral#ThrottlingException:http://...`.
fn short(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    name.rsplit('#').next().unwrap_or(name).trim()
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn message(body: &Value) -> Option<&str> {
    // The front of the service writes it large.
    text(body, "message")
        .or_else(|| text(body, "Message"))
        .or_else(|| text(body, "originalMessage"))
}

fn kind(name: &str, status: u16, message: &str, body: &Value) -> LmErrorKind {
    // Streams begin the names of the same exceptions with a small letter.
    match name.to_ascii_lowercase().trim_end_matches("exception") {
        "throttling" | "toomanyrequests" | "servicequotaexceeded" | "limitexceeded" => LmErrorKind::RateLimit,
        "accessdenied"
        | "unrecognizedclient"
        | "invalidsignature"
        | "incompletesignature"
        | "signaturedoesnotmatch"
        | "expiredtoken"
        | "invalidclienttokenid"
        | "missingauthenticationtoken"
        | "notauthorized"
        | "optinrequired" => LmErrorKind::Auth,
        "validation" | "requestentitytoolarge" => bad_request(message),
        "resourcenotfound" => LmErrorKind::InvalidRequest,
        "modeltimeout" | "requesttimeout" => LmErrorKind::Timeout,
        "internalserver" | "serviceunavailable" | "modelnotready" | "internalfailure" => LmErrorKind::Server,
        // The model itself failed; its own status says whether that was the request's fault.
        "modelerror" | "modelstreamerror" => match body.get("originalStatusCode").and_then(Value::as_u64) {
            Some(429) => LmErrorKind::RateLimit,
            Some(400..=499) => bad_request(message),
            _ => LmErrorKind::Server,
        },
        _ if status == 400 => bad_request(message),
        _ => kind_of_status(status),
    }
}

fn bad_request(message: &str) -> LmErrorKind {
    if says_too_long(message) {
        LmErrorKind::ContextWindow
    } else {
        LmErrorKind::InvalidRequest
    }
}

#[cfg(test)]
mod tests;
