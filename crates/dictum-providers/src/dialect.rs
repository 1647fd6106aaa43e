//! What a wire dialect is: the pure mappings that [`Remote`](crate::Remote) needs, and nothing that reads or sends.

use std::fmt::Debug;
use std::time::SystemTime;

use dictum_core::lm::{Capabilities, LmError, Request, Response, Settings, StreamEvent};
use http::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::Secret;
use crate::json::Json;
use crate::refusal::Refusal;

/// A wire dialect, set up for one model: how calls are written and answers read. All of it is pure.
pub(crate) trait Dialect: Debug + Send + Sync + Sized + 'static {
    /// The provider's name, the part of the model's name before the slash, unless the builder is told another.
    const PROVIDER: &'static str;
    /// The environment variable that usually holds the key.
    const KEY_VARIABLE: &'static str;
    /// Headers that every call has and that are no secret.
    const HEADERS: &'static [(&'static str, &'static str)] = &[];

    /// The body of a call. It may borrow from the request: prompts are long, and the same for many calls.
    type Body<'a>: Serialize;
    /// How the bytes of a stream are cut into frames.
    type Framing: Framing;
    /// What puts a streamed answer together.
    type Assembler: Assemble<Frame = <Self::Framing as Framing>::Frame>;

    /// The model, as the provider calls it.
    fn model(&self) -> &str;

    /// The address that calls go to unless the builder is given another.
    fn base_url(&self) -> String;

    /// What the builder sets that makes this model send another body for the same request, and so give another answer. What is
    /// told by the address, the model's name or its default settings is not named again.
    fn options(&self) -> Value {
        Value::Null
    }

    /// Told the address that is used, before anything else is asked: some servers of a dialect take more than others.
    fn at(&mut self, _base: &Url) {}

    /// Where calls are posted, whole or streaming. The path of `base` does not end with a slash; its query is to be kept.
    fn endpoint(&self, base: Url, streams: bool) -> Url;

    /// The header that carries a key.
    fn authorize(key: &Secret) -> (&'static str, Secret) {
        ("authorization", Secret::new(format!("Bearer {}", key.expose())))
    }

    /// What the model can do, as far as the dialect knows and the builder is not told otherwise. Tools are the builder's.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// The body of a call. `settings` stand in place of the request's: they are merged with the model's own, and what the
    /// model was learned to refuse is gone.
    ///
    /// # Errors
    /// [`LmErrorKind::Unsupported`](dictum_core::lm::LmErrorKind::Unsupported) for what the dialect has no form for.
    fn body<'a>(
        &'a self,
        request: &'a Request,
        settings: &Settings,
        streams: bool,
    ) -> Result<Self::Body<'a>, LmError>;

    /// Adds headers that depend on the very bytes that are sent, such as a signature.
    ///
    /// # Errors
    /// What can't be signed.
    fn sign(&self, _outgoing: &mut Outgoing<'_>) -> Result<(), LmError> {
        Ok(())
    }

    /// Reads a whole answer. The payload itself is kept by the caller.
    ///
    /// # Errors
    /// The error it holds in place of an answer, or [`LmErrorKind::Decode`](dictum_core::lm::LmErrorKind::Decode).
    fn response<J: Json>(&self, payload: &J) -> Result<Response, LmError>;

    /// Reads a refusal: a status other than success.
    fn refused(refusal: &Refusal) -> LmError;

    /// What reads one stream.
    fn assembler(&self) -> Self::Assembler;
}

/// A call that is about to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) url: &'a Url,
    /// All headers but those that HTTP itself adds (`host`, `content-length`).
    pub(crate) headers: &'a mut HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) now: SystemTime,
}

/// Cuts the bytes of a stream into frames, however they come.
pub(crate) trait Framing: Default + Send + 'static {
    /// One frame: an event, a message.
    type Frame: Send;

    /// Takes more bytes and adds the frames that are whole now, those before a bad one too.
    ///
    /// # Errors
    /// Bytes that are no frame, or a frame longer than memory should hold.
    fn push(&mut self, bytes: &[u8], frames: &mut Vec<Self::Frame>) -> Result<(), LmError>;

    /// The end of the bytes.
    ///
    /// # Errors
    /// As `push`.
    fn finish(&mut self, frames: &mut Vec<Self::Frame>) -> Result<(), LmError>;
}

/// Puts a streamed answer together.
pub(crate) trait Assemble: Send + 'static {
    /// What it takes.
    type Frame;

    /// Takes a frame and adds the events it brings; what came before an error is not lost. Not called once it is done.
    ///
    /// # Errors
    /// The error the frame holds, or that it can't be read.
    fn frame(&mut self, frame: Self::Frame, out: &mut Vec<StreamEvent>) -> Result<(), LmError>;

    /// The connection has ended before [`Assemble::is_done`]: fine if the answer is whole, which it adds then.
    ///
    /// # Errors
    /// [`LmErrorKind::Transport`](dictum_core::lm::LmErrorKind::Transport) when something is missing; see [`cut_off`].
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError>;

    /// Whether [`StreamEvent::Finished`] was given. Nothing is read after that.
    fn is_done(&self) -> bool;
}
