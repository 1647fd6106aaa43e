//! Refusals, and what their readers share.

use std::time::SystemTime;

use dictum_core::lm::{LmError, LmErrorKind};
use http::StatusCode;
use http::header::HeaderMap;
use serde_json::Value;

use crate::retry_after;
use crate::secret::redact_keys;

/// A status other than success, as its dialect is given it to read.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, with what looks like a key taken out.
    pub(crate) body: String,
    pub(crate) now: SystemTime,
}

impl Refusal {
    /// The error of this kind with this message; without one, the start of the body. It says how long to wait where waiting
    /// helps and the server says so.
    pub(crate) fn error(&self, kind: LmErrorKind, message: &str) -> LmError {
        let message = if !message.is_empty() {
            message.to_owned()
        } else if self.status.is_redirection() {
            "the server redirects to another address, which is not followed; correct the base URL".to_owned()
        } else {
            excerpt(&self.body)
        };
        let mut error = LmError::new(kind, &message).with_status(self.status.as_u16());
        if matches!(kind, LmErrorKind::RateLimit | LmErrorKind::Server) {
            let body: Option<Value> = serde_json::from_str(&self.body).ok();
            let wait = retry_after::from_headers(&self.headers, self.now)
                .or_else(|| body.as_ref().and_then(retry_after::from_body))
                .or_else(|| retry_after::from_text(&message));
            if let Some(wait) = wait {
                error = error.with_retry_after(wait);
            }
        }
        error
    }
}

/// What a status says when the body says no more.
pub(crate) fn kind_of_status(status: u16) -> LmErrorKind {
    match status {
        401 | 403 => LmErrorKind::Auth,
        402 => LmErrorKind::Billing,
        408 => LmErrorKind::Timeout,
        // A conflict or a request that came too early: both pass.
        409 | 425 => LmErrorKind::Server,
        429 => LmErrorKind::RateLimit,
        300..=499 => LmErrorKind::InvalidRequest,
        501 => LmErrorKind::Unsupported,
        _ => LmErrorKind::Server,
    }
}

/// Whether a message says that the request is longer than the context window.
pub(crate) fn says_too_long(message: &str) -> bool {
    const PHRASES: &[&str] = &[
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
    let message = message.to_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// A body that should have been JSON.
pub(crate) fn not_json(body: &str) -> LmError {
    LmError::new(
        LmErrorKind::Decode,
        format!("the answer is not JSON: {}", excerpt(&redact_keys(body))),
    )
}

/// A stream that ended before its answer.
pub(crate) fn cut_off() -> LmError {
    LmError::new(
        LmErrorKind::Transport,
        "the stream ended before the answer was whole",
    )
}

/// A part or wish of a request that a dialect has no way to send.
pub(crate) fn no_form(dialect: &str, what: impl std::fmt::Display) -> LmError {
    LmError::new(
        LmErrorKind::Unsupported,
        format!("{dialect} have no form for {what}"),
    )
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
