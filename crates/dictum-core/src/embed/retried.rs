//! Trying again.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{BatchLimit, Embedder, Embeddings};
use crate::lm::{Call, Digest, LmError};

/// Makes a failed request again when that can help ([`LmError::retryable`]).
///
/// It waits as long as the provider asks; else before attempt `n + 1` between half of and all of `500 ms * 2^(n - 1)`, at most
/// 30 s. Which share depends on the texts, so that requests that fail together don't come back together. It gives up with the
/// last error when the attempts are used up, when the provider asks for more than 120 s, or when the wait would pass the
/// call's deadline.
#[derive(Debug, Clone)]
pub struct Retried<E> {
    inner: E,
    attempts: u32,
}

const BASE: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
const LONGEST_ASKED: Duration = Duration::from_secs(120);

impl<E: Embedder> Retried<E> {
    /// At most 4 attempts in all.
    pub fn new(inner: E) -> Self {
        Self { inner, attempts: 4 }
    }

    /// The same with at most this many attempts; 0 is taken as 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long to wait after this failure of attempt `attempt` (from 1), or `None` to give up.
    fn wait(&self, error: &LmError, attempt: u32, texts: &[String], call: &Call) -> Option<Duration> {
        if !error.retryable() || attempt >= self.attempts {
            return None;
        }
        let wait = match error.retry_after() {
            Some(asked) if asked > LONGEST_ASKED => return None,
            Some(asked) => asked,
            None => {
                let doublings = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
                let whole = BASE.saturating_mul(doublings).min(LONGEST);
                let seed = Digest::of_bytes(texts.first().map_or(&[], |text| text.as_bytes()));
                let share = (seed.to_u64().rotate_left(attempt) >> 11) as f64 / (1_u64 << 53) as f64;
                whole.mul_f64(0.5 + share / 2.0)
            }
        };
        let now = tokio::time::Instant::now().into_std();
        let in_time = call
            .deadline
            .is_none_or(|deadline| now.checked_add(wait).is_some_and(|at| at < deadline));
        in_time.then_some(wait)
    }
}

impl<E: Embedder> Embedder for Retried<E> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limit(&self) -> BatchLimit {
        self.inner.limit()
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                let error = match self.inner.embed(texts, call).await {
                    Ok(done) => return Ok(done),
                    Err(error) => error,
                };
                match self.wait(&error, attempt, texts, call) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error.with_attempts(attempt)),
                }
                attempt += 1;
            }
        })
    }
}
