//! The server on loopback with models that are made up, asked by Dictum's own OpenAI dialect and by bare bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dictum_core::embed::{Embedder, Embeddings};
use dictum_core::lm::{
    Call, Capabilities, FinishReason, LanguageModel, Lm, LmError, LmErrorKind, Message, Request, Response,
    ResponseFormat, ResponseStream, StreamEvent, Usage,
};
use dictum_providers::Providers as _;
use dictum_testkit::CannedLm;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::models::Models;
use super::routes::router;

const LIMIT: usize = 10_000;

/// Says what it was asked, from which sample, in pieces.
fn echo() -> CannedLm {
    CannedLm::new(|request| {
        let asked = request
            .messages()
            .last()
            .map(Message::to_text)
            .unwrap_or_default();
        if asked == "too long" {
            return Err(LmError::new(
                LmErrorKind::ContextWindow,
                "the prompt has 9 tokens",
            ));
        }
        let mut response = Response::text(format!("{asked} #{}", request.sample));
        response.usage = Usage {
            input_tokens: Some(5),
            output_tokens: Some(2),
            cached_tokens: Some(3),
            ..Usage::default()
        };
        response.finish = FinishReason::Length;
        Ok(response)
    })
    .keeping_requests()
    .in_pieces(3)
}

/// A model that never ends, and counts the calls under way.
#[derive(Debug, Clone, Default)]
struct Endless(Arc<AtomicUsize>);

struct Running(Arc<AtomicUsize>);

impl Endless {
    fn begin(&self) -> Running {
        self.0.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(&self.0))
    }

    async fn has(&self, running: usize) {
        while self.0.load(Ordering::SeqCst) != running {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl LanguageModel for Endless {
    fn name(&self) -> &str {
        "local/endless"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, _: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let _running = self.begin();
            std::future::pending().await
        })
    }

    fn stream<'a>(&'a self, _: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let events = futures_util::stream::unfold(self.begin(), |running| async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some((Ok(StreamEvent::Text("on and on ".to_owned())), running))
            });
            Ok(Box::pin(events) as ResponseStream)
        })
    }
}

/// A vector of two numbers: how long the text is, and 1.
#[derive(Debug)]
struct Lengths;

impl Embedder for Lengths {
    fn name(&self) -> &str {
        "local/lengths"
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            let usage = Usage {
                input_tokens: Some(texts.len() as u64),
                ..Usage::default()
            };
            let vectors = texts.iter().map(|text| vec![text.len() as f32, 1.0]).collect();
            Ok(Embeddings { vectors, usage })
        })
    }
}

async fn served() -> (SocketAddr, CannedLm, Endless) {
    let (echo, endless) = (echo(), Endless::default());
    let mut models = Models::default();
    models.chat("echo", echo.lm().into_inner());
    models.chat("endless", Arc::new(endless.clone()));
    models.embedder("lengths", 2, Lengths);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router(models, LIMIT)).into_future());
    (at, echo, endless)
}

fn client(at: SocketAddr, model: &str) -> Lm {
    Lm::openai(model)
        .base_url(format!("http://{at}/v1"))
        .build()
        .unwrap()
}

fn user(text: &str) -> Request {
    Request::new(vec![Message::user(text)])
}

/// A request as bytes; the status and the body, which has come whole when the server closes.
async fn bare(at: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = head(method, path, body.len()) + body;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn head(method: &str, path: &str, length: usize) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
}

async fn asked(at: SocketAddr, path: &str, body: Value) -> (u16, Value) {
    let (status, body) = bare(at, "POST", path, &body.to_string()).await;
    (status, serde_json::from_str(&body).expect("JSON"))
}

#[tokio::test]
async fn dictums_own_dialect_gets_the_answer_the_usage_and_the_reason() {
    let (at, echo, _) = served().await;
    let mut request = user("Hello");
    request.settings.temperature = Some(0.7);
    request.settings.seed = Some(11);
    request.settings.stop = vec!["END".to_owned()];
    request.settings.max_tokens = Some(20);
    let format = ResponseFormat::JsonSchema {
        name: "n".to_owned(),
        schema: json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false}),
    };
    request.response_format = Some(Arc::new(format.clone()));
    let answer = client(at, "echo")
        .complete(&request, &Call::default())
        .await
        .unwrap();
    assert_eq!(answer.to_text(), "Hello #0");
    assert_eq!(answer.finish, FinishReason::Length);
    assert_eq!(
        (
            answer.usage.input_tokens,
            answer.usage.cached_tokens,
            answer.usage.output_tokens
        ),
        (Some(5), Some(3), Some(2))
    );
    let got = &echo.requests()[0];
    assert_eq!(got.settings, request.settings);
    assert_eq!(got.response_format.as_deref(), Some(&format));
}

#[tokio::test]
async fn a_stream_is_the_same_answer_in_pieces() {
    let (at, ..) = served().await;
    let lm = client(at, "echo");
    let mut events = lm.stream(&user("Hello there"), &Call::default()).await.unwrap();
    let (mut text, mut finished) = (Vec::new(), None);
    while let Some(event) = events.next().await {
        match event.unwrap() {
            StreamEvent::Text(piece) => text.push(piece),
            StreamEvent::Finished(answer) => finished = Some(answer),
            other => panic!("{other:?}"),
        }
    }
    assert!(text.len() > 2, "{text:?}");
    let finished = finished.unwrap();
    assert_eq!(
        (text.concat(), finished.to_text()),
        ("Hello there #0".to_owned(), "Hello there #0".to_owned())
    );
    assert_eq!(finished.finish, FinishReason::Length);
    assert_eq!(finished.usage.output_tokens, Some(2));
}

