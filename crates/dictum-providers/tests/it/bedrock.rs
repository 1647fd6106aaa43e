//! Bedrock's Converse: signed, framed, whole and streamed.

use std::sync::Arc;

use dictum_core::lm::{
    Call, FinishReason, Lm, LmErrorKind, Message, Part, Prefix, Request, Settings, StreamEvent, Usage,
};
use dictum_providers::Providers;
use dictum_providers::bedrock::{Builder, Credentials};
use dictum_testkit::{FakeServer, Fault, Reply, event_frame, exception_frame};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{ask, call, read};

const MODEL: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const SECRET: &str = "planted-secret-wJalrXUtnFEMI";
const TOKEN: &str = "planted-token-AQoDYXdzEPT";

fn builder(server: &FakeServer) -> Builder {
    Lm::bedrock(MODEL, "eu-central-1").base_url(server.root())
}

fn lm(server: &FakeServer) -> Lm {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET).with_session_token(TOKEN);
    builder(server).credentials(credentials).build().unwrap()
}

fn whole() -> Value {
    json!({
        "output": { "message": { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "Six sevens.", "signature": "EqQBCgIYAhIk" } } },
            { "text": "The answer is 42 – ответ 🦀." },
            { "toolUse": { "toolUseId": "tooluse_1", "name": "note", "input": { "n": 42 } } },
        ] } },
        "stopReason": "tool_use",
        "usage": { "inputTokens": 10, "outputTokens": 25, "totalTokens": 115, "cacheReadInputTokens": 80 },
        "metrics": { "latencyMs": 1275 },
    })
}

/// The frames of the same answer as a stream, its text in these pieces.
fn frames(pieces: &[&str]) -> Vec<bytes::Bytes> {
    let delta = |place: u64, delta: Value| {
        event_frame(
            "contentBlockDelta",
            &json!({ "contentBlockIndex": place, "delta": delta, "p": "abcd" }),
        )
    };
    let stop = |place: u64| {
        event_frame(
            "contentBlockStop",
            &json!({ "contentBlockIndex": place, "p": "ab" }),
        )
    };
    let mut out = vec![
        event_frame("messageStart", &json!({ "role": "assistant", "p": "abcdef" })),
        delta(0, json!({ "reasoningContent": { "text": "Six sevens." } })),
        delta(0, json!({ "reasoningContent": { "signature": "EqQBCgIYAhIk" } })),
        stop(0),
    ];
    out.extend(pieces.iter().map(|piece| delta(1, json!({ "text": piece }))));
    let start = json!({ "contentBlockIndex": 2, "start": { "toolUse": { "toolUseId": "tooluse_1", "name": "note" } } });
    out.extend([
        stop(1),
        event_frame("contentBlockStart", &start),
        delta(2, json!({ "toolUse": { "input": "{\"n\":" } })),
        delta(2, json!({ "toolUse": { "input": " 42}" } })),
        stop(2),
        event_frame("messageStop", &json!({ "stopReason": "tool_use" })),
        event_frame(
            "metadata",
            &json!({ "usage": whole()["usage"], "metrics": whole()["metrics"] }),
        ),
    ]);
    out
}

