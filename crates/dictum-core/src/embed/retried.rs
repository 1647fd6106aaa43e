//! Trying again.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Embedder, Embeddings, hand_on};
use crate::lm::layers::{Backoff, Jitter};
use crate::lm::{Call, LmError};

/// Makes a failed request again when that can help ([`LmError::retryable`]), after the waits that
/// [`Retry`](crate::lm::layers::Retry) makes by default, and gives up as it does; but each request has its attempts, whatever
/// becomes of others.
#[derive(Debug, Clone)]
pub struct Retried<E> {
    inner: E,
    backoff: Backoff,
    jitter: Arc<Jitter>,
}

impl<E: Embedder> Retried<E> {
    /// At most 4 attempts in all.
    pub fn new(inner: E) -> Self {
        Self {
            inner,
            backoff: Backoff::new(4),
            jitter: Arc::new(Jitter::new(None)),
        }
    }

    /// The same with at most this many attempts; 0 is taken as 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.backoff.attempts = attempts;
        self
    }
}

impl<E: Embedder> Embedder for Retried<E> {
    hand_on!();

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
                match self.backoff.wait(&error, attempt, call, &self.jitter) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error.with_attempts(attempt)),
                }
                attempt += 1;
            }
        })
    }
}