#[tokio::test]
async fn several_answers_are_several_samples_whole_or_streamed() {
    let (at, ..) = served().await;
    let mut body = json!({"model": "local/echo", "n": 3, "messages": [{"role": "user", "content": "Hi"}]});
    let (status, answer) = asked(at, "/v1/chat/completions", body.clone()).await;
    assert_eq!(status, 200);
    let texts: Vec<_> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| choice["message"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["Hi #0", "Hi #1", "Hi #2"]);
    assert_eq!(
        answer["usage"]["total_tokens"], 11,
        "one prompt of 5 and three answers of 2"
    );

    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let (status, text) = bare(at, "POST", "/v1/chat/completions", &body.to_string()).await;
    assert_eq!(status, 200);
    let (mut streamed, mut total) = (vec![String::new(); 3], Value::Null);
    for json in text.split("data: ").filter_map(|event| {
        let json = event.split('\n').next()?.trim();
        serde_json::from_str::<Value>(json).ok()
    }) {
        match json["choices"].as_array().unwrap().first() {
            Some(choice) => {
                let index = choice["index"].as_u64().unwrap() as usize;
                streamed[index] += choice["delta"]["content"].as_str().unwrap_or_default();
            }
            None => total = json["usage"]["total_tokens"].clone(),
        }
    }
    assert_eq!(streamed, texts);
    assert_eq!(total, 11);
    assert!(text.contains("data: [DONE]"));
}

#[tokio::test]
async fn vectors_come_through_dictums_own_embedder() {
    let (at, ..) = served().await;
    let remote = dictum_providers::embed::openai("lengths")
        .base_url(format!("http://{at}/v1"))
        .build()
        .unwrap();
    let texts = ["a".to_owned(), "four".to_owned()];
    let done = remote.embed(&texts, &Call::default()).await.unwrap();
    assert_eq!(done.vectors, [[1.0, 1.0], [4.0, 1.0]]);
    assert_eq!(done.usage.input_tokens, Some(2));

    let body = json!({"model": "lengths", "input": "a", "dimensions": 3});
    let (status, error) = asked(at, "/v1/embeddings", body).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("dimensions")));
}

#[tokio::test]
async fn the_models_are_listed() {
    let (at, ..) = served().await;
    let (status, body) = bare(at, "GET", "/v1/models", "").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let names: Vec<_> = body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!((status, names), (200, vec!["echo", "endless", "lengths"]));
    assert_eq!(bare(at, "GET", "/v1/models/echo", "").await.0, 200);
    assert_eq!(bare(at, "GET", "/v1/models/other", "").await.0, 404);
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_openai_does() {
    let (at, ..) = served().await;
    let says = |content: &str| json!({"model": "echo", "messages": [{"role": "user", "content": content}]});
    let mut streams = says("too long");
    streams["stream"] = json!(true);
    for (path, body, status, code) in [
        (
            "chat/completions",
            json!({"model": "gpt", "messages": []}).to_string(),
            400,
            Value::Null,
        ),
        (
            "chat/completions",
            says("x").to_string().replace("echo", "gpt"),
            404,
            json!("model_not_found"),
        ),
        // A model of the other kind is none either.
        (
            "chat/completions",
            says("x").to_string().replace("echo", "lengths"),
            404,
            json!("model_not_found"),
        ),
        (
            "chat/completions",
            says("too long").to_string(),
            400,
            json!("context_length_exceeded"),
        ),
        (
            "chat/completions",
            streams.to_string(),
            400,
            json!("context_length_exceeded"),
        ),
        ("chat/completions", "{".to_owned(), 400, Value::Null),
        ("chat/completions", String::new(), 400, Value::Null),
        (
            "chat/completions",
            says(&"x".repeat(LIMIT)).to_string(),
            413,
            Value::Null,
        ),
        ("completions", "{}".to_owned(), 404, Value::Null),
    ] {
        let (found, text) = bare(at, "POST", &format!("/v1/{path}"), &body).await;
        let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: no JSON: {text}"));
        assert_eq!((found, &error["error"]["code"]), (status, &code), "{error}");
        assert_eq!(error["error"]["type"], "invalid_request_error");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
    let error = client(at, "echo")
        .complete(&user("too long"), &Call::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::ContextWindow, "{error}");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_what_is_computed_for_it() {
    let (at, _, endless) = served().await;
    for stream in [false, true] {
        let body = json!({"model": "endless", "n": 2, "stream": stream, "messages": [{"role": "user", "content": "x"}]});
        let body = body.to_string();
        let mut connection = TcpStream::connect(at).await.unwrap();
        let request = head("POST", "/v1/chat/completions", body.len()) + &body;
        connection.write_all(request.as_bytes()).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), endless.has(2))
            .await
            .expect("both run");
        if stream {
            let mut some = [0; 500];
            connection.read_exact(&mut some).await.unwrap();
        }
        drop(connection);
        tokio::time::timeout(Duration::from_secs(10), endless.has(0))
            .await
            .expect("both ended");
    }
}