#[tokio::test]
async fn an_answer_comes_whole_or_streamed_with_all_it_has() {
    let server = FakeServer::scripted([
        Reply::json(200, &whole()),
        Reply::frames(frames(&["The answer ", "is 42 – ответ 🦀."])),
    ]);
    let lm = lm(&server);
    let request = Request {
        prefix: Arc::new(Prefix::new(vec![
            Message::system("Be brief."),
            Message::user("2 times 2?"),
            Message::assistant("4"),
        ])),
        settings: Settings {
            max_tokens: Some(100),
            ..Settings::default()
        },
        ..ask("What is 6 times 7?")
    };
    for streams in [false, true] {
        let response = call(&lm, streams, &request).await.unwrap();
        assert_eq!(
            response.parts,
            [
                Part::Reasoning {
                    text: "Six sevens.".to_owned(),
                    signature: Some("EqQBCgIYAhIk".to_owned()),
                },
                Part::text("The answer is 42 – ответ 🦀."),
                Part::ToolCall {
                    id: "tooluse_1".to_owned(),
                    name: "note".to_owned(),
                    arguments: json!({ "n": 42 }),
                },
            ]
        );
        assert_eq!(response.finish, FinishReason::ToolCalls);
        assert_eq!(
            response.usage,
            Usage {
                input_tokens: Some(90),
                cached_tokens: Some(80),
                output_tokens: Some(25),
                ..Usage::default()
            }
        );
        assert_eq!(response.raw.unwrap().value()["metrics"]["latencyMs"], 1275);
    }
    let seen = server.seen();
    let path = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0";
    assert_eq!(seen[0].path, format!("{path}/converse"));
    assert_eq!(seen[1].path, format!("{path}/converse-stream"));
    let body = r#"{"messages":[{"role":"user","content":[{"text":"2 times 2?"}]},{"role":"assistant","content":[{"text":"4"},{"cachePoint":{"type":"default"}}]},{"role":"user","content":[{"text":"What is 6 times 7?"}]}],"system":[{"text":"Be brief."}],"inferenceConfig":{"maxTokens":100}}"#;
    for seen in &seen {
        assert_eq!(String::from_utf8_lossy(&seen.bytes), body);
        let date = seen.header("x-amz-date").unwrap();
        let scope = format!(
            "{}/eu-central-1/bedrock/aws4_request",
            date.split('T').next().unwrap()
        );
        let authorization = seen.header("authorization").unwrap();
        let (head, signature) = authorization.split_once(", Signature=").unwrap();
        assert_eq!(
            head,
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
            )
        );
        assert!(signature.len() == 64 && signature.chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(seen.header("x-amz-security-token"), Some(TOKEN));
        assert_eq!(seen.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_key_of_bedrock_needs_no_signature_and_goes_first() {
    let server = FakeServer::scripted([Reply::json(200, &whole())]);
    let lm = builder(&server)
        .credentials(Credentials::new("AKIDEXAMPLE", SECRET))
        .api_key("bedrock-api-key-0123")
        .build()
        .unwrap();
    call(&lm, false, &ask("x")).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        seen[0].header("authorization"),
        Some("Bearer bedrock-api-key-0123")
    );
    assert_eq!(seen[0].header("x-amz-date"), None);
}

#[tokio::test]
async fn a_call_without_proof_is_not_sent_to_aws() {
    let lm = Lm::bedrock(MODEL, "eu-central-1").build().unwrap();
    for streams in [false, true] {
        let error = call(&lm, streams, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Auth);
        assert!(
            error.to_string().starts_with("bedrock/anthropic.claude"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_region_can_not_lead_to_another_host() {
    let lm = Lm::bedrock(MODEL, "x@localhost/")
        .api_key("planted-key")
        .build()
        .unwrap();
    let error = call(&lm, false, &ask("x")).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::InvalidRequest, "{error}");
}

#[tokio::test]
async fn refusals_are_typed_errors() {
    let refused = |status, name: &str, message: &str| {
        Reply::json(status, &json!({ "message": message })).header("x-amzn-ErrorType", name)
    };
    let coral = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
    let table = [
        (
            refused(429, coral, "Too many tokens, please wait."),
            LmErrorKind::RateLimit,
            true,
        ),
        (
            refused(
                400,
                "ValidationException",
                "Input is too long for requested model.",
            ),
            LmErrorKind::ContextWindow,
            false,
        ),
        (
            refused(
                400,
                "ValidationException",
                "The model returned the following errors: bad",
            ),
            LmErrorKind::InvalidRequest,
            false,
        ),
        (
            refused(
                403,
                "AccessDeniedException",
                "You don't have access to the model.",
            ),
            LmErrorKind::Auth,
            false,
        ),
        (
            refused(408, "ModelTimeoutException", "Model has timed out."),
            LmErrorKind::Timeout,
            true,
        ),
        (
            refused(503, "ServiceUnavailableException", "Try again."),
            LmErrorKind::Server,
            true,
        ),
        (Reply::bad_gateway(), LmErrorKind::Server, true),
    ];
    for (reply, kind, retryable) in table {
        let server = FakeServer::scripted([reply]);
        for streams in [false, true] {
            let error = call(&lm(&server), streams, &ask("x")).await.unwrap_err();
            assert_eq!((error.kind(), error.retryable()), (kind, retryable), "{error}");
        }
    }
}

#[tokio::test]
async fn what_came_before_a_fault_in_a_stream_is_not_lost_with_it() {
    let throttled = exception_frame("throttlingException", &json!({ "message": "Too many tokens." }));
    let mut bent = throttled.to_vec();
    bent[20] ^= 1;
    let cut = throttled.slice(..throttled.len() - 1);
    for (fault, kind) in [
        (throttled, LmErrorKind::RateLimit),
        (bent.into(), LmErrorKind::Decode),
        (cut, LmErrorKind::Transport),
        (bytes::Bytes::new(), LmErrorKind::Transport),
    ] {
        let text = event_frame(
            "contentBlockDelta",
            &json!({ "contentBlockIndex": 0, "delta": { "text": "half" } }),
        );
        let server = FakeServer::scripted([Reply::frames([text, fault])]);
        let mut stream = lm(&server).stream(&ask("x"), &Call::default()).await.unwrap();
        assert_eq!(
            stream.next().await.unwrap().unwrap(),
            StreamEvent::Text("half".to_owned())
        );
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.to_string().starts_with("bedrock/anthropic.claude"),
            "{error}"
        );
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let server = FakeServer::scripted([Reply::frames(frames(&["half"])).broken(Fault::Stall(5))]);
    let mut stream = lm(&server).stream(&ask("x"), &Call::default()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert!(server.saw_disconnects(1).await);
}

#[tokio::test]
async fn keys_show_nowhere() {
    let clean = |text: &str| assert!(!text.contains("planted"), "a key shows in: {text}");
    let quoting =
        format!("The canonical string should have been 'x-amz-security-token:{TOKEN}', not {SECRET}");
    let body = json!({ "message": quoting });
    for reply in [
        Reply::json(403, &body).header("x-amzn-ErrorType", "InvalidSignatureException"),
        Reply::bytes(200, quoting.clone()),
        Reply::frames([exception_frame("validationException", &body)]),
    ] {
        let server = FakeServer::scripted([reply]);
        let lm = lm(&server);
        clean(&format!("{lm:?}"));
        for streams in [false, true] {
            let error = call(&lm, streams, &ask("x")).await.unwrap_err();
            clean(&format!("{error} {error:?}"));
        }
    }
    let server = FakeServer::scripted([Reply::text("x")]);
    let credentials = Credentials::new("planted-id", SECRET).with_session_token(TOKEN);
    clean(&format!(
        "{credentials:?} {:?}",
        builder(&server).credentials(credentials.clone())
    ));
}

#[tokio::test]
async fn arns_and_gateways_have_their_address() {
    let server = FakeServer::scripted([Reply::json(200, &whole())]);
    let arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123";
    let lm = Lm::bedrock(arn, "eu-central-1")
        .base_url(format!("{}/gateway/bedrock/", server.root()))
        .build()
        .unwrap();
    call(&lm, false, &ask("x")).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        seen[0].path,
        "/gateway/bedrock/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse"
    );
    assert_eq!(seen[0].header("authorization"), None, "a gateway signs itself");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing(text in "\\PC{1,40}", cuts in prop::collection::vec(0usize..3000, 0..12)) {
        let whole: Vec<u8> = frames(&[&text]).concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let chunks: Vec<Vec<u8>> = cuts.windows(2).map(|pair| whole[pair[0]..pair[1]].to_vec()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (events, answer) = runtime.block_on(async {
            let server = FakeServer::scripted([Reply::frames(chunks)]);
            read(lm(&server).stream(&ask("x"), &Call::default()).await).await.unwrap()
        });
        prop_assert_eq!(answer.to_text(), text);
        prop_assert_eq!(answer.parts.len(), 3);
        prop_assert_eq!(events.len(), 3);
    }
}
