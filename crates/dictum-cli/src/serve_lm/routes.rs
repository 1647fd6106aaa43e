//! The addresses, and what happens at each.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use dictum_core::embed::Embedder as _;
use dictum_core::lm::{Call, LanguageModel, LmError, Request, ResponseStream, StreamEvent, Usage};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};

use super::answer::Head;
use super::chat::Chat;
use super::embeddings::Texts;
use super::error::ApiError;
use super::models::Models;

struct Shared {
    models: Models,
    started: u64,
    answers: AtomicU64,
}

type Served = State<Arc<Shared>>;
type Answered = Result<Response, ApiError>;
type Received = Result<Bytes, BytesRejection>;

/// The whole server, but for the socket. `limit` is the most bytes of a body.
pub fn router(models: Models, limit: usize) -> Router {
    let shared = Shared {
        models,
        started: now(),
        answers: AtomicU64::new(0),
    };
    Router::new()
        .route("/v1/models", get(list))
        .route("/v1/models/{name}", get(one))
        .route("/v1/chat/completions", post(complete))
        .route("/v1/embeddings", post(embed))
        .route("/health", get(|| async { written(&json!({"status": "ok"})) }))
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .layer(DefaultBodyLimit::max(limit))
        .with_state(Arc::new(shared))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

fn written(json: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

fn received(body: Received) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| {
        let message = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                "the body is larger than this server takes; --max-body-mb says how much that is".to_owned()
            }
            _ => rejection.body_text(),
        };
        ApiError::new(rejection.status(), message)
    })
}

async fn nowhere(method: Method, uri: Uri) -> ApiError {
    let known = "GET /v1/models, POST /v1/chat/completions, POST /v1/embeddings";
    let message = format!("there is no {method} {}; there are {known}", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, message)
}

fn described(name: &str, shared: &Shared) -> Value {
    json!({"id": name, "object": "model", "created": shared.started, "owned_by": "local"})
}

async fn list(State(shared): Served) -> Response {
    let rows: Vec<Value> = shared
        .models
        .names()
        .map(|name| described(name, &shared))
        .collect();
    written(&json!({"object": "list", "data": rows}))
}

async fn one(State(shared): Served, axum::extract::Path(name): axum::extract::Path<String>) -> Answered {
    let known = shared.models.names().collect::<Vec<_>>();
    if known.contains(&name.as_str()) {
        return Ok(written(&described(&name, &shared)));
    }
    Err(ApiError::model(&name, &known.join(", ")))
}

async fn embed(State(shared): Served, body: Received) -> Answered {
    let asked = Texts::read(&received(body)?)?;
    let embeds = shared.models.find_embedder(&asked.model)?;
    if asked.dimensions.is_some_and(|length| length != embeds.dimension) {
        let message = format!(
            "`{}` makes vectors of {} numbers only",
            asked.model, embeds.dimension
        );
        return Err(ApiError::unsupported("dimensions", message));
    }
    let done = embeds.model.embed(&asked.texts, &Call::default()).await?;
    Ok(written(&asked.answer(&done)))
}

async fn complete(State(shared): Served, body: Received) -> Answered {
    let chat = Chat::read(&received(body)?)?;
    let model = shared.models.find_chat(&chat.model)?;
    let number = shared.answers.fetch_add(1, Ordering::Relaxed);
    let head = Head {
        id: format!("chatcmpl-{:x}-{number:x}", shared.started),
        created: now(),
        model: chat.model.clone(),
    };
    if chat.stream {
        return streamed(&chat, &*model, head).await;
    }
    let requests: Vec<Request> = samples(&chat).collect();
    let call = Call::default();
    let answers = requests.iter().map(|request| model.complete(request, &call));
    let answers = futures_util::future::try_join_all(answers).await?;
    Ok(written(&head.whole(&answers)))
}

/// The request, once for each answer.
fn samples(chat: &Chat) -> impl Iterator<Item = Request> {
    (0..chat.answers).map(|sample| Request {
        sample,
        ..chat.request.clone()
    })
}

/// What can go wrong before the first word is told by the status.
async fn streamed(chat: &Chat, model: &dyn LanguageModel, head: Head) -> Answered {
    let requests: Vec<Request> = samples(chat).collect();
    let call = Call::default();
    let begun = requests.iter().map(|request| async {
        let mut answer = model.stream(request, &call).await?;
        let first = answer.next().await.transpose()?;
        Ok::<ResponseStream, LmError>(Box::pin(stream::iter(first.map(Ok)).chain(answer)))
    });
    let answers = futures_util::future::try_join_all(begun).await?;
    let answers = (0..chat.answers).zip(answers);
    let answers = answers.map(|(index, answer)| answer.map(move |event| (index, event)));
    let usage = chat.stream_usage;
    let begin = |index| event(&head.piece(index, json!({"role": "assistant", "content": ""}), None));
    let begun: Vec<String> = (0..chat.answers).map(begin).collect();
    let pieces = pieces(stream::select_all(answers), head, usage);
    let events = stream::iter(begun).chain(pieces).map(Ok::<_, Infallible>);
    let heads = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((heads, Body::from_stream(events)).into_response())
}

/// Server-sent events of what the models say, and the end.
fn pieces(
    answers: impl Stream<Item = (u64, Result<StreamEvent, LmError>)> + Send + Unpin,
    head: Head,
    usage: bool,
) -> impl Stream<Item = String> + Send {
    struct Going<S> {
        answers: S,
        head: Head,
        usages: Vec<Usage>,
    }
    let going = Going {
        answers,
        head,
        usages: Vec::new(),
    };
    stream::unfold(Some(going), move |going| async move {
        let mut going = going?;
        loop {
            let text = match going.answers.next().await {
                Some((index, Ok(StreamEvent::Text(text)))) => {
                    event(&going.head.piece(index, json!({"content": text}), None))
                }
                Some((index, Ok(StreamEvent::Finished(answer)))) => {
                    going.usages.push(answer.usage);
                    event(&going.head.piece(index, json!({}), Some(&answer.finish)))
                }
                // The models in process neither reason apart from their text nor call tools.
                Some((_, Ok(_))) => continue,
                Some((_, Err(error))) => {
                    // The status is sent already. Without the usual end no client takes this for a whole answer.
                    return Some((event(&ApiError::from(error).body()), None));
                }
                None => {
                    let total = usage.then(|| event(&going.head.total(going.usages.iter())));
                    let end = format!("{}data: [DONE]\n\n", total.unwrap_or_default());
                    return Some((end, None));
                }
            };
            return Some((text, Some(going)));
        }
    })
}

fn event(json: &Value) -> String {
    format!("data: {json}\n\n")
}
