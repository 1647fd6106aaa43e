//! Cutting many texts into requests.

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{BatchLimit, Embedder, Embeddings};
use crate::lm::{Call, LmError, LmErrorKind};

/// Cuts many texts into requests that the model takes, and keeps a few of them in flight. The vectors come in the order of
/// the texts. When a request fails, the others are given up and its error is the whole's.
#[derive(Debug, Clone)]
pub struct Batched<E> {
    inner: E,
    limit: BatchLimit,
    concurrency: usize,
}

impl<E: Embedder> Batched<E> {
    /// Requests as large as the model takes, 4 in flight.
    pub fn new(inner: E) -> Self {
        Self {
            limit: inner.limit(),
            inner,
            concurrency: 4,
        }
    }

    /// The same with at most this many texts in a request: no more than the model takes, and 0 is taken as 1.
    #[must_use]
    pub fn size(mut self, texts: usize) -> Self {
        self.limit.texts = texts.min(self.inner.limit().texts);
        self
    }

    /// The same with this many requests in flight; 0 is taken as 1.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    async fn one(&self, texts: &[String], call: &Call) -> Result<Embeddings, LmError> {
        let done = self.inner.embed(texts, call).await?;
        if done.vectors.len() == texts.len() {
            return Ok(done);
        }
        let message = format!(
            "{} texts came back as {} vectors",
            texts.len(),
            done.vectors.len()
        );
        Err(LmError::new(LmErrorKind::Decode, message).with_model(self.inner.name()))
    }
}

impl<E: Embedder> Embedder for Batched<E> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            let requests: Vec<_> = cut(texts, self.limit)
                .map(|batch| self.one(batch, call))
                .collect();
            stream::iter(requests)
                .buffered(self.concurrency)
                .try_fold(Embeddings::default(), |mut all, done| async move {
                    all.vectors.extend(done.vectors);
                    all.usage += done.usage;
                    Ok(all)
                })
                .await
        })
    }
}

/// The texts in runs, each as long as the limit allows, and of one text at least.
fn cut(mut texts: &[String], limit: BatchLimit) -> impl Iterator<Item = &[String]> {
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fits = |text: &&String| {
            bytes = bytes.saturating_add(text.len());
            bytes <= limit.bytes
        };
        let run = texts.iter().take(limit.texts).take_while(fits).count().max(1);
        let (batch, rest) = texts.split_at_checked(run)?;
        texts = rest;
        Some(batch)
    })
}
