use std::sync::Arc;

use dictum_core::lm::{FinishReason, Lm, LmErrorKind, Part, ResponseFormat, Source, Usage};
use dictum_providers::Providers;
use dictum_testkit::{Chat, FakeServer, Reply};
use serde_json::json;

use crate::{ask, call, lm};

#[tokio::test]
async fn an_answer_comes_whole_or_streamed_with_all_it_has() {
    let chat = Chat {
        reasoning: Some("Six sevens are 42, clearly.".to_owned()),
        usage: Some([31, 16, 12, 8]),
        ..Chat::text("The answer is 42 – ответ 🦀.")
    };
    let server = FakeServer::scripted([chat.into()]);
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("What is 6 times 7?"))
            .await
            .unwrap();
        assert_eq!(
            response.parts,
            [
                Part::Reasoning {
                    text: "Six sevens are 42, clearly.".to_owned(),
                    signature: None
                },
                Part::text("The answer is 42 – ответ 🦀."),
            ]
        );
        assert_eq!(response.finish, FinishReason::Stop);
        assert_eq!((response.source, response.attempts), (Source::Model, 1));
        assert_eq!(response.model, "gpt-4o-mini");
        assert_eq!(
            response.usage,
            Usage {
                input_tokens: Some(31),
                cached_tokens: Some(16),
                cache_write_tokens: None,
                output_tokens: Some(12),
                reasoning_tokens: Some(8),
                audio_tokens: Some(0),
                ..Usage::default()
            }
        );
        assert_eq!(
            response.raw.unwrap().value()["system_fingerprint"],
            "fp_50cad350e4"
        );
    }
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), Some("Bearer sk-test-0123456789"));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(
        seen[0].body,
        json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "What is 6 times 7?" }] })
    );
    assert_eq!(seen[1].body["stream_options"], json!({ "include_usage": true }));
}

#[tokio::test]
async fn tool_calls_come_whole_or_streamed() {
    let server = FakeServer::scripted([Chat::tools(&[
        ("call_a", "weather", r#"{"city": "Ulm", "days": 3}"#),
        ("call_b", "clock", ""),
        ("call_c", "weather", r#"{"city": "#),
    ])
    .into()]);
    let expected = [
        Part::ToolCall {
            id: "call_a".to_owned(),
            name: "weather".to_owned(),
            arguments: json!({ "city": "Ulm", "days": 3 }),
        },
        Part::ToolCall {
            id: "call_b".to_owned(),
            name: "clock".to_owned(),
            arguments: json!({}),
        },
        Part::ToolCall {
            id: "call_c".to_owned(),
            name: "weather".to_owned(),
            arguments: json!(r#"{"city": "#),
        },
    ];
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("Rain?")).await.unwrap();
        assert_eq!(response.finish, FinishReason::ToolCalls);
        assert_eq!(response.parts, expected);
    }
}

#[tokio::test]
async fn a_refusal_is_told_from_an_answer() {
    let chat = Chat {
        text: None,
        refusal: Some("I can't help with that.".to_owned()),
        ..Chat::text("")
    };
    let server = FakeServer::scripted([chat.into()]);
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("x")).await.unwrap();
        assert_eq!(response.finish, FinishReason::ContentFilter);
        assert_eq!(response.to_text(), "I can't help with that.");
    }
}

#[tokio::test]
async fn base_urls_are_taken_as_people_write_them() {
    let server = FakeServer::scripted([Reply::text("ok")]);
    for url in [
        server.url(),
        format!("{}/", server.url()),
        format!("{}/chat/completions", server.url()),
        format!("{}?api-version=2026-01-01", server.url()),
    ] {
        let lm = Lm::openai("x").base_url(&url).build().unwrap();
        assert_eq!(
            call(&lm, false, &ask("x")).await.unwrap().to_text(),
            "ok",
            "{url}"
        );
    }
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), None);
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
    let plain = "/v1/chat/completions";
    let queried = "/v1/chat/completions?api-version=2026-01-01";
    assert_eq!(paths, [plain, plain, plain, queried]);
    for url in ["", "localhost:8000", "ftp://example.com", "/v1"] {
        let error = Lm::openai("x").base_url(url).build().unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::InvalidRequest, "{url}");
    }
}

#[tokio::test]
async fn structured_output_is_promised_only_where_it_is_known() {
    let can = |builder: dictum_providers::openai::Builder| {
        let can = builder.build().unwrap().capabilities();
        (can.json_object, can.json_schema)
    };
    assert_eq!(can(Lm::openai("gpt-5-mini")), (true, true));
    let elsewhere = Lm::openai("qwen3").base_url("http://localhost:11434/v1");
    assert_eq!(can(elsewhere.clone()), (false, false));
    assert_eq!(can(elsewhere.structured_output(true, false)), (true, false));
}

#[tokio::test]
async fn the_wanted_format_is_sent() {
    let server = FakeServer::scripted([Reply::text("{}")]);
    let mut request = ask("x");
    request.response_format = Some(Arc::new(ResponseFormat::JsonObject));
    call(&lm(&server), false, &request).await.unwrap();
    assert_eq!(
        server.seen()[0].body["response_format"],
        json!({ "type": "json_object" })
    );
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = FakeServer::scripted([Reply::text("ok")]);
    let lm = lm(&server);
    for _ in 0..50 {
        call(&lm, false, &ask("x")).await.unwrap();
    }
    // A connection goes back to the pool in its own time, so now and then one call is too quick for it.
    assert_eq!(server.requests(), 50);
    assert!(server.connections() <= 5, "{} connections", server.connections());
}

#[tokio::test]
async fn user_and_password_of_the_address_are_sent_unless_a_key_stands_there_and_never_shown() {
    let server = FakeServer::scripted([
        Reply::text("Hello."),
        Reply::text("Hello."),
        Reply::error(
            401,
            "invalid_request_error",
            "",
            "No such user: c29tZW9uZTpwYXNzIHdvcmQ=",
        ),
    ]);
    let url = server.url().replace("http://", "http://someone:pass%20word@");
    let without_key = || Lm::openai("gpt-4o-mini").base_url(&url);
    let with_key = without_key().api_key("sk-test-0123456789");
    for builder in [without_key(), with_key] {
        let answer = call(&builder.build().unwrap(), false, &ask("Hello?")).await;
        assert_eq!(answer.unwrap().to_text(), "Hello.");
    }
    let seen = server.seen();
    assert_eq!(
        seen[0].header("authorization"),
        Some("Basic c29tZW9uZTpwYXNzIHdvcmQ=")
    );
    assert_eq!(seen[1].header("authorization"), Some("Bearer sk-test-0123456789"));
    assert_eq!(seen[0].header("host"), server.root().strip_prefix("http://"));

    let lm = without_key().build().unwrap();
    let error = call(&lm, false, &ask("Hello?")).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Auth);
    for shown in [error.to_string(), format!("{error:?}"), format!("{lm:?}")] {
        assert!(!shown.contains("c29tZW9") && !shown.contains("pass"), "{shown}");
    }
}
