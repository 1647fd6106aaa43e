//! Embedders, with payloads as their providers document them.

use std::sync::Arc;

use dictum_core::embed::{Cached, Embedder};
use dictum_core::lm::{Budget, Call, LmErrorKind, Meter};
use dictum_providers::embed::{self, Purpose};
use dictum_providers::{Price, Prices};
use dictum_testkit::{FakeServer, Reply};
use serde_json::{Value, json};

const KEY: &str = "sk-embed-0123456789";

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// A vector that tells which text it is of.
fn vector(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    json!([text.len(), 0.25, -0.5])
}

fn vectors(all: &[&str]) -> Vec<Vec<f32>> {
    all.iter()
        .map(|text| vec![text.len() as f32, 0.25, -0.5])
        .collect()
}

/// OpenAI's answer, the vectors in another order than the texts.
fn openai_answer(body: &Value) -> Reply {
    let input = body["input"].as_array().unwrap();
    let data: Vec<Value> = input
        .iter()
        .enumerate()
        .rev()
        .map(|(index, text)| json!({ "object": "embedding", "index": index, "embedding": vector(text) }))
        .collect();
    let tokens = input.len() * 5;
    Reply::json(
        200,
        &json!({
            "object": "list",
            "data": data,
            "model": "text-embedding-3-small",
            "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
        }),
    )
}

fn openai(server: &FakeServer) -> embed::Builder<embed::OpenAi> {
    embed::openai("text-embedding-3-small")
        .base_url(server.url())
        .api_key(KEY)
}

async fn ask(embedder: &Arc<dyn Embedder>, all: &[&str]) -> Vec<Vec<f32>> {
    embedder
        .embed(&texts(all), &Call::default())
        .await
        .unwrap()
        .vectors
}

