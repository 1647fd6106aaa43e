//! What the fake server answers.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

use super::Watch;
use super::dialects::Dialect;
use super::garble::Garble;

/// One reply of the [`FakeServer`](super::FakeServer).
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    content: Content,
    /// Before the headers.
    delay: Duration,
    /// Between the chunks of the body.
    pace: Duration,
    fault: Option<Fault>,
    garble: Option<Garble>,
}

/// What ends a body before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// After this many chunks (or, of a whole body, this many bytes) the connection breaks.
    Reset(usize),
    /// After as much, nothing more comes, and the connection stays open.
    Stall(usize),
}

#[derive(Debug, Clone)]
enum Content {
    Chat(Chat),
    /// These bytes, whatever was asked.
    Bytes(Bytes),
    /// These chunks, whatever was asked.
    Chunks(Vec<Bytes>),
    /// So many bytes of nothing, whatever was asked, with their number told beforehand or not.
    Long(usize, bool),
}

/// A model's answer, sent whole or as a stream, as the request asks.
#[derive(Debug, Clone)]
pub struct Chat {
    /// The text; `None` for none, as with tool calls alone.
    pub text: Option<String>,
    /// Reasoning, sent as `reasoning_content`.
    pub reasoning: Option<String>,
    /// A refusal.
    pub refusal: Option<String>,
    /// Id, name and arguments (JSON, as text) of each tool call.
    pub tool_calls: Vec<(String, String, String)>,
    /// The finish reason.
    pub finish: String,
    /// Tokens in, of them cached, out, of them reasoning. `None`: counted from the texts, four characters to a token.
    pub usage: Option<[u64; 4]>,
}

impl Chat {
    /// An answer of this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            reasoning: None,
            refusal: None,
            tool_calls: Vec::new(),
            finish: "stop".to_owned(),
            usage: None,
        }
    }

    /// An answer that calls these tools: id, name, arguments as JSON text.
    #[must_use]
    pub fn tools(calls: &[(&str, &str, &str)]) -> Self {
        let own = |(id, name, arguments): &(&str, &str, &str)| {
            ((*id).to_owned(), (*name).to_owned(), (*arguments).to_owned())
        };
        Self {
            text: None,
            tool_calls: calls.iter().map(own).collect(),
            finish: "tool_calls".to_owned(),
            ..Self::text("")
        }
    }
}

impl From<Chat> for Reply {
    fn from(chat: Chat) -> Self {
        Self::of(200, Content::Chat(chat))
    }
}

