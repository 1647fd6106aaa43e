//! OpenAI's Responses: whole, streamed, and over two turns.

use dictum_core::lm::{Call, FinishReason, Lm, LmErrorKind, Message, Part, Role, StreamEvent, Usage};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Reply};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{ask, call, read};

fn lm(server: &FakeServer) -> Lm {
    Lm::responses("gpt-5-mini")
        .base_url(server.url())
        .api_key("sk-test-0123456789")
        .build()
        .unwrap()
}

fn reasoning() -> Value {
    json!({
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{ "type": "summary_text", "text": "Six sevens." }],
        "encrypted_content": "gAAAAABo",
    })
}

fn tool_call() -> Value {
    json!({
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "note",
        "arguments": "{\"n\":42}",
    })
}

fn whole(text: &str) -> Value {
    let message = json!({
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }],
    });
    json!({
        "id": "resp_67ccd2bed1ec8190b14f964abc054267",
        "object": "response",
        "created_at": 1741476542,
        "status": "completed",
        "error": null,
        "incomplete_details": null,
        "model": "gpt-5-mini-2025-08-07",
        "output": [reasoning(), message, tool_call()],
        "store": false,
        "usage": {
            "input_tokens": 36,
            "input_tokens_details": { "cached_tokens": 16 },
            "output_tokens": 87,
            "output_tokens_details": { "reasoning_tokens": 64 },
            "total_tokens": 123,
        },
    })
}

