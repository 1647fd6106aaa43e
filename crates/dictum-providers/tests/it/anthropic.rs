//! Anthropic's messages, on payloads as they are documented.

use std::time::Duration;

use dictum_core::lm::{
    Budget, Call, FinishReason, Lm, LmErrorKind, Message, Meter, Part, Prefix, Request, Response, Settings,
    StreamEvent, ToolSpec, Usage,
};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Fault, Reply};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{ask, call, chunked, read};

const KEY: &str = "planted-key-7f3a9b";

fn model(server: &FakeServer, name: &str) -> Lm {
    Lm::anthropic(name)
        .base_url(server.url())
        .api_key(KEY)
        .build()
        .unwrap()
}

fn lm(server: &FakeServer) -> Lm {
    model(server, "claude-sonnet-4-5")
}

/// An answer with everything: thinking of both kinds, text with a citation, tool calls at the caller's and at the server.
fn whole() -> Value {
    json!({
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [
            { "type": "thinking", "thinking": "Two cities: Ulm and Köln.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h" },
            { "type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4" },
            { "type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": { "query": "rain ulm" } },
            { "type": "web_search_tool_result", "tool_use_id": "srvtoolu_01", "content": [{ "type": "web_search_result", "encrypted_content": "EqgfCioIARgB" }] },
            { "type": "text", "text": "I'll look – ответ 🦀.", "citations": [{ "type": "web_search_result_location", "cited_text": "rain" }] },
            { "type": "tool_use", "id": "toolu_01", "name": "weather", "input": { "city": "Ulm", "days": 3 } },
            { "type": "tool_use", "id": "toolu_02", "name": "clock", "input": {} },
        ],
        "stop_reason": "tool_use",
        "stop_sequence": null,
        "usage": {
            "input_tokens": 21,
            "cache_creation_input_tokens": 188,
            "cache_creation": { "ephemeral_5m_input_tokens": 88, "ephemeral_1h_input_tokens": 100 },
            "cache_read_input_tokens": 1000,
            "output_tokens": 305,
            "output_tokens_details": { "thinking_tokens": 120 },
            "service_tier": "standard",
        },
    })
}

fn event(kind: &str, mut data: Value) -> String {
    data["type"] = json!(kind);
    format!("event: {kind}\ndata: {data}\n\n")
}

fn delta(index: usize, kind: &str, field: &str, more: &str) -> String {
    event(
        "content_block_delta",
        json!({ "index": index, "delta": { "type": kind, field: more } }),
    )
}

/// An answer as the server streams it: texts in pieces, counts and the reason at the end.
fn streamed(message: &Value) -> String {
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"] = json!({ "input_tokens": 21, "cache_creation_input_tokens": 188, "cache_creation": { "ephemeral_5m_input_tokens": 88, "ephemeral_1h_input_tokens": 100 }, "cache_read_input_tokens": 1000, "output_tokens": 1, "service_tier": "standard" });
    let mut out = event("message_start", json!({ "message": start }));
    out.push_str("event: ping\ndata: {\"type\": \"ping\"}\n\n");
    for (index, block) in message["content"].as_array().unwrap().iter().enumerate() {
        let mut begun = block.clone();
        let mut deltas = String::new();
        let pieces = |text: &Value| {
            let chars: Vec<char> = text.as_str().unwrap().chars().collect();
            chars.chunks(4).map(String::from_iter).collect::<Vec<_>>()
        };
        match block["type"].as_str().unwrap() {
            "text" => {
                for piece in pieces(&block["text"]) {
                    deltas.push_str(&delta(index, "text_delta", "text", &piece));
                }
                for citation in block["citations"].as_array().into_iter().flatten() {
                    let data = json!({ "index": index, "delta": { "type": "citations_delta", "citation": citation } });
                    deltas.push_str(&event("content_block_delta", data));
                }
                begun = json!({ "type": "text", "text": "" });
            }
            "thinking" => {
                for piece in pieces(&block["thinking"]) {
                    deltas.push_str(&delta(index, "thinking_delta", "thinking", &piece));
                }
                deltas.push_str(&delta(
                    index,
                    "signature_delta",
                    "signature",
                    block["signature"].as_str().unwrap(),
                ));
                begun = json!({ "type": "thinking", "thinking": "", "signature": "" });
            }
            "tool_use" | "server_tool_use" => {
                deltas.push_str(&delta(index, "input_json_delta", "partial_json", ""));
                if block["input"] != json!({}) {
                    for piece in pieces(&json!(block["input"].to_string())) {
                        deltas.push_str(&delta(index, "input_json_delta", "partial_json", &piece));
                    }
                }
                begun["input"] = json!({});
            }
            _ => {}
        }
        out.push_str(&event(
            "content_block_start",
            json!({ "index": index, "content_block": begun }),
        ));
        out.push_str(&deltas);
        out.push_str(&event("content_block_stop", json!({ "index": index })));
    }
    let ended = json!({
        "delta": { "stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"] },
        "usage": { "input_tokens": null, "output_tokens": 305, "output_tokens_details": { "thinking_tokens": 120 } },
    });
    out.push_str(&event("message_delta", ended));
    out.push_str(&event("message_stop", json!({})));
    out
}

