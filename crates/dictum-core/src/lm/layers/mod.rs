//! What can stand around a model, one file each.
//!
//! A layer is any [`LanguageModel`](super::LanguageModel) that holds an inner [`Lm`](super::Lm); writing one's own takes a
//! few lines. Each treats `complete` and `stream` alike: what holds for an answer holds for the stream that brings it,
//! until its last event.
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
//! | [`Retry`] | tries again | each attempt has its own time limit |
//! | [`Timeout`] | a time limit per attempt | |
//!
//! Budgets stand below all of them: [`Lm::new`](super::Lm::new) counts each attempt.

mod adaptive;
mod attempt;
mod cache;
mod cassette;
mod circuit;
mod coalesce;
mod concurrency;
mod fallback;
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
pub use cache::{Cache, MemoryStore, Store};
pub use cassette::{Cassette, CassetteMode};
pub use circuit::Circuit;
pub use coalesce::Coalesce;
pub use concurrency::Concurrency;
pub use fallback::Fallback;
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

        fn rate_limits(&self) -> Option<crate::lm::RateLimits> {
            self.inner.rate_limits()
        }
    };
}
use hand_on;