impl Reply {
    fn of(status: u16, content: Content) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content,
            delay: Duration::ZERO,
            pace: Duration::ZERO,
            fault: None,
            garble: None,
        }
    }

    /// An answer of this text.
    pub fn text(text: impl Into<String>) -> Self {
        Chat::text(text).into()
    }

    /// These bytes, whatever was asked, with this status; of type `application/json` unless a header says otherwise.
    pub fn bytes(status: u16, bytes: impl Into<Bytes>) -> Self {
        Self::of(status, Content::Bytes(bytes.into()))
    }

    /// This JSON, whatever was asked, with this status.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, body.to_string())
    }

    /// These chunks of an event stream, whatever was asked.
    pub fn chunks(chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        let chunks = chunks.into_iter().map(Into::into).collect();
        Self::of(200, Content::Chunks(chunks)).header("content-type", "text/event-stream")
    }

    /// These chunks of an AWS event stream, whatever was asked; see [`event_frame`](super::event_frame).
    pub fn frames(chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self::chunks(chunks).header("content-type", "application/vnd.amazon.eventstream")
    }

    /// So many bytes of nothing, whatever was asked; `told` when their number is to stand in the headers.
    #[must_use]
    pub fn long(bytes: usize, told: bool) -> Self {
        Self::of(200, Content::Long(bytes, told))
    }

    /// An error as OpenAI documents it. An empty code is `null`.
    #[must_use]
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let code = if code.is_empty() { Value::Null } else { json!(code) };
        Self::json(
            status,
            &json!({ "error": { "message": message, "type": kind, "param": null, "code": code } }),
        )
    }

    /// Too many requests; come back after so many seconds.
    #[must_use]
    pub fn rate_limited(seconds: &str) -> Self {
        let message =
            "Rate limit reached for gpt-5-mini on requests per min (RPM): Limit 3, Used 3, Requested 1.";
        Self::error(429, "requests", "rate_limit_exceeded", message).header("retry-after", seconds)
    }

    /// No credit left: also status 429, and not to be waited for.
    #[must_use]
    pub fn out_of_quota() -> Self {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        Self::error(429, "insufficient_quota", "insufficient_quota", message)
    }

    /// The server failed.
    #[must_use]
    pub fn server_error() -> Self {
        let message = "The server had an error while processing your request. Sorry about that!";
        Self::error(500, "server_error", "", message)
    }

    /// A proxy's page in place of an answer.
    #[must_use]
    pub fn bad_gateway() -> Self {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
        Self::bytes(502, page).header("content-type", "text/html")
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With so much time before the headers.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// With so much time between the chunks of a stream.
    #[must_use]
    pub fn paced(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// With a body that does not come to its end.
    #[must_use]
    pub fn broken(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// With a body that comes whole and is not what it should be.
    #[must_use]
    pub fn garbled(mut self, garble: Garble) -> Self {
        self.garble = Some(garble);
        self
    }

    pub(crate) async fn respond(
        self,
        number: usize,
        path: &str,
        request: &Value,
        mut watch: Watch,
    ) -> Response {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let dialect = Dialect::of(path);
        let mut streams = dialect.streams(path, request);
        if self.garble == Some(Garble::OtherForm) {
            streams = !streams;
        }
        let mut length = None;
        let (media_type, chunks) = match self.content {
            Content::Chat(chat) if streams => {
                let mut chunks = dialect.chunks(&chat, number, request);
                if let Some(garble) = self.garble {
                    garble.chunks(&mut chunks);
                }
                let chunks = chunks.into_iter().map(|chunk| chunk.bytes).collect();
                (dialect.stream_type(), chunks)
            }
            Content::Chat(chat) => {
                let mut whole = dialect.whole(&chat, number, request);
                if let Some(garble) = self.garble {
                    whole = garble.whole(whole);
                }
                ("application/json", vec![whole])
            }
            Content::Bytes(bytes) => ("application/json", vec![bytes]),
            Content::Chunks(chunks) => ("text/event-stream", chunks),
            // One piece many times over: the server's memory is not what is tried.
            Content::Long(bytes, told) => {
                length = told.then_some(bytes.div_ceil(1 << 16) << 16);
                let piece = Bytes::from_static(&[b' '; 1 << 16]);
                ("application/json", vec![piece; bytes.div_ceil(1 << 16)])
            }
        };
        let body = match (self.fault, <[Bytes; 1]>::try_from(chunks)) {
            (None, Ok([whole])) => {
                watch.done();
                Body::from(whole)
            }
            (fault, Ok([whole])) => {
                let cut = match fault {
                    Some(Fault::Reset(at) | Fault::Stall(at)) => at.min(whole.len()),
                    None => whole.len(),
                };
                // In two pieces, so that the first is sent before the fault.
                let fault = fault.map(|fault| match fault {
                    Fault::Reset(_) => Fault::Reset(1),
                    Fault::Stall(_) => Fault::Stall(1),
                });
                paced(
                    vec![whole.slice(..cut), whole.slice(cut..)],
                    self.pace,
                    fault,
                    watch,
                )
            }
            (fault, Err(chunks)) => paced(chunks, self.pace, fault, watch),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if let Some((name, value)) = self.garble.and_then(Garble::header) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn paced(chunks: Vec<Bytes>, pace: Duration, fault: Option<Fault>, watch: Watch) -> Body {
    let state = Some((chunks.into_iter(), 0, watch));
    Body::from_stream(stream::unfold(state, move |state| async move {
        let (mut chunks, sent, mut watch) = state?;
        match fault {
            Some(Fault::Stall(at)) if sent >= at => std::future::pending().await,
            Some(Fault::Reset(at)) if sent >= at => {
                watch.done();
                // What came before is to reach the client; an error at once would take it along.
                tokio::time::sleep(Duration::from_millis(10)).await;
                let error = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "told to break");
                return Some((Err(error), None));
            }
            _ => {}
        }
        if sent > 0 && !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
        match chunks.next() {
            Some(chunk) => Some((Ok(chunk), Some((chunks, sent + 1, watch)))),
            None => {
                watch.done();
                None
            }
        }
    }))
}