fn both(message: &Value) -> FakeServer {
    let (whole, streamed) = (message.clone(), streamed(message));
    FakeServer::programmed(move |_, body| {
        if body["stream"] == true {
            Reply::chunks([streamed.clone()])
        } else {
            Reply::json(200, &whole)
        }
    })
}

fn opaque(payload: &Value) -> Part {
    Part::Opaque {
        provider: "anthropic".to_owned(),
        payload: payload.clone(),
    }
}

#[tokio::test]
async fn an_answer_comes_whole_or_streamed_with_all_it_has() {
    let message = whole();
    let server = both(&message);
    let mut answers: Vec<Response> = Vec::new();
    for streams in [false, true] {
        answers.push(call(&lm(&server), streams, &ask("Rain?")).await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    let response = answers.pop().unwrap();
    let content = &message["content"];
    assert_eq!(
        response.parts,
        [
            Part::Reasoning {
                text: "Two cities: Ulm and Köln.".to_owned(),
                signature: Some("EqQBCgIYAhIM1gbcDa9GJwZA2b3h".to_owned()),
            },
            opaque(&content[1]),
            opaque(&content[2]),
            opaque(&content[3]),
            Part::text("I'll look – ответ 🦀."),
            Part::ToolCall {
                id: "toolu_01".to_owned(),
                name: "weather".to_owned(),
                arguments: json!({ "city": "Ulm", "days": 3 }),
            },
            Part::ToolCall {
                id: "toolu_02".to_owned(),
                name: "clock".to_owned(),
                arguments: json!({}),
            },
        ]
    );
    assert_eq!(response.finish, FinishReason::ToolCalls);
    assert_eq!(response.model, "claude-sonnet-4-5-20250929");
    assert_eq!(
        response.usage,
        Usage {
            input_tokens: Some(1209),
            cached_tokens: Some(1000),
            cache_write_tokens: Some(188),
            output_tokens: Some(305),
            reasoning_tokens: Some(120),
            cache_write_hour_tokens: Some(100),
            ..Usage::default()
        }
    );
    assert_eq!(response.raw.unwrap().value(), message);
}

#[tokio::test]
async fn what_is_sent() {
    let server = both(&whole());
    let mut request = Request {
        prefix: Prefix::new(vec![Message::system("Be brief.")]).into(),
        ..ask("Rain?")
    };
    request.settings = Settings {
        temperature: Some(0.0),
        max_tokens: Some(100),
        ..Settings::default()
    };
    request.tools = vec![ToolSpec {
        name: "clock".to_owned(),
        description: "Tells the time.".to_owned(),
        parameters: json!({ "type": "object", "properties": {} }),
    }]
    .into();
    let first = call(&lm(&server), true, &request).await.unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!(seen.path, "/v1/messages");
    assert_eq!(seen.header("x-api-key"), Some(KEY));
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(
        String::from_utf8(seen.bytes.to_vec()).unwrap(),
        concat!(
            r#"{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"#,
            r#""messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]}],"#,
            r#""model":"claude-sonnet-4-5","max_tokens":100,"temperature":0.0,"#,
            r#""tools":[{"name":"clock","description":"Tells the time.","input_schema":{"type":"object","properties":{}}}],"#,
            r#""stream":true}"#,
        )
    );

    // The next turn of the conversation: the answer goes back as it came, thinking included.
    request.turns.push(Message {
        role: dictum_core::lm::Role::Assistant,
        parts: first.parts,
    });
    call(&lm(&server), false, &request).await.unwrap();
    let mut expected = whole()["content"].clone();
    expected[4].as_object_mut().unwrap().remove("citations");
    let mut sent = server.seen().pop().unwrap().body["messages"][1]["content"].clone();
    sent[6].as_object_mut().unwrap().remove("cache_control");
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn addresses_are_taken_with_and_without_the_version() {
    let server = both(&whole());
    let root = server.url().trim_end_matches("/v1").to_owned();
    for url in [
        root.clone(),
        format!("{root}/v1/"),
        format!("{root}/v1/messages"),
        format!("{root}/anthropic?beta=true"),
    ] {
        let lm = Lm::anthropic("m")
            .base_url(url)
            .header("anthropic-version", "2026-10-21")
            .build()
            .unwrap();
        call(&lm, false, &ask("x")).await.unwrap();
    }
    let seen = server.seen();
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/v1/messages",
            "/v1/messages",
            "/v1/messages",
            "/anthropic/v1/messages?beta=true"
        ]
    );
    assert_eq!(seen[0].header("anthropic-version"), Some("2026-10-21"));
}

#[tokio::test]
async fn every_stop_reason_is_told() {
    let table = [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("refusal", FinishReason::ContentFilter),
        ("pause_turn", FinishReason::Other("pause_turn".to_owned())),
        ("new_reason", FinishReason::Other("new_reason".to_owned())),
    ];
    for (reason, finish) in table {
        let mut message = whole();
        message["stop_reason"] = json!(reason);
        let server = both(&message);
        for streams in [false, true] {
            assert_eq!(
                call(&lm(&server), streams, &ask("x")).await.unwrap().finish,
                finish
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_without_a_word_gives_its_reason() {
    let details = json!({ "type": "refusal", "category": "cyber", "explanation": "Declined." });
    let mut message = json!({ "type": "message", "content": [], "stop_reason": "refusal", "stop_sequence": null, "stop_details": details });
    let server = both(&message);
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("x")).await.unwrap();
        assert_eq!(
            (response.to_text().as_str(), response.finish),
            ("Declined.", FinishReason::ContentFilter)
        );
        assert_eq!(response.raw.unwrap().value()["stop_details"]["category"], "cyber");
    }
    message["stop_reason"] = json!("end_turn");
    message["stop_details"] = Value::Null;
    let silent = call(&lm(&both(&message)), false, &ask("x")).await.unwrap();
    assert_eq!(silent.parts, [Part::text("")]);
}

#[tokio::test]
async fn a_tool_call_cut_off_by_the_limit_keeps_what_came() {
    let text = [
        event(
            "message_start",
            json!({ "message": { "type": "message", "content": [] } }),
        ),
        event(
            "content_block_start",
            json!({ "index": 0, "content_block": { "type": "tool_use", "id": "a", "name": "f", "input": {} } }),
        ),
        delta(0, "input_json_delta", "partial_json", "{\"city\": \"U"),
        event(
            "message_delta",
            json!({ "delta": { "stop_reason": "max_tokens" }, "usage": { "output_tokens": 5 } }),
        ),
        event("new_event", json!({ "index": 0 })),
    ];
    // The block is not ended and neither is the message, but the reason has come.
    let server = FakeServer::scripted([Reply::chunks([text.concat()])]);
    let (events, response) = read(lm(&server).stream(&ask("x"), &Call::default()).await)
        .await
        .unwrap();
    assert!(
        matches!(&events[..], [StreamEvent::ToolCall { arguments, .. }] if *arguments == json!("{\"city\": \"U"))
    );
    assert_eq!(
        (response.finish, response.usage.output_tokens),
        (FinishReason::Length, Some(5))
    );
    assert_eq!(response.usage.input_tokens, None, "unknown is unknown");
}

#[tokio::test]
async fn errors_in_a_stream_come_after_what_came_before() {
    let begun = [
        event(
            "message_start",
            json!({ "message": { "type": "message", "content": [] } }),
        ),
        event(
            "content_block_start",
            json!({ "index": 0, "content_block": { "type": "text", "text": "" } }),
        ),
        delta(0, "text_delta", "text", "half"),
    ]
    .concat();
    let error = json!({ "error": { "type": "overloaded_error", "message": "Overloaded" } });
    for (more, kind) in [
        (event("error", error), LmErrorKind::Server),
        ("data: {broken\n\n".to_owned(), LmErrorKind::Decode),
        (delta(7, "text_delta", "text", "lost"), LmErrorKind::Decode),
        (String::new(), LmErrorKind::Transport),
    ] {
        let server = FakeServer::scripted([Reply::chunks([format!("{begun}{more}")])]);
        let mut stream = lm(&server).stream(&ask("x"), &Call::default()).await.unwrap();
        assert_eq!(
            stream.next().await.unwrap().unwrap(),
            StreamEvent::Text("half".to_owned())
        );
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.retryable()), (kind, true), "{error}");
        assert!(
            error.to_string().starts_with("anthropic/claude-sonnet-4-5: "),
            "{error}"
        );
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn the_end_is_the_end_and_a_dropped_stream_closes_its_connection() {
    let text = streamed(&whole());
    let server = FakeServer::scripted([
        Reply::chunks([text.clone(), String::new()]).broken(Fault::Stall(1)),
        Reply::chunks([text[..600].to_owned(), String::new()]).broken(Fault::Stall(1)),
    ]);
    call(&lm(&server), true, &ask("x")).await.unwrap();
    let mut stream = lm(&server).stream(&ask("x"), &Call::default()).await.unwrap();
    let hasty = tokio::time::timeout(Duration::from_millis(200), stream.next()).await;
    assert!(hasty.is_err());
    drop(stream);
    assert!(server.saw_disconnects(2).await);
}

#[tokio::test]
async fn a_parameter_that_is_refused_is_left_out_from_then_on() {
    let message = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "`temperature` is deprecated for this model." } });
    let (whole, streamed) = (whole(), streamed(&whole()));
    let server =
        FakeServer::programmed(
            move |_, body| match (body.get("temperature"), body["stream"] == true) {
                (Some(_), _) => Reply::json(400, &message),
                (None, true) => Reply::chunks([streamed.clone()]),
                (None, false) => Reply::json(200, &whole),
            },
        );
    let mut request = ask("x");
    request.settings.temperature = Some(0.7);
    for streams in [false, true] {
        let lm = lm(&server);
        let before = server.requests();
        let meter = Meter::new(Budget::calls(3));
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        for attempts in [2, 1] {
            let response = if streams {
                read(lm.stream(&request, &terms).await).await.unwrap().1
            } else {
                lm.complete(&request, &terms).await.unwrap()
            };
            assert_eq!(response.attempts, attempts);
        }
        assert_eq!(
            (server.requests() - before, meter.spent().calls),
            (3, 3),
            "every request is counted"
        );
        let error = lm.complete(&request, &terms).await.unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Budget);
    }
    // The further call is one the budget must allow.
    let terms = Call {
        meter: Some(Meter::new(Budget::calls(1))),
        ..Call::default()
    };
    let error = lm(&server).complete(&request, &terms).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Budget);
}

