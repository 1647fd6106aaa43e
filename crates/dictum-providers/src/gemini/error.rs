//! From a refusal to a typed error.

use std::time::Duration;

use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::Value;

use crate::json::Json;
use crate::refusal::{Refusal, kind_of_status, says_too_long};
use crate::secret::redact_keys;

/// What the server says, in lower case, when a request is longer than the context window.
const TOO_LONG: &[&str] = &[
    "input token count",
    "exceeds the maximum number of tokens",
    "request contains too many tokens",
];

/// What it says when waiting does not help.
const OUT_OF_CREDIT: &[&str] = &["billing", "prepayment", "credits are depleted", "limit: 0"];

/// A `google.rpc.Status`, in the envelope that HTTP answers have.
#[derive(Debug)]
struct Status<'a, J>(&'a J);

// Not derived: the tree need not be copied for what points at it to be.
impl<J> Clone for Status<'_, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<J> Copy for Status<'_, J> {}

impl<'a, J: Json> Status<'a, J> {
    /// The status in a body: an object, or, from a stream that is not of server-sent events, a list of one.
    fn of(body: &'a J) -> Option<Self> {
        let body = body.first().unwrap_or(body);
        body.get("error").filter(|error| error.is_object()).map(Self)
    }

    fn text(self, name: &str) -> &'a str {
        self.0.get(name).and_then(J::as_str).unwrap_or_default()
    }

    /// The details of this type.
    fn details(self, kind: &'static str) -> impl Iterator<Item = &'a J> {
        let details = self.0.get("details").and_then(J::as_array);
        details.into_iter().flatten().filter(move |detail| {
            let name = detail.get("@type").and_then(J::as_str).unwrap_or_default();
            name.rsplit('.').next() == Some(kind)
        })
    }

    fn reason_is(self, reason: &str) -> bool {
        self.details("ErrorInfo")
            .any(|info| info.get("reason").and_then(J::as_str) == Some(reason))
    }

    /// How long to wait, as `RetryInfo` has it: seconds, with up to nine decimals and an `s`.
    fn retry_delay(self) -> Option<Duration> {
        let delay = self
            .details("RetryInfo")
            .find_map(|info| info.get("retryDelay"))?;
        let seconds: f64 = delay.as_str()?.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Whether a quota of a whole day is used up.
    fn day_is_over(self) -> bool {
        self.details("QuotaFailure")
            .filter_map(|failure| failure.get("violations")?.as_array())
            .flatten()
            .filter_map(|violation| violation.get("quotaId")?.as_str())
            .any(|id| id.contains("PerDay"))
    }

    fn kind(self, status: u16) -> LmErrorKind {
        let message = self.text("message").to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        if self.reason_is("API_KEY_INVALID") || message.contains("api key not valid") {
            return LmErrorKind::Auth;
        }
        match self.text("status") {
            "RESOURCE_EXHAUSTED" if self.day_is_over() || says(OUT_OF_CREDIT) => LmErrorKind::Billing,
            "RESOURCE_EXHAUSTED" => LmErrorKind::RateLimit,
            "INVALID_ARGUMENT" if says(TOO_LONG) || says_too_long(&message) => LmErrorKind::ContextWindow,
            // The free tier where there is none.
            "FAILED_PRECONDITION" if says(&["billing"]) => LmErrorKind::Billing,
            "FAILED_PRECONDITION" if says(&["location"]) => LmErrorKind::Auth,
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => LmErrorKind::Auth,
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "NOT_FOUND" | "OUT_OF_RANGE" => {
                LmErrorKind::InvalidRequest
            }
            "UNIMPLEMENTED" => LmErrorKind::Unsupported,
            "DEADLINE_EXCEEDED" => LmErrorKind::Timeout,
            "INTERNAL" | "UNAVAILABLE" | "ABORTED" | "UNKNOWN" => LmErrorKind::Server,
            _ => kind_of_status(status),
        }
    }

    fn message(self) -> &'a str {
        match self.text("message") {
            "" => self.text("status"),
            message => message,
        }
    }
}

/// Reads a refusal by status and body.
pub(super) fn refused(refusal: &Refusal) -> LmError {
    let code = refusal.status.as_u16();
    let body: Value = serde_json::from_str(&refusal.body).unwrap_or_default();
    let Some(status) = Status::of(&body) else {
        // A proxy's page, or nothing.
        return refusal.error(kind_of_status(code), "");
    };
    let error = refusal.error(status.kind(code), status.message());
    waiting(error, status)
}

/// The error with the wait its details ask for, where waiting helps and nothing else asked for one.
fn waiting<J: Json>(error: LmError, status: Status<'_, J>) -> LmError {
    let waits = matches!(error.kind(), LmErrorKind::RateLimit | LmErrorKind::Server);
    match status.retry_delay() {
        Some(wait) if waits && error.retry_after().is_none() => error.with_retry_after(wait),
        _ => error,
    }
}

/// The error that a chunk of a stream, or a payload of status 200, holds in place of an answer: a status, or word that the
/// prompt was blocked.
pub(super) fn in_payload<J: Json>(payload: &J) -> Option<LmError> {
    if let Some(status) = Status::of(payload) {
        let code = status.0.get("code").and_then(J::as_u64);
        let code = code.and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
        let error = LmError::new(status.kind(code), redact_keys(status.message())).with_status(code);
        return Some(waiting(error, status));
    }
    let feedback = payload.get("promptFeedback")?;
    let reason = feedback.get("blockReason")?.as_str()?;
    let more = feedback.get("blockReasonMessage").and_then(J::as_str);
    let more = more.map(|more| format!(": {more}")).unwrap_or_default();
    let message = format!("the prompt was blocked ({reason}){more}");
    Some(LmError::new(LmErrorKind::ContentFilter, redact_keys(&message)))
}

#[cfg(test)]
mod tests;
