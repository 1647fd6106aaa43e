//! Calling models: typed requests and responses, and the trait every model and every layer implements.
//!
//! A [`Lm`] is a handle to a model behind any number of layers ([`layers`]): cache, retry, record and replay, and so on.
//! Budgets are not a layer one can forget: [`Lm::new`] meters every physical call against the budgets of the
//! [`Call`] it is made for.

mod budget;
mod digest;
mod error;
mod estimate;
mod handle;
pub mod layers;
mod media;
mod message;
mod offline;
mod payload;
mod rate_limits;
mod request;
mod response;
mod shape;

pub use budget::{Budget, Meter, Spent};
pub use digest::Digest;
pub use error::{LmError, LmErrorKind};
pub use handle::{Layer, Lm};
pub use media::{Media, MediaData};
pub use message::{Message, Part, Role};
pub use offline::Offline;
pub use payload::Payload;
pub use rate_limits::{Allowance, RateLimits};
pub use request::{Prefix, Request, ResponseFormat, Settings, ToolChoice, ToolSpec};
pub use response::{FinishReason, Response, ResponseStream, Source, StreamEvent, Usage};
pub use shape::{OutputShape, Piece};

use std::fmt;
use std::time::Instant;

use futures_util::future::BoxFuture;

/// A language model, or a layer around one.
///
/// Object safe. Implementations do one attempt of one call: retries, caching, limits and timeouts are layers.
/// Dropping a returned future or stream must cancel the call.
pub trait LanguageModel: Send + Sync + fmt::Debug {
    /// Which model this is, as `provider/model`: part of cache keys, traces and errors. Never holds a key or address.
    fn name(&self) -> &str;

    /// What the model can do beside text in, text out.
    fn capabilities(&self) -> Capabilities;

    /// What tells this model's answers from those of another of the same [`name`](LanguageModel::name): the digest of its address
    /// and default settings, say. Part of what a cache keys on, so that two servers or two sets of defaults never serve each
    /// other's answers. `None`, the default, when the name says all.
    fn variant(&self) -> Option<Digest> {
        None
    }

    /// The settings it gives to calls that don't say otherwise. A cassette keys on what holds for a call in the end, so that a
    /// recording fits whatever part of it stood in the request and whatever in the model. `None`, the default, for none.
    fn default_settings(&self) -> Option<&Settings> {
        None
    }

    /// What its provider last said is left of its limits, if it says so. Layers hand on what the model beneath says.
    fn rate_limits(&self) -> Option<RateLimits> {
        None
    }

    /// Makes one call and waits for the whole answer.
    ///
    /// # Errors
    /// A typed [`LmError`] that says whether trying again can help.
    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>>;

    /// Makes one call and gives the answer piece by piece. The last event is [`StreamEvent::Finished`].
    ///
    /// The default waits for [`LanguageModel::complete`] and gives its text in one piece.
    ///
    /// # Errors
    /// As `complete`; an error after the first event comes as the stream's last item.
    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move { Ok(response::replayed(self.complete(request, call).await?)) })
    }
}

/// What a model can do beside text in, text out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// It can be held to a JSON schema ([`ResponseFormat::JsonSchema`]).
    pub json_schema: bool,
    /// It can be held to some JSON object ([`ResponseFormat::JsonObject`]).
    pub json_object: bool,
    /// It decodes under [`Request::output`], so the answer's layout is certain.
    pub output_shape: bool,
    /// It takes tools ([`Request::tools`]).
    pub tools: bool,
    /// Context window in tokens, where known.
    pub context_window: Option<u32>,
}

impl Capabilities {
    /// The same with these abilities to be held to JSON: some object, a schema.
    #[must_use]
    pub fn with_json(mut self, object: bool, schema: bool) -> Self {
        self.json_object = object;
        self.json_schema = schema;
        self
    }

    /// The same, decoding under [`Request::output`].
    #[must_use]
    pub fn with_output_shape(mut self) -> Self {
        self.output_shape = true;
        self
    }

    /// The same, taking tools.
    #[must_use]
    pub fn with_tools(mut self) -> Self {
        self.tools = true;
        self
    }

    /// The same with a known context window, in tokens.
    #[must_use]
    pub fn with_context_window(mut self, tokens: u32) -> Self {
        self.context_window = Some(tokens);
        self
    }
}

/// Under what terms a call is made. Not part of the request's identity.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The budget the call counts against, with those it stands under.
    pub meter: Option<Meter>,
    /// How caches treat the call.
    pub cache: CachePolicy,
    /// When the call must have ended. Layers and providers give up then with [`LmErrorKind::Timeout`].
    pub deadline: Option<Instant>,
}

/// How caches treat a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CachePolicy {
    /// Read, and write what was not there.
    #[default]
    Use,
    /// Read; never write.
    ReadOnly,
    /// Don't read; write the new answer.
    Refresh,
    /// Neither read nor write.
    Bypass,
}

impl CachePolicy {
    /// Whether an entry may be used.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Self::Use | Self::ReadOnly)
    }

    /// Whether a new answer is kept.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Use | Self::Refresh)
    }
}
