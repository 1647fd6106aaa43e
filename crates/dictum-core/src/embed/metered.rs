//! Counting requests against budgets.

use futures_util::future::BoxFuture;

use super::{Embedder, Embeddings, hand_on};
use crate::lm::{Call, LmError, LmErrorKind, Usage};

/// Counts each request against the call's budget, and gives it up at the call's deadline.
///
/// Stands next to the model, so that retries count and what a cache had does not.
#[derive(Debug, Clone)]
pub struct Metered<E> {
    inner: E,
}

impl<E: Embedder> Metered<E> {
    /// Counts the requests of this model.
    pub fn new(inner: E) -> Self {
        Self { inner }
    }

    async fn in_time(&self, texts: &[String], call: &Call) -> Result<Embeddings, LmError> {
        let work = self.inner.embed(texts, call);
        let Some(deadline) = call.deadline else {
            return work.await;
        };
        tokio::time::timeout_at(deadline.into(), work)
            .await
            .unwrap_or_else(|_| {
                let message = "the call's deadline passed while the texts were embedded";
                Err(LmError::new(LmErrorKind::Timeout, message).with_model(self.inner.name()))
            })
    }
}

impl<E: Embedder> Embedder for Metered<E> {
    hand_on!();

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            let Some(meter) = call.meter.as_ref().filter(|_| !texts.is_empty()) else {
                return self.in_time(texts, call).await;
            };
            meter.begin()?;
            let result = self.in_time(texts, call).await;
            let usage = result
                .as_ref()
                .map_or_else(|_| Usage::default(), |done| done.usage);
            meter.end(&usage);
            result
        })
    }
}
