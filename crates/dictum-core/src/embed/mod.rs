//! Turning texts into vectors.
//!
//! An [`Embedder`] is a model that does so; wrappers, one file each, stand around it like layers around an LM. From the
//! outside in:
//!
//! | wrapper | does |
//! |---|---|
//! | [`Cached`] | keeps vectors in memory |
//! | [`Stored`] | keeps vectors in a store, such as `dictum-cache`'s on disk |
//! | [`Batched`] | cuts many texts into requests that the model takes, several at once |
//! | [`Retried`] | tries a failed request again |
//! | [`Metered`] | counts each request against the budgets it is made under |
//!
//! [`standard`] puts the lower three together; a cache is one's own to add, since it takes memory.

mod batched;
mod cached;
mod metered;
mod retried;
mod stored;

#[cfg(test)]
mod tests;

pub use batched::Batched;
pub use cached::Cached;
pub use metered::Metered;
pub use retried::Retried;
pub use stored::Stored;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::lm::{Call, LmError, Usage};

/// A model that turns texts into vectors, or a wrapper around one.
///
/// Object safe. Implementations make one request, of at most [`Embedder::limit`] texts: cutting, retries and budgets are
/// wrappers. Dropping a returned future must cancel the request.
pub trait Embedder: Send + Sync + fmt::Debug {
    /// Which model this is, as `provider/model`. Never holds a key or address.
    fn name(&self) -> &str;

    /// How much one request may hold. Default: any amount.
    fn limit(&self) -> BatchLimit {
        BatchLimit::default()
    }

    /// Turns texts into vectors, one for each, in their order, all of one length. No texts make no vectors, and no request.
    /// `call` says under which budget and until when.
    ///
    /// # Errors
    /// A typed [`LmError`] that says whether trying again can help. There are all vectors or none.
    fn embed<'a>(&'a self, texts: &'a [String], call: &'a Call)
    -> BoxFuture<'a, Result<Embeddings, LmError>>;
}

/// What an [`Embedder`] gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embeddings {
    /// A vector for each text.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens and money, as far as known; of what was asked now, not of what a cache had.
    pub usage: Usage,
}

/// How much one request to an [`Embedder`] may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// The most texts.
    pub texts: usize,
    /// The most bytes of UTF-8 in all. A text that is longer goes alone: whether it is too long is the model's to say.
    pub bytes: usize,
}

impl Default for BatchLimit {
    fn default() -> Self {
        Self {
            texts: usize::MAX,
            bytes: usize::MAX,
        }
    }
}

impl<E: Embedder + ?Sized> Embedder for Arc<E> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn limit(&self) -> BatchLimit {
        (**self).limit()
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        (**self).embed(texts, call)
    }
}

/// A model in the usual wrappers: each request is counted and, where it helps, tried again, and any number of texts can be
/// given.
pub fn standard(model: impl Embedder) -> Batched<Retried<Metered<impl Embedder>>> {
    Batched::new(Retried::new(Metered::new(model)))
}

/// The parts of [`Embedder`] that most wrappers hand on as they are.
macro_rules! hand_on {
    () => {
        fn name(&self) -> &str {
            self.inner.name()
        }

        fn limit(&self) -> crate::embed::BatchLimit {
            self.inner.limit()
        }
    };
}
use hand_on;
