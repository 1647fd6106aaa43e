//! Gemini, with payloads as Google documents them.

use std::time::Duration;

use dictum_core::lm::{
    Budget, Call, FinishReason, Lm, LmErrorKind, Message, Meter, Part, Request, Role, Settings, StreamEvent,
    Usage,
};
use dictum_providers::{Price, Prices, Providers, gemini};
use dictum_testkit::{FakeServer, Fault, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{ask, call, read};

const KEY: &str = "AIzaSyTest-0123456789";

fn builder(server: &FakeServer) -> gemini::Builder {
    Lm::gemini("gemini-2.5-flash")
        .base_url(server.url().replace("/v1", "/v1beta"))
        .api_key(KEY)
}

fn lm(server: &FakeServer) -> Lm {
    builder(server).build().unwrap()
}

/// What stands before a signed part.
fn signature(text: &str) -> Part {
    Part::Opaque {
        provider: "gemini".to_owned(),
        payload: json!({ "thoughtSignature": text }),
    }
}

/// An answer as it comes whole: a thought, a text signed at its end, usage, and fields that Dictum has no use for.
fn whole() -> Value {
    json!({
        "candidates": [{
            "content": {
                "parts": [
                    { "text": "Six sevens are 42, clearly.", "thought": true },
                    { "text": "The answer is 42 – ответ 🦀.", "thoughtSignature": "c2lnbmF0dXJl" },
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "avgLogprobs": -0.1,
            "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": 31,
            "candidatesTokenCount": 12,
            "totalTokenCount": 51,
            "cachedContentTokenCount": 16,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 31 }],
            "thoughtsTokenCount": 8,
        },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
    })
}

fn chunk(parts: &Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": { "promptTokenCount": 31, "totalTokenCount": 31 },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
    })
}

fn event(chunk: &Value) -> String {
    format!("data: {chunk}\r\n\r\n")
}

/// The same answer as it comes in chunks.
fn chunks() -> Vec<String> {
    let mut last = chunk(
        &json!([{ "text": "", "thoughtSignature": "c2lnbmF0dXJl" }]),
        Some("STOP"),
    );
    last["usageMetadata"] = whole()["usageMetadata"].clone();
    last["candidates"][0]["avgLogprobs"] = json!(-0.1);
    vec![
        event(&chunk(
            &json!([{ "text": "Six sevens are ", "thought": true }]),
            None,
        )),
        event(&chunk(
            &json!([{ "text": "42, clearly.", "thought": true }]),
            None,
        )),
        event(&chunk(&json!([{ "text": "The answer is 42 " }]), None)),
        event(&chunk(&json!([{ "text": "– ответ 🦀." }]), None)),
        event(&last),
    ]
}

#[tokio::test]
async fn an_answer_comes_whole_or_streamed_with_all_it_has() {
    let server = FakeServer::scripted([Reply::json(200, &whole()), Reply::chunks(chunks())]);
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("What is 6 times 7?"))
            .await
            .unwrap();
        assert_eq!(
            response.parts,
            [
                Part::Reasoning {
                    text: "Six sevens are 42, clearly.".to_owned(),
                    signature: None,
                },
                signature("c2lnbmF0dXJl"),
                Part::text("The answer is 42 – ответ 🦀."),
            ]
        );
        assert_eq!(response.finish, FinishReason::Stop);
        assert_eq!(response.model, "gemini-2.5-flash");
        assert_eq!(
            response.usage,
            Usage {
                input_tokens: Some(31),
                cached_tokens: Some(16),
                cache_write_tokens: None,
                output_tokens: Some(20),
                reasoning_tokens: Some(8),
                ..Usage::default()
            }
        );
        let raw = response.raw.unwrap().value();
        assert_eq!(raw["responseId"], "mAitaLmkHPPlz7IPvtfUqQ4");
        assert_eq!(raw["candidates"][0]["avgLogprobs"], json!(-0.1));
    }
    let seen = server.seen();
    assert_eq!(seen[0].path, "/v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!(
        seen[1].path,
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    );
    for seen in seen {
        assert_eq!(seen.header("x-goog-api-key"), Some(KEY));
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(
            seen.bytes,
            r#"{"contents":[{"role":"user","parts":[{"text":"What is 6 times 7?"}]}]}"#
        );
    }
}

#[tokio::test]
async fn pieces_come_in_order_and_as_they_are() {
    let server = FakeServer::scripted([Reply::chunks(chunks())]);
    let (events, _) = read(lm(&server).stream(&ask("x"), &Call::default()).await)
        .await
        .unwrap();
    assert_eq!(
        events,
        [
            StreamEvent::Reasoning("Six sevens are ".to_owned()),
            StreamEvent::Reasoning("42, clearly.".to_owned()),
            StreamEvent::Text("The answer is 42 ".to_owned()),
            StreamEvent::Text("– ответ 🦀.".to_owned()),
        ]
    );
}

