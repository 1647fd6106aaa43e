//! What can stand around a model, one file each.
//!
//! A layer is any [`LanguageModel`](super::LanguageModel) that holds an inner [`Lm`](super::Lm); writing one's own takes a
//! few lines. Each treats `complete` and `stream` alike: what holds for an answer holds for the stream that brings it,
//! until its last event.
//!
//! ```
//! use std::sync::Arc;
//! use dictum_core::lm::{Call, Capabilities, Digest, LanguageModel, Layer, Lm, LmError, Request, Response};
//! use futures_util::future::BoxFuture;
//!
//! /// Asks for answers without a temperature.
//! #[derive(Debug)]
//! struct Cool(Lm);
//!
//! impl LanguageModel for Cool {
//!     fn name(&self) -> &str {
//!         self.0.name()
//!     }
//!     fn capabilities(&self) -> Capabilities {
//!         self.0.capabilities()
//!     }
//!     // A cache outside must not mix these answers with those of the model alone. A layer that changes nothing about the
//!     // request hands on the model's own.
//!     fn variant(&self) -> Option<Digest> {
//!         Some(Digest::of(&("cool", self.0.variant())))
//!     }
//!     fn complete<'a>(&'a self, request: &'a Request, call: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
//!         Box::pin(async move {
//!             let mut request = request.clone();
//!             request.settings.temperature = Some(0.0);
//!             self.0.complete(&request, call).await
//!         })
//!     }
//!     // `stream` likewise; without it, streams come in one piece.
//! }
//!
//! struct Cooling;
//!
//! impl Layer for Cooling {
//!     fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
//!         Arc::new(Cool(inner))
//!     }
//! }
//! # fn with(lm: Lm) -> Lm {
//! lm.layer(Cooling)
//! # }
//! ```
//!
//! [`standard`] puts them in the usual order. From the outside in:
//!
//! | layer | does | why there |
//! |---|---|---|
//! | [`Tracing`] | a span per call | sees what the caller sees, cache hits too |
//! | [`Cassette`] | records and replays | a replay must not depend on what a cache holds |
//! | [`Cache`] | keeps answers | a hit takes no place and no time below |
//! | [`Coalesce`] | identical calls in flight share one | after the cache, so that only misses meet |
//! | [`Concurrency`] | at most so many calls at once | a call that waits for its retry keeps its place |
//! | [`Retry`] | tries again | what is below concerns single attempts |
//! | [`Circuit`] | leaves a model alone that is down | sees each attempt; a refusal waits for nothing below and is not tried again |
//! | [`Adaptive`] | finds how many calls at once the server takes | learns from each attempt; a call that waits for its retry gives its place to another |
//! | [`RateLimit`] | requests and tokens per minute | each attempt counts, and is sent as soon as it has its share |
//! | [`Timeout`] | time limits per attempt | waiting for a place or a share is not the server's time |
//!
//! Budgets stand below all of them: [`Lm::new`](super::Lm::new) counts each attempt. The order is `Standard::wrap`'s; what is
//! not asked for is not there and costs nothing.
//!
//! What tells one call from another differs by what the layer is for:
//!
//! | layer | keys on the request and | so that |
//! |---|---|---|
//! | [`Cache`] | the model's name and [`variant`](super::LanguageModel::variant): a hash of its address, default settings and what its builder sets of the dialect | two servers, two sets of defaults or of options never serve each other's answers |
//! | [`Coalesce`] | nothing: it stands around one model | |
//! | [`Cassette`] | the model's name; of the settings, what holds in the end: the request's over the model's [defaults](super::LanguageModel::default_settings) | a recording plays at any address and without the model, and never for other settings |
//!
//! No address and no key is written anywhere: the cache's keys are hashes, and a cassette knows neither.
//!
//! Around several models, each with its own layers, stand [`Fallback`], which asks another when one fails, and [`Route`], which
//! chooses by the request.

mod adaptive;
mod attempt;
mod backoff;
mod cache;
mod cassette;
mod circuit;
mod coalesce;
mod concurrency;
mod fallback;
mod memory_store;
mod rate_limit;
mod retry;
mod retry_budget;
mod route;
mod standard;
mod timeout;
mod tracing;

#[cfg(test)]
mod tests;

pub use adaptive::Adaptive;
pub(crate) use backoff::{Backoff, Jitter};
pub use cache::{Cache, Store};
pub use cassette::{Cassette, CassetteMode};
pub use circuit::Circuit;
pub use coalesce::Coalesce;
pub use concurrency::Concurrency;
pub use fallback::Fallback;
pub use memory_store::MemoryStore;
pub use rate_limit::RateLimit;
pub use retry::Retry;
pub use route::Route;
pub use standard::{Standard, standard};
pub use timeout::Timeout;
pub use tracing::Tracing;

use std::future::Future;
use std::time::Instant;

use super::{Call, LmError, LmErrorKind};

/// The present, on the clock that the timers of the runtime go by.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits for `work`, but not beyond the call's deadline. `doing` says what the time went on.
async fn by_deadline<T>(call: &Call, doing: &str, work: impl Future<Output = T>) -> Result<T, LmError> {
    match call.deadline {
        None => Ok(work.await),
        Some(deadline) => tokio::time::timeout_at(deadline.into(), work)
            .await
            .map_err(|_| past_deadline(doing)),
    }
}

fn past_deadline(doing: &str) -> LmError {
    LmError::new(
        LmErrorKind::Timeout,
        format!("the call's deadline passed {doing}"),
    )
}

/// The parts of [`LanguageModel`](super::LanguageModel) that most layers hand on as they are.
macro_rules! hand_on {
    () => {
        fn name(&self) -> &str {
            self.inner.name()
        }

        fn capabilities(&self) -> crate::lm::Capabilities {
            self.inner.capabilities()
        }

        fn variant(&self) -> Option<crate::lm::Digest> {
            self.inner.variant()
        }

        fn default_settings(&self) -> Option<&crate::lm::Settings> {
            self.inner.default_settings()
        }

        fn rate_limits(&self) -> Option<crate::lm::RateLimits> {
            self.inner.rate_limits()
        }
    };
}
use hand_on;
