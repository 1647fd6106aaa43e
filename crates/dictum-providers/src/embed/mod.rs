//! Remote embedders, one file per wire form.
//!
//! ```no_run
//! use dictum_core::embed::{Cached, Embedder};
//! use dictum_core::lm::{Call, LmError};
//! use dictum_providers::embed;
//!
//! # async fn example() -> Result<(), LmError> {
//! let embedder = embed::openai("text-embedding-3-small").api_key_from_env()?.build()?;
//! let embedder = Cached::new(embedder, 100_000);
//! let texts = ["one".to_owned(), "two".to_owned()];
//! let vectors = embedder.embed(&texts, &Call::default()).await?.vectors;
//! # Ok(())
//! # }
//! ```
//!
//! | | address | requests of at most | purpose |
//! |---|---|---|---|
//! | [`openai`] and what is compatible | `/embeddings` | 2048 texts | not told |
//! | [`gemini`] | `:batchEmbedContents` | 100 texts | `taskType` |
//! | [`cohere`] | `/embed` (version 2) | 96 texts | `input_type` |
//!
//! [`from_env`] and [`parse`] know embedders by names such as `openai/text-embedding-3-small`; [`SERVICES`] lists whose.
//!
//! What is built is metered, retried and batched ([`dictum_core::embed`] says how), and has its cost from
//! [`Prices`](crate::Prices).

mod builder;
mod cohere;
mod gemini;
mod named;
mod openai;
mod remote;

pub use builder::Builder;
pub use cohere::Cohere;
pub use gemini::Gemini;
pub use named::{Form, Named, SERVICES, Service, from_env, parse};
pub use openai::OpenAi;

use std::fmt::Debug;

use dictum_core::embed::{BatchLimit, Embeddings};
use dictum_core::lm::{LmError, LmErrorKind, Usage};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use crate::Secret;
use crate::refusal::{Refusal, not_json};

/// An embedder behind OpenAI's `/embeddings` or what is compatible with it (vLLM, Ollama, llama-server, Voyage, Jina, Mistral).
pub fn openai(model: impl Into<String>) -> Builder<OpenAi> {
    Builder::new(OpenAi, model.into())
}

/// An embedder behind Google's Gemini API.
pub fn gemini(model: impl Into<String>) -> Builder<Gemini> {
    Builder::new(Gemini, model.into())
}

/// An embedder behind Cohere's API, version 2.
pub fn cohere(model: impl Into<String>) -> Builder<Cohere> {
    Builder::new(Cohere, model.into())
}

/// What the vectors are for. Some models make better ones when they know it: those of documents and those of the queries that
/// are to find them come from two embedders then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Purpose {
    /// Texts to be found.
    #[default]
    Document,
    /// Texts to find others by.
    Query,
    /// Texts to be compared with each other.
    Similarity,
    /// Features for a classifier.
    Classification,
    /// Texts to be grouped.
    Clustering,
}

/// What is asked of a model beside the texts.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) model: String,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) dimensions: Option<u32>,
    pub(crate) extra: Map<String, Value>,
}

/// How a kind of server wants to be asked for vectors. All of it is pure.
pub(crate) trait EmbedDialect: Debug + Send + Sync + 'static {
    /// The provider's name, the part of the embedder's name before the slash.
    const PROVIDER: &'static str;
    /// The environment variable that usually holds the key.
    const KEY_VARIABLE: &'static str;
    /// The provider's own address.
    const BASE_URL: &'static str;
    /// How much one request may hold.
    const LIMIT: BatchLimit;

    /// Where requests are posted. The path of `base` does not end with a slash.
    fn endpoint(model: &str, base: Url) -> Url;

    /// The header that carries a key.
    fn authorize(key: &Secret) -> (&'static str, Secret) {
        ("authorization", Secret::new(format!("Bearer {}", key.expose())))
    }

    /// The body of a request.
    fn body(wanted: &Wanted, texts: &[String]) -> Value;

    /// Reads an answer.
    ///
    /// # Errors
    /// [`LmErrorKind::Decode`] for what is not one.
    fn answer(bytes: &[u8]) -> Result<Embeddings, LmError>;

    /// Reads a refusal.
    fn refused(refusal: &Refusal) -> LmError;
}

/// The tokens of the texts, if the server counted them. What comes out are no tokens.
fn usage(tokens: Option<u64>) -> Usage {
    Usage {
        input_tokens: tokens,
        output_tokens: tokens.map(|_| 0),
        ..Usage::default()
    }
}

/// Reads an answer of this form.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, LmError> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            LmError::new(
                LmErrorKind::Decode,
                format!("the answer holds no vectors: {error}"),
            )
        } else {
            not_json(&String::from_utf8_lossy(bytes))
        }
    })
}