#[tokio::test]
async fn a_turn_of_tools_goes_round() {
    let parts = json!([
        { "functionCall": { "name": "weather", "args": { "city": "Ulm" } }, "thoughtSignature": "c2ln" },
        { "functionCall": { "name": "weather", "args": { "city": "Bonn" } } },
    ]);
    let called = chunk(&parts, Some("STOP"));
    let server = FakeServer::programmed(move |n, _| match n {
        0 => Reply::json(200, &called),
        2 => Reply::chunks([event(&called)]),
        _ => Reply::json(200, &whole()),
    });
    for streams in [false, true] {
        let first = call(&lm(&server), streams, &ask("Rain?")).await.unwrap();
        assert_eq!(first.finish, FinishReason::ToolCalls);
        let results = first
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolCall { id, .. } => Some(Part::ToolResult {
                    id: id.clone(),
                    content: "dry".to_owned(),
                    is_error: false,
                }),
                _ => None,
            })
            .collect();
        let request = Request::new(vec![
            Message::user("Rain?"),
            Message {
                role: Role::Assistant,
                parts: first.parts,
            },
            Message {
                role: Role::Tool,
                parts: results,
            },
        ]);
        call(&lm(&server), false, &request).await.unwrap();
        let sent = server.seen().pop().unwrap().body;
        assert_eq!(sent["contents"][1], json!({ "role": "model", "parts": parts }));
        let result = json!({ "functionResponse": { "name": "weather", "response": { "output": "dry" } } });
        assert_eq!(
            sent["contents"][2],
            json!({ "role": "user", "parts": [result, result] })
        );
    }
}

#[tokio::test]
async fn refusals_are_typed_and_say_how_long_to_wait() {
    let body = json!({ "error": {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s" }],
    } });
    let server = FakeServer::scripted([Reply::json(429, &body)]);
    for streams in [false, true] {
        let error = call(&lm(&server), streams, &ask("x")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (LmErrorKind::RateLimit, Some(429))
        );
        assert_eq!(error.retry_after(), Some(Duration::from_millis(34_500)));
        assert_eq!(error.model(), "gemini/gemini-2.5-flash");
    }
}

#[tokio::test]
async fn a_blocked_prompt_is_an_error_and_a_blocked_answer_an_answer() {
    let prompt = json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" }, "usageMetadata": { "promptTokenCount": 4 } });
    let answer = json!({ "candidates": [{ "finishReason": "SAFETY", "index": 0 }], "usageMetadata": { "promptTokenCount": 4 } });
    let server = FakeServer::scripted([
        Reply::json(200, &prompt),
        Reply::chunks([event(&prompt)]),
        Reply::json(200, &answer),
        Reply::chunks([event(&answer)]),
    ]);
    for streams in [false, true] {
        let error = call(&lm(&server), streams, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::ContentFilter, "{error}");
    }
    for streams in [false, true] {
        let response = call(&lm(&server), streams, &ask("x")).await.unwrap();
        assert_eq!(
            (response.finish, response.parts),
            (FinishReason::ContentFilter, vec![Part::text("")])
        );
    }
}

#[tokio::test]
async fn a_stream_cut_off_is_an_error_after_what_came() {
    let half = event(&chunk(&json!([{ "text": "half" }]), None));
    let overloaded =
        json!({ "error": { "code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE" } });
    for (reply, kind) in [
        (Reply::chunks([half.clone()]), LmErrorKind::Transport),
        (
            Reply::chunks([half.clone(), "x".to_owned()]).broken(Fault::Reset(1)),
            LmErrorKind::Transport,
        ),
        (
            Reply::chunks([half.clone(), event(&overloaded)]),
            LmErrorKind::Server,
        ),
        (
            Reply::chunks([half, "data: {broken\r\n\r\n".to_owned()]),
            LmErrorKind::Decode,
        ),
    ] {
        let server = FakeServer::scripted([reply]);
        let mut stream = lm(&server).stream(&ask("x"), &Call::default()).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = futures_util::StreamExt::next(&mut stream).await {
            events.push(event);
        }
        let last = events.pop().unwrap().unwrap_err();
        assert_eq!((events.len(), last.kind()), (1, kind), "{last}");
    }
}

#[tokio::test]
async fn a_parameter_the_model_refuses_is_left_out_from_then_on() {
    let refusal = json!({ "error": { "code": 400, "message": "seed is not supported for this model", "status": "INVALID_ARGUMENT" } });
    let server = FakeServer::programmed(move |_, body| match body.pointer("/generationConfig/seed") {
        Some(_) => Reply::json(400, &refusal),
        None => Reply::json(200, &whole()),
    });
    let (lm, mut request) = (lm(&server), ask("x"));
    request.settings = Settings {
        seed: Some(1),
        temperature: Some(0.0),
        ..Settings::default()
    };
    assert_eq!(call(&lm, false, &request).await.unwrap().attempts, 2);
    assert_eq!(call(&lm, false, &request).await.unwrap().attempts, 1);
    assert_eq!(
        server.seen()[2].body["generationConfig"],
        json!({ "temperature": 0.0 })
    );
}