#[tokio::test]
async fn openai_and_what_is_compatible() {
    let server = FakeServer::programmed(|_, body| openai_answer(body));
    let embedder = openai(&server).dimensions(3).extra("user", "u1").build().unwrap();
    let done = embedder
        .embed(&texts(&["a", "bb", "ccc"]), &Call::default())
        .await
        .unwrap();
    assert_eq!(done.vectors, vectors(&["a", "bb", "ccc"]));
    assert_eq!(done.usage.input_tokens, Some(15));
    assert_eq!((done.usage.output_tokens, done.usage.cost_usd), (Some(0), None));
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/v1/embeddings");
    assert_eq!(
        seen.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(
        seen.bytes,
        r#"{"model":"text-embedding-3-small","input":["a","bb","ccc"],"encoding_format":"float","dimensions":3,"user":"u1"}"#
    );
}

#[tokio::test]
async fn gemini() {
    let server = FakeServer::programmed(|_, body| {
        let requests = body["requests"].as_array().unwrap();
        let embeddings: Vec<Value> = requests
            .iter()
            .map(|request| json!({ "values": vector(&request["content"]["parts"][0]["text"]) }))
            .collect();
        Reply::json(
            200,
            &json!({ "embeddings": embeddings, "usageMetadata": { "promptTokenCount": 7 } }),
        )
    });
    let embedder = embed::gemini("gemini-embedding-001")
        .base_url(server.url())
        .api_key(KEY)
        .purpose(Purpose::Query)
        .dimensions(3)
        .build()
        .unwrap();
    assert_eq!(embedder.name(), "gemini/gemini-embedding-001");
    let done = embedder
        .embed(&texts(&["a", "bb"]), &Call::default())
        .await
        .unwrap();
    assert_eq!(
        (done.vectors, done.usage.input_tokens),
        (vectors(&["a", "bb"]), Some(7))
    );
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/v1/models/gemini-embedding-001:batchEmbedContents");
    assert_eq!(seen.header("x-goog-api-key"), Some(KEY));
    let request = |text: &str| {
        json!({
            "model": "models/gemini-embedding-001",
            "content": { "parts": [{ "text": text }] },
            "taskType": "RETRIEVAL_QUERY",
            "outputDimensionality": 3,
        })
    };
    assert_eq!(seen.body, json!({ "requests": [request("a"), request("bb")] }));
    let many: Vec<String> = (0..250).map(|n| "x".repeat(n % 7 + 1)).collect();
    let done = embedder.embed(&many, &Call::default()).await.unwrap();
    let lengths: Vec<usize> = done.vectors.iter().map(|vector| vector[0] as usize).collect();
    assert_eq!(lengths, many.iter().map(String::len).collect::<Vec<_>>());
    assert_eq!(server.requests(), 4, "250 texts are three requests");
}

#[tokio::test]
async fn cohere() {
    let server = FakeServer::programmed(|_, body| {
        let float: Vec<Value> = body["texts"].as_array().unwrap().iter().map(vector).collect();
        let meta = json!({ "api_version": { "version": "2" }, "billed_units": { "input_tokens": 9 } });
        Reply::json(
            200,
            &json!({ "id": "da6e531f", "embeddings": { "float": float }, "texts": body["texts"], "meta": meta }),
        )
    });
    let build = |purpose: Option<Purpose>| {
        let builder = embed::cohere("embed-v4.0").base_url(server.url()).api_key(KEY);
        match purpose {
            Some(purpose) => builder.purpose(purpose),
            None => builder,
        }
        .build()
        .unwrap()
    };
    let done = build(Some(Purpose::Query))
        .embed(&texts(&["a", "bb"]), &Call::default())
        .await
        .unwrap();
    assert_eq!(
        (done.vectors, done.usage.input_tokens),
        (vectors(&["a", "bb"]), Some(9))
    );
    ask(&build(None), &["a"]).await;
    let seen = server.seen();
    assert_eq!(seen[0].path, "/v1/embed");
    assert_eq!(
        seen[0].bytes,
        r#"{"model":"embed-v4.0","texts":["a","bb"],"input_type":"search_query","embedding_types":["float"]}"#
    );
    assert_eq!(seen[1].body["input_type"], "search_document");
}

#[tokio::test]
async fn many_texts_keep_their_order_and_few_requests_are_in_flight() {
    let server = FakeServer::programmed(|n, body| {
        // The first are the slowest.
        let slow = std::time::Duration::from_millis(60_u64.saturating_sub(10 * n as u64));
        openai_answer(body).after(slow)
    });
    let embedder = openai(&server).batch(3).concurrency(2).build().unwrap();
    let all: Vec<String> = (1..=20).map(|n| "x".repeat(n)).collect();
    let done = embedder.embed(&all, &Call::default()).await.unwrap();
    let lengths: Vec<usize> = done.vectors.iter().map(|vector| vector[0] as usize).collect();
    assert_eq!(lengths, (1..=20).collect::<Vec<_>>());
    assert_eq!(done.usage.input_tokens, Some(100));
    assert_eq!((server.requests(), server.most_in_flight()), (7, 2));
}

#[tokio::test]
async fn what_it_costs_counts_and_what_is_kept_costs_nothing() {
    let server = FakeServer::programmed(|_, body| openai_answer(body));
    let prices = Prices::none().with("openai/text-embedding-3-small", Price::new(0.02, 0.0));
    let embedder = Cached::new(openai(&server).prices(prices).batch(2).build().unwrap(), 100);
    let meter = Meter::new(Budget::calls(10));
    let call = Call {
        meter: Some(meter.clone()),
        ..Call::default()
    };
    for _ in 0..3 {
        let done = embedder
            .embed(&texts(&["a", "bb", "ccc", "a"]), &call)
            .await
            .unwrap();
        assert_eq!(done.vectors, vectors(&["a", "bb", "ccc", "a"]));
    }
    let spent = meter.spent();
    assert_eq!((spent.calls, spent.tokens, server.requests()), (2, 15, 2));
    assert!((spent.usd - 15.0 * 0.02 / 1e6).abs() < 1e-9, "{}", spent.usd);
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again_and_another_is_typed() {
    let server = FakeServer::programmed(|n, body| match n {
        0 => Reply::server_error().header("retry-after-ms", "5"),
        1 => openai_answer(body),
        _ => Reply::error(
            401,
            "invalid_request_error",
            "invalid_api_key",
            &format!("Incorrect API key: {KEY}"),
        ),
    });
    let embedder = openai(&server).build().unwrap();
    assert_eq!(ask(&embedder, &["a"]).await, vectors(&["a"]));
    let error = embedder
        .embed(&texts(&["a"]), &Call::default())
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (LmErrorKind::Auth, 1));
    assert_eq!(error.model(), "openai/text-embedding-3-small");
    assert!(!format!("{error} {error:?} {embedder:?}").contains(KEY));
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    for (status, body, kind) in [
        (200, json!({ "object": "list" }), LmErrorKind::Decode),
        (
            200,
            json!({ "data": [{ "embedding": [1.0] }, { "embedding": [2.0] }] }),
            LmErrorKind::Decode,
        ),
        (
            400,
            json!({ "message": "texts must not be empty" }),
            LmErrorKind::InvalidRequest,
        ),
    ] {
        let server = FakeServer::scripted([Reply::json(status, &body)]);
        let embedder = openai(&server).attempts(1).build().unwrap();
        let error = embedder
            .embed(&texts(&["a"]), &Call::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let server = FakeServer::scripted([Reply::bytes(200, "<html>hello</html>")]);
    let embedder = openai(&server).attempts(1).build().unwrap();
    let error = embedder
        .embed(&texts(&["a"]), &Call::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Decode);
    assert!(error.message().contains("hello"), "{error}");
    let error = openai(&server).base_url("nowhere").build().unwrap_err();
    assert_eq!(
        (error.kind(), error.model()),
        (LmErrorKind::InvalidRequest, "openai/text-embedding-3-small")
    );
}

#[tokio::test]
async fn dropping_a_call_closes_its_connections() {
    let server =
        FakeServer::programmed(|_, body| openai_answer(body).after(std::time::Duration::from_secs(60)));
    let embedder = openai(&server).batch(1).concurrency(2).build().unwrap();
    let all = texts(&["a", "b", "c"]);
    let call = Call::default();
    tokio::select! {
        _ = embedder.embed(&all, &call) => panic!("the server is slower than that"),
        () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {}
    }
    assert!(server.saw_disconnects(2).await);
    assert_eq!(server.requests(), 2);
}
