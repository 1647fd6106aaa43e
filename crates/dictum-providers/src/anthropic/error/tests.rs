use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::HeaderMap;
use serde_json::json;

use super::*;

fn read(status: u16, retry_after: Option<&str>, body: &str) -> LmError {
    let headers: HeaderMap = retry_after
        .iter()
        .map(|wait| ("retry-after".parse().unwrap(), wait.parse().unwrap()))
        .collect();
    refused(&Refusal {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: body.to_owned(),
        now: SystemTime::now(),
    })
}

fn body(kind: &str, message: &str) -> String {
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy" })
        .to_string()
}

#[test]
fn documented_and_observed_errors_have_their_kind() {
    use LmErrorKind::*;
    let table = [
        (
            400,
            body("invalid_request_error", "max_tokens: Field required"),
            InvalidRequest,
        ),
        (
            400,
            body(
                "invalid_request_error",
                "prompt is too long: 216421 tokens > 200000 maximum",
            ),
            ContextWindow,
        ),
        (
            400,
            body(
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
            ),
            ContextWindow,
        ),
        (
            400,
            body(
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
            ),
            Billing,
        ),
        (
            400,
            body(
                "invalid_request_error",
                "Output blocked by content filtering policy",
            ),
            ContentFilter,
        ),
        (401, body("authentication_error", "invalid x-api-key"), Auth),
        (
            402,
            body("billing_error", "There is an issue with billing."),
            Billing,
        ),
        (
            403,
            body("permission_error", "Your API key does not have permission."),
            Auth,
        ),
        (404, body("not_found_error", "model: claude-none"), InvalidRequest),
        (
            413,
            body("request_too_large", "Request exceeds the maximum size"),
            InvalidRequest,
        ),
        (
            429,
            body("rate_limit_error", "This request would exceed your rate limit."),
            RateLimit,
        ),
        (500, body("api_error", "Internal server error"), Server),
        (504, body("timeout_error", "The request timed out."), Timeout),
        (529, body("overloaded_error", "Overloaded"), Server),
        (529, String::new(), Server),
        (502, "<html><body>Bad gateway</body></html>".to_owned(), Server),
        (418, body("some_new_error", "new"), InvalidRequest),
    ];
    for (status, body, kind) in table {
        let error = read(status, None, &body);
        assert_eq!((error.kind(), error.status()), (kind, Some(status)), "{body}");
        assert!(
            !error.message().is_empty() && !error.message().contains('<'),
            "{error}"
        );
    }
}

#[test]
fn waits_are_kept_where_waiting_helps() {
    let wait = |status, kind| read(status, Some("11"), &body(kind, "wait")).retry_after();
    assert_eq!(wait(429, "rate_limit_error"), Some(Duration::from_secs(11)));
    assert_eq!(wait(529, "overloaded_error"), Some(Duration::from_secs(11)));
    assert_eq!(wait(400, "invalid_request_error"), None);
}

#[test]
fn errors_in_a_stream_are_told_from_events() {
    let event: Value = serde_json::from_str(&body("overloaded_error", "Overloaded")).unwrap();
    let error = in_payload(&event).unwrap();
    assert_eq!(
        (error.kind(), error.message(), error.retryable()),
        (LmErrorKind::Server, "Overloaded", true)
    );
    assert!(in_payload(&json!({ "type": "ping" })).is_none());
    assert!(in_payload(&json!({ "type": "message", "content": [] })).is_none());
}