/// The events of the same answer as a stream, its text in these pieces.
fn events(pieces: &[&str]) -> Vec<String> {
    let payload = whole(&pieces.concat());
    let mut begun = payload.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    let done = |at: usize| json!({ "type": "response.output_item.done", "output_index": at, "item": payload["output"][at] });
    let mut out = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "id": "rs_1", "type": "reasoning", "summary": [] } }),
        json!({ "type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "Six " }),
        json!({ "type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "sevens." }),
        done(0),
    ];
    out.extend(pieces.iter().map(|piece| {
        json!({ "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": piece, "logprobs": [] })
    }));
    out.extend([
        done(1),
        json!({ "type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 2, "delta": "{\"n\":42}" }),
        json!({ "type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 2, "arguments": "{\"n\":42}" }),
        done(2),
        json!({ "type": "response.completed", "response": payload }),
    ]);
    out.iter_mut()
        .enumerate()
        .map(|(number, event)| {
            event["sequence_number"] = json!(number);
            format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn an_answer_comes_whole_or_streamed_with_all_it_has() {
    let text = "The answer is 42 – ответ 🦀.";
    let server = FakeServer::scripted([
        Reply::json(200, &whole(text)),
        Reply::chunks(events(&["The answer is ", "42 – ответ 🦀."])),
    ]);
    let mut answers = Vec::new();
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("What is 6 times 7?"))
            .await
            .unwrap();
        assert!(matches!(&response.parts[0], Part::Reasoning { text, .. } if text == "Six sevens."));
        assert_eq!(
            response.parts[1..],
            [
                Part::Opaque {
                    provider: "openai".to_owned(),
                    payload: reasoning(),
                },
                Part::text(text),
                Part::ToolCall {
                    id: "call_1".to_owned(),
                    name: "note".to_owned(),
                    arguments: json!({ "n": 42 }),
                },
            ]
        );
        assert_eq!(response.finish, FinishReason::ToolCalls);
        assert_eq!(response.model, "gpt-5-mini-2025-08-07");
        assert_eq!(
            response.usage,
            Usage {
                input_tokens: Some(36),
                cached_tokens: Some(16),
                output_tokens: Some(87),
                reasoning_tokens: Some(64),
                ..Usage::default()
            }
        );
        answers.push(response);
    }
    assert_eq!(answers[0], answers[1], "streamed or not, it is the same answer");
    let seen = server.seen();
    let body = r#"{"model":"gpt-5-mini","input":[{"role":"user","content":"What is 6 times 7?"}],"store":false,"include":["reasoning.encrypted_content"]"#;
    assert_eq!(String::from_utf8_lossy(&seen[0].bytes), format!("{body}}}"));
    assert_eq!(
        String::from_utf8_lossy(&seen[1].bytes),
        format!("{body},\"stream\":true}}")
    );
    for seen in &seen {
        assert_eq!(seen.path, "/v1/responses");
        assert_eq!(seen.header("authorization"), Some("Bearer sk-test-0123456789"));
    }
}

#[tokio::test]
async fn reasoning_goes_back_as_it_came() {
    let server = FakeServer::scripted([Reply::json(200, &whole("Noted."))]);
    let lm = lm(&server);
    let mut request = ask("Note 6 times 7.");
    let answer = call(&lm, false, &request).await.unwrap();
    let result = Part::ToolResult {
        id: "call_1".to_owned(),
        content: "done".to_owned(),
        is_error: false,
    };
    request.turns.extend([
        Message {
            role: Role::Assistant,
            parts: answer.parts,
        },
        Message {
            role: Role::Tool,
            parts: vec![result],
        },
    ]);
    call(&lm, false, &request).await.unwrap();
    assert_eq!(
        server.seen()[1].body["input"],
        json!([
            { "role": "user", "content": "Note 6 times 7." },
            reasoning(),
            { "role": "assistant", "content": "Noted." },
            { "type": "function_call", "call_id": "call_1", "name": "note", "arguments": "{\"n\":42}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "done" },
        ])
    );
}

#[tokio::test]
async fn faults_are_typed_errors() {
    let failed = json!({ "type": "response.failed", "sequence_number": 1, "response": {
        "status": "failed",
        "output": [],
        "error": { "code": "server_error", "message": "The model failed to generate a response." },
    } });
    let error = json!({ "type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": null, "sequence_number": 1 });
    let cut: Vec<String> = events(&["half", "half"]).into_iter().take(6).collect();
    for (reply, streams, kind) in [
        (Reply::rate_limited("1"), false, LmErrorKind::RateLimit),
        (Reply::out_of_quota(), true, LmErrorKind::Billing),
        (
            Reply::error(
                400,
                "invalid_request_error",
                "context_length_exceeded",
                "Your input exceeds the context window.",
            ),
            false,
            LmErrorKind::ContextWindow,
        ),
        (Reply::json(200, &failed["response"]), false, LmErrorKind::Server),
        (
            Reply::chunks([format!("data: {failed}\n\n")]),
            true,
            LmErrorKind::Server,
        ),
        (
            Reply::chunks([format!("event: error\ndata: {error}\n\n")]),
            true,
            LmErrorKind::RateLimit,
        ),
        (Reply::chunks(cut), true, LmErrorKind::Transport),
        // Chat completions' answer.
        (
            Reply::json(
                200,
                &json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": "stop" }] }),
            ),
            false,
            LmErrorKind::Decode,
        ),
    ] {
        let server = FakeServer::scripted([reply]);
        let error = call(&lm(&server), streams, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with("openai/gpt-5-mini: "), "{error}");
    }
}

#[tokio::test]
async fn the_end_is_the_end_though_the_connection_stays_open() {
    let mut chunks = events(&["hi"]);
    let all = chunks.len();
    chunks.push("data: more".to_owned());
    let reply = Reply::chunks(chunks).broken(dictum_testkit::Fault::Stall(all));
    let server = FakeServer::scripted([reply]);
    let mut stream = lm(&server).stream(&ask("x"), &Call::default()).await.unwrap();
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event.unwrap());
    }
    assert!(matches!(last, Some(StreamEvent::Finished(answer)) if answer.to_text() == "hi"));
}

#[tokio::test]
async fn a_setting_without_a_form_is_refused_and_nothing_is_sent() {
    let server = FakeServer::scripted([Reply::json(200, &whole("x"))]);
    let mut request = ask("x");
    request.settings.stop = vec!["END".to_owned()];
    let error = call(&lm(&server), false, &request).await.unwrap_err();
    assert_eq!(
        (error.kind(), server.requests()),
        (LmErrorKind::Unsupported, 0),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing(text in "\\PC{1,40}", cuts in prop::collection::vec(0usize..6000, 0..12)) {
        let whole = events(&[&text]).concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let chunks: Vec<Vec<u8>> = cuts.windows(2).map(|pair| whole.as_bytes()[pair[0]..pair[1]].to_vec()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (events, answer) = runtime.block_on(async {
            let server = FakeServer::scripted([Reply::chunks(chunks)]);
            read(lm(&server).stream(&ask("x"), &Call::default()).await).await.unwrap()
        });
        prop_assert_eq!(answer.to_text(), text);
        prop_assert_eq!(events.len(), 4);
    }
}