#[tokio::test]
async fn parameters_are_learned_one_after_the_other_and_values_are_not() {
    let refusal = |message: &str| json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } });
    let whole = whole();
    let server = FakeServer::programmed(move |_, body| {
        if body.get("top_p").is_some() {
            Reply::json(400, &refusal("`top_p` is not supported by this model."))
        } else if body.get("output_config").is_some() {
            Reply::json(400, &refusal("This model does not support the effort parameter."))
        } else if body["temperature"] == 7.0 {
            Reply::json(400, &refusal("temperature: range: 0..1"))
        } else {
            Reply::json(200, &whole)
        }
    });
    let lm = model(&server, "claude-opus-4-6");
    let mut request = ask("x");
    request.settings.top_p = Some(0.9);
    call(&lm, false, &request).await.unwrap();
    request.settings.reasoning_effort = Some("low".to_owned());
    let response = lm.complete(&request, &Call::default()).await.unwrap();
    assert_eq!((response.attempts, server.requests()), (2, 4));
    request.settings.temperature = Some(7.0);
    let error = lm.complete(&request, &Call::default()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts(), server.requests()),
        (LmErrorKind::InvalidRequest, 1, 5)
    );
}

#[tokio::test]
async fn a_planted_key_shows_nowhere() {
    let quoting = json!({ "type": "error", "error": { "type": "authentication_error", "message": format!("invalid x-api-key: {KEY}") } });
    let server = FakeServer::scripted([
        Reply::json(401, &quoting),
        Reply::json(200, &quoting),
        Reply::chunks([event("error", quoting.clone())]),
    ]);
    let builder = Lm::anthropic("m").base_url(server.url()).api_key(KEY);
    let lm = builder.clone().build().unwrap();
    let mut shown = format!("{builder:?} {lm:?}");
    for streams in [false, false, true] {
        let error = call(&lm, streams, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Auth);
        shown.push_str(&format!("{error} {error:?}"));
    }
    assert!(!shown.contains("planted"), "{shown}");
}

