//! OpenAI's chat completions, and what calls itself compatible with them.
//!
//! What is sent and read, part by part:
//!
//! | Dictum | on the wire |
//! |---|---|
//! | text, image (inline or address), audio (inline), file (inline or id) | content parts |
//! | tool calls, tool results | `tool_calls`, messages of role `tool` |
//! | reasoning | `reasoning_content` or `reasoning` is read; sent back to servers other than OpenAI's own, which refuses it |
//! | [`ResponseFormat`](dictum_core::lm::ResponseFormat) | `response_format`; a schema is narrowed to the strict subset where it can be |
//! | `max_tokens` | `max_completion_tokens` for OpenAI's reasoning models |
//! | `temperature`, `top_p` | left out for OpenAI's reasoning models, which refuse them |
//! | `extra` | merged into the body last; `null` takes a parameter out |

mod builder;
mod error;
mod request;
mod response;
mod schema;
mod stream;

pub use builder::Builder;

use bytes::Bytes;
use dictum_core::lm::{
    Call, Capabilities, LanguageModel, LmError, LmErrorKind, RateLimits, Request, Response, ResponseStream, Settings,
    StreamEvent,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use serde_json::Value;

use self::request::Dialect;
use self::stream::Assembler;
use crate::http::Http;
use crate::sse;

/// A model behind OpenAI's chat completions or what is compatible with them. One attempt per call; see
/// [`layers`](dictum_core::lm::layers) for the rest.
#[derive(Debug)]
pub struct OpenAi {
    /// `openai/` and the model.
    name: String,
    dialect: Dialect,
    settings: Settings,
    capabilities: Capabilities,
    http: Http,
}

impl OpenAi {
    /// Begins a model of this name, at OpenAI's own address unless another is given.
    pub fn builder(model: impl Into<String>) -> Builder {
        Builder::new(model.into())
    }

    fn body(&self, request: &Request, streams: bool) -> Result<Vec<u8>, LmError> {
        let body = request::body(&self.dialect, request, &self.settings, streams)
            .map_err(|error| self.named(error))?;
        serde_json::to_vec(&body).map_err(|error| {
            self.named(
                LmError::new(
                    LmErrorKind::InvalidRequest,
                    "the request can't be written as JSON",
                )
                .with_source(error),
            )
        })
    }

    fn named(&self, error: LmError) -> LmError {
        named(error, &self.name, &self.http)
    }
}

/// An error of this model, without its keys, whatever the server quoted.
fn named(error: LmError, name: &str, http: &Http) -> LmError {
    let message = http.redact(error.message());
    if message == error.message() {
        return error.with_model(name);
    }
    let mut clean = LmError::new(error.kind(), message).with_model(name);
    if let Some(status) = error.status() {
        clean = clean.with_status(status);
    }
    if let Some(wait) = error.retry_after() {
        clean = clean.with_retry_after(wait);
    }
    clean
}

impl LanguageModel for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn rate_limits(&self) -> Option<RateLimits> {
        self.http.rate_limits()
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let body = self.body(request, false)?;
            let answer = self
                .http
                .post(body, error::refused)
                .await
                .map_err(|error| self.named(error))?;
            let payload: Value = serde_json::from_slice(&answer).map_err(|_| {
                let text = self.http.redact(&String::from_utf8_lossy(&answer));
                self.named(error::not_json(&text))
            })?;
            response::response(payload).map_err(|error| self.named(error))
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        _: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let body = self.body(request, true)?;
            let chunks = self
                .http
                .post_streaming(body, error::refused)
                .await
                .map_err(|error| self.named(error))?;
            let (name, http) = (self.name.clone(), self.http.clone());
            let reading = Reading {
                chunks,
                parser: sse::Parser::default(),
                answer: Assembler::default(),
            };
            let batches = streams::unfold(Some(reading), |reading| async move {
                let mut reading = reading?;
                let mut events = Vec::new();
                let result = reading.next(&mut events).await;
                let more = matches!(result, Ok(true));
                let batch = events.into_iter().map(Ok).chain(result.err().map(Err));
                let batch: Vec<Result<StreamEvent, LmError>> = batch.collect();
                Some((streams::iter(batch), more.then_some(reading)))
            });
            let events = batches
                .flatten()
                .map(move |event| event.map_err(|error| named(error, &name, &http)));
            Ok(events.boxed())
        })
    }
}

/// A stream being read.
struct Reading {
    chunks: BoxStream<'static, Result<Bytes, LmError>>,
    parser: sse::Parser,
    answer: Assembler,
}

impl Reading {
    /// Reads on and adds what came, before an error too. False at the end; and the end is the end, also when the server keeps
    /// the connection open after it.
    async fn next(&mut self, out: &mut Vec<StreamEvent>) -> Result<bool, LmError> {
        let mut data = Vec::new();
        let Some(chunk) = self.chunks.next().await else {
            std::mem::take(&mut self.parser).finish(&mut data)?;
            self.answer.take(data, out)?;
            self.answer.finish(out)?;
            return Ok(false);
        };
        let parsed = self.parser.push(&chunk?, &mut data);
        self.answer.take(data, out)?;
        parsed?;
        Ok(!self.answer.is_done())
    }
}
