use std::time::SystemTime;

use http::StatusCode;
use http::header::HeaderMap;
use serde_json::json;

use super::*;

fn read(status: u16, headers: &[(&'static str, &str)], body: &str) -> LmError {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    refused(&Refusal {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: body.to_owned(),
        now: SystemTime::now(),
    })
}

fn status(code: u16, name: &str, message: &str, details: Value) -> String {
    json!({ "error": { "code": code, "message": message, "status": name, "details": details } }).to_string()
}

fn quota(id: &str, delay: &str) -> Value {
    json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": id,
            "quotaDimensions": { "location": "global", "model": "gemini-2.5-flash" },
            "quotaValue": "10",
        }] },
        { "@type": "type.googleapis.com/google.rpc.Help", "links": [] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay },
    ])
}

#[test]
fn documented_and_observed_errors_have_their_kind() {
    use LmErrorKind::*;
    let key = json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com" }]);
    let table = [
        (
            400,
            status(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                key,
            ),
            Auth,
        ),
        (
            403,
            status(
                403,
                "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers.",
                json!([]),
            ),
            Auth,
        ),
        (
            400,
            status(
                400,
                "FAILED_PRECONDITION",
                "User location is not supported for the API use.",
                json!([]),
            ),
            Auth,
        ),
        (
            400,
            status(
                400,
                "FAILED_PRECONDITION",
                "Please enable billing on your project.",
                json!([]),
            ),
            Billing,
        ),
        (
            400,
            status(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                json!([]),
            ),
            ContextWindow,
        ),
        (
            400,
            status(
                400,
                "INVALID_ARGUMENT",
                "Invalid JSON payload received. Unknown name \"x\"",
                json!([]),
            ),
            InvalidRequest,
        ),
        (
            404,
            status(
                404,
                "NOT_FOUND",
                "models/gemini-9 is not found for API version v1beta",
                json!([]),
            ),
            InvalidRequest,
        ),
        (
            429,
            status(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota.",
                quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "34s"),
            ),
            RateLimit,
        ),
        (
            429,
            status(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota.",
                quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "34s"),
            ),
            Billing,
        ),
        (
            500,
            status(500, "INTERNAL", "An internal error has occurred.", json!([])),
            Server,
        ),
        (
            503,
            status(
                503,
                "UNAVAILABLE",
                "The model is overloaded. Please try again later.",
                json!([]),
            ),
            Server,
        ),
        (
            504,
            status(
                504,
                "DEADLINE_EXCEEDED",
                "Deadline expired before operation could complete.",
                json!([]),
            ),
            Timeout,
        ),
        (
            418,
            status(418, "TEAPOT", "short and stout", json!([])),
            InvalidRequest,
        ),
        (
            502,
            "<html><head><title>502 Bad Gateway</title></head></html>".to_owned(),
            Server,
        ),
        (429, String::new(), RateLimit),
    ];
    for (code, body, kind) in table {
        let error = read(code, &[], &body);
        assert_eq!((error.kind(), error.status()), (kind, Some(code)), "{body}");
    }
}

#[test]
fn the_wait_is_read_from_the_details_unless_a_header_says_it() {
    let body = |delay: &str| status(429, "RESOURCE_EXHAUSTED", "Slow down.", quota("PerMinute", delay));
    let wait = |headers: &[(&'static str, &str)], delay| {
        read(429, headers, &body(delay))
            .retry_after()
            .map(|wait| wait.as_millis())
    };
    assert_eq!(wait(&[], "34.074824224s"), Some(34_074));
    assert_eq!(wait(&[], "0s"), Some(0));
    assert_eq!(wait(&[("retry-after", "7")], "34s"), Some(7_000));
    for bad in ["soon", "-3s", "34", "NaNs"] {
        assert_eq!(wait(&[], bad), None, "{bad}");
    }
    let day = status(
        429,
        "RESOURCE_EXHAUSTED",
        "Enough.",
        quota("GenerateRequestsPerDay", "34s"),
    );
    assert_eq!(read(429, &[], &day).retry_after(), None);
}

#[test]
fn errors_inside_a_stream_are_errors() {
    let body: Value = serde_json::from_str(&status(
        429,
        "RESOURCE_EXHAUSTED",
        "Slow down.",
        quota("PerMinute", "2s"),
    ))
    .unwrap();
    for payload in [body.clone(), json!([body])] {
        let error = in_payload(&payload).unwrap();
        assert_eq!(
            (error.kind(), error.status()),
            (LmErrorKind::RateLimit, Some(429))
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }
    assert!(in_payload(&json!({ "candidates": [], "promptFeedback": { "safetyRatings": [] } })).is_none());
}

#[test]
fn a_blocked_prompt_is_the_filters_doing() {
    let error = in_payload(
        &json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT", "safetyRatings": [] } }),
    )
    .unwrap();
    assert_eq!(error.kind(), LmErrorKind::ContentFilter);
    assert!(error.message().contains("PROHIBITED_CONTENT"), "{error}");
    assert!(!error.retryable());
}
