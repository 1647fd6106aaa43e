use std::time::{Duration, SystemTime};

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

#[test]
fn documented_and_observed_errors_have_their_kind() {
    use LmErrorKind::*;
    let openai = |kind: &str, code: &str, message: &str| {
        json!({ "error": { "message": message, "type": kind, "param": null, "code": code } }).to_string()
    };
    let table = [
        (401, openai("invalid_request_error", "invalid_api_key", "Incorrect API key provided"), Auth),
        (403, openai("request_forbidden", "unsupported_country_region_territory", "Not supported"), Auth),
        (429, openai("requests", "rate_limit_exceeded", "Rate limit reached"), RateLimit),
        (429, openai("insufficient_quota", "insufficient_quota", "You exceeded your current quota"), Billing),
        (402, r#"{"error":{"message":"Insufficient credits","code":402}}"#.to_owned(), Billing),
        (400, openai("invalid_request_error", "context_length_exceeded", "too long"), ContextWindow),
        (400, openai("invalid_request_error", "", "This model's maximum context length is 8192 tokens."), ContextWindow),
        // vLLM
        (400, r#"{"object":"error","message":"This model's maximum context length is 512 tokens.","type":"BadRequestError","param":null,"code":400}"#.to_owned(), ContextWindow),
        // llama-server
        (400, r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":512}}"#.to_owned(), ContextWindow),
        (400, openai("invalid_request_error", "content_filter", "The response was filtered"), ContentFilter),
        (400, openai("invalid_request_error", "unsupported_parameter", "Unsupported parameter: 'max_tokens'"), InvalidRequest),
        (404, openai("invalid_request_error", "model_not_found", "The model `x` does not exist"), InvalidRequest),
        (422, r#"{"detail":[{"loc":["body","n"],"msg":"must be 1"}]}"#.to_owned(), InvalidRequest),
        (404, r#"{"error":"model 'x' not found"}"#.to_owned(), InvalidRequest),
        (500, openai("server_error", "", "The server had an error"), Server),
        (502, "<html><body><h1>Bad Gateway</h1></body></html>".to_owned(), Server),
        (503, String::new(), Server),
        (529, "overloaded".to_owned(), Server),
        (408, String::new(), Timeout),
        (409, String::new(), Server),
        (308, String::new(), InvalidRequest),
    ];
    for (status, body, kind) in table {
        let error = read(status, &[], &body);
        assert_eq!((error.kind(), error.status()), (kind, Some(status)), "{body}");
        assert!(
            !error.message().is_empty() && !error.message().contains('<'),
            "{error}"
        );
    }
}

#[test]
fn waits_come_from_headers_before_words_and_only_where_waiting_helps() {
    let body = |code: &str| {
        json!({ "error": { "message": "Please try again in 20s.", "type": code, "code": code } }).to_string()
    };
    let wait =
        |status, headers: &[(&'static str, &str)], code| read(status, headers, &body(code)).retry_after();
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(
        wait(429, &[("retry-after", "7")], "rate_limit_exceeded"),
        seconds(7)
    );
    assert_eq!(wait(429, &[], "rate_limit_exceeded"), seconds(20));
    assert_eq!(wait(503, &[("retry-after", "3")], ""), seconds(3));
    assert_eq!(wait(429, &[("retry-after", "7")], "insufficient_quota"), None);
}

#[test]
fn an_error_in_a_payload_of_status_200_is_one() {
    let error =
        in_payload(&json!({ "error": { "message": "Provider is rate limited", "code": 429 } })).unwrap();
    assert_eq!(
        (error.kind(), error.status()),
        (LmErrorKind::RateLimit, Some(429))
    );
    let error = in_payload(&json!({ "error": { "message": "it broke", "type": "server_error" } })).unwrap();
    assert_eq!(error.kind(), LmErrorKind::Server);
    assert!(in_payload(&json!({ "error": null, "choices": [] })).is_none());
}

#[test]
fn a_long_page_is_cut() {
    let error = read(500, &[], &"é".repeat(5000));
    assert_eq!(error.message().chars().count(), 303);
}