#[tokio::test]
async fn structured_output_is_promised_only_where_it_is_known() {
    let can = |builder: dictum_providers::anthropic::Builder| {
        let can = builder.build().unwrap().capabilities();
        (can.json_object, can.json_schema, can.tools)
    };
    assert_eq!(can(Lm::anthropic("claude-sonnet-4-5")), (false, true, true));
    assert_eq!(can(Lm::anthropic("claude-sonnet-4-0")), (false, false, true));
    let elsewhere = Lm::anthropic("claude-sonnet-4-5").base_url("http://localhost:4000");
    assert_eq!(can(elsewhere.clone()), (false, false, true));
    assert_eq!(can(elsewhere.structured_output(false, true)), (false, true, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing(
        text in "\\PC{0,30}",
        arguments in prop::collection::hash_map("\\PC{1,8}", "\\PC{0,8}", 0..4),
        cuts in prop::collection::vec(0usize..6000, 0..12),
    ) {
        let mut message = whole();
        message["content"][4]["text"] = json!(format!("{text}."));
        message["content"][5]["input"] = json!(arguments);
        let chunks = chunked(&streamed(&message), cuts);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (cut, whole) = runtime.block_on(async {
            let (cut, whole) = (FakeServer::scripted([Reply::chunks(chunks)]), both(&message));
            (call(&lm(&cut), true, &ask("x")).await.unwrap(), call(&lm(&whole), false, &ask("x")).await.unwrap())
        });
        prop_assert_eq!(cut, whole);
    }
}
