use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderMap;

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
fn documented_exceptions_have_their_kind() {
    use LmErrorKind::*;
    let long = r#"{"message":"Input is too long for requested model."}"#;
    let bad = r#"{"message":"1 validation error detected: Value at 'inferenceConfig.temperature' failed to satisfy constraint"}"#;
    let plain = r#"{"message":"It is said why."}"#;
    let table = [
        (
            400,
            "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
            bad,
            InvalidRequest,
        ),
        (400, "ValidationException", long, ContextWindow),
        (403, "AccessDeniedException", plain, Auth),
        (403, "UnrecognizedClientException", plain, Auth),
        (403, "InvalidSignatureException", plain, Auth),
        (403, "ExpiredTokenException", plain, Auth),
        (404, "ResourceNotFoundException", plain, InvalidRequest),
        (408, "ModelTimeoutException", plain, Timeout),
        (424, "ModelErrorException", plain, Server),
        (
            424,
            "ModelErrorException",
            r#"{"message":"bad","originalStatusCode":400}"#,
            InvalidRequest,
        ),
        (429, "ThrottlingException", plain, RateLimit),
        (429, "ModelNotReadyException", plain, Server),
        (400, "ServiceQuotaExceededException", plain, RateLimit),
        (500, "InternalServerException", plain, Server),
        (503, "ServiceUnavailableException", plain, Server),
        (
            400,
            "",
            r#"{"__type":"com.amazon.coral.service#ThrottlingException","Message":"Rate exceeded"}"#,
            RateLimit,
        ),
        (429, "", plain, RateLimit),
        (502, "", "<html><body>Bad Gateway</body></html>", Server),
        (307, "", "", InvalidRequest),
    ];
    for (status, name, body, kind) in table {
        let headers = [("x-amzn-errortype", name)];
        let headers = if name.is_empty() { &[][..] } else { &headers };
        let error = read(status, headers, body);
        assert_eq!(
            (error.kind(), error.status()),
            (kind, Some(status)),
            "{name} {body}"
        );
        assert!(
            !error.message().is_empty() && !error.message().contains('<'),
            "{error}"
        );
    }
    let waiting = read(
        429,
        &[("x-amzn-errortype", "ThrottlingException"), ("retry-after", "7")],
        plain,
    );
    assert_eq!(waiting.retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn exceptions_within_a_stream() {
    let frame = |kind, payload: &'static str| Frame {
        kind,
        payload: Bytes::from_static(payload.as_bytes()),
    };
    let exception =
        |name: &str, payload| in_stream(&frame(FrameKind::Exception(name.to_owned()), payload)).unwrap();
    for (name, kind) in [
        ("internalServerException", LmErrorKind::Server),
        ("modelStreamErrorException", LmErrorKind::Server),
        ("validationException", LmErrorKind::InvalidRequest),
        ("throttlingException", LmErrorKind::RateLimit),
        ("serviceUnavailableException", LmErrorKind::Server),
    ] {
        let error = exception(name, r#"{"message":"It is said why."}"#);
        assert_eq!((error.kind(), error.message()), (kind, "It is said why."));
    }
    assert_eq!(
        exception("throttlingException", "").message(),
        "throttlingException"
    );
    let error = in_stream(&frame(
        FrameKind::Error("InternalFailure".to_owned(), "it broke".to_owned()),
        "",
    ))
    .unwrap();
    assert_eq!((error.kind(), error.message()), (LmErrorKind::Server, "it broke"));
    assert!(in_stream(&frame(FrameKind::Event("messageStart".to_owned()), "{}")).is_none());
}