#[tokio::test]
async fn a_budget_of_money_is_held_by_prices() {
    let server = FakeServer::programmed(|_, _| Reply::json(200, &whole()));
    let price = Price::new(1.0, 10.0).cached_input(0.5);
    let prices = Prices::none().with("gemini/gemini-2.5-flash", price);
    let lm = builder(&server).prices(prices).build().unwrap();
    // 15 new tokens, 16 cached, 20 out.
    let each = (15.0 + 8.0 + 200.0) / 1e6;
    let meter = Meter::new(Budget::default().and_usd(each * 1.5));
    let under = Call {
        meter: Some(meter.clone()),
        ..Call::default()
    };
    for _ in 0..2 {
        let response = lm.complete(&ask("x"), &under).await.unwrap();
        assert!((response.usage.cost_usd.unwrap() - each).abs() < 1e-12);
    }
    let error = lm.complete(&ask("x"), &under).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Budget);
    assert_eq!((meter.spent().calls, server.requests()), (2, 2));
    assert!((meter.spent().usd - 2.0 * each).abs() < 1e-8);
}

#[tokio::test]
async fn the_key_shows_nowhere() {
    let body = json!({ "error": { "code": 400, "message": format!("API key not valid: {KEY}"), "status": "INVALID_ARGUMENT" } });
    let server = FakeServer::scripted([Reply::json(400, &body)]);
    let lm = lm(&server);
    let error = call(&lm, false, &ask("x")).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Auth);
    for text in [
        format!("{error} {error:?}"),
        format!("{lm:?}"),
        format!("{:?}", builder(&server)),
    ] {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn names_and_addresses_are_taken_as_people_write_them() {
    let server = FakeServer::programmed(|_, _| Reply::json(200, &whole()));
    for (model, base) in [
        ("gemini-2.5-flash", server.url()),
        ("models/gemini-2.5-flash", format!("{}/", server.url())),
        ("tunedModels/mine", format!("{}?quota=a", server.url())),
    ] {
        let lm = Lm::gemini(model).base_url(base).build().unwrap();
        call(&lm, false, &ask("x")).await.unwrap();
    }
    let paths: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(
        paths,
        [
            "/v1/models/gemini-2.5-flash:generateContent",
            "/v1/models/gemini-2.5-flash:generateContent",
            "/v1/tunedModels/mine:generateContent?quota=a",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing(text in "\\PC{1,40}", cuts in prop::collection::vec(0usize..2000, 0..12)) {
        let bytes = format!(
            "{}{}",
            event(&chunk(&json!([{ "text": text }]), None)),
            event(&chunk(&json!([{ "text": "", "thoughtSignature": "c2ln" }]), Some("STOP"))),
        );
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<Vec<u8>> = cuts.windows(2).map(|pair| bytes.as_bytes()[pair[0]..pair[1]].to_vec()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let parts = runtime.block_on(async {
            let server = FakeServer::scripted([Reply::chunks(pieces)]);
            call(&lm(&server), true, &ask("x")).await.unwrap().parts
        });
        prop_assert_eq!(parts, vec![signature("c2ln"), Part::text(text)]);
    }

    #[test]
    fn where_a_text_is_cut_changes_nothing(text in "[a-zé🦀 ]{0,12}", thought in "[a-z ]{0,8}", cut in 0usize..8) {
        let signed = |parts: Vec<Value>| -> Vec<Part> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let last = parts.len() - 1;
            let events: Vec<String> = parts
                .iter()
                .enumerate()
                .map(|(n, part)| event(&chunk(&json!([part]), (n == last).then_some("STOP"))))
                .collect();
            runtime.block_on(async {
                let server = FakeServer::scripted([Reply::chunks(events)]);
                call(&lm(&server), true, &ask("x")).await.unwrap().parts
            })
        };
        let split = |text: &str| {
            let at = text.char_indices().nth(cut).map_or(text.len(), |(at, _)| at);
            (text[..at].to_owned(), text[at..].to_owned())
        };
        let ((a, b), (c, d)) = (split(&thought), split(&text));
        let pieces = signed(vec![
            json!({ "text": a, "thought": true }),
            json!({ "text": b, "thought": true }),
            json!({ "text": c }),
            json!({ "text": d, "thoughtSignature": "c2ln" }),
        ]);
        let whole = signed(vec![
            json!({ "text": thought, "thought": true }),
            json!({ "text": text, "thoughtSignature": "c2ln" }),
        ]);
        prop_assert_eq!(pieces, whole);
    }
}
