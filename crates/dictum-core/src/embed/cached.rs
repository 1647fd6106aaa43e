//! Keeping vectors.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;

use super::{Embedder, Embeddings, hand_on};
use crate::lm::{Call, Digest, LmError, LmErrorKind};

/// Keeps vectors in memory, as the call's [`CachePolicy`](crate::lm::CachePolicy) allows, the least useful dropped when it is
/// full. Of many texts only those it doesn't have are asked for, each once. Clones share what is kept.
///
/// What it had counts against no budget and is not in the usage.
#[derive(Clone)]
pub struct Cached<E> {
    inner: E,
    vectors: Arc<quick_cache::sync::Cache<Digest, Arc<[f32]>>>,
}

impl<E: Embedder> Cached<E> {
    /// A cache of at most this many vectors. One of 1536 numbers takes 6 KB.
    pub fn new(inner: E, capacity: usize) -> Self {
        Self {
            inner,
            vectors: Arc::new(quick_cache::sync::Cache::new(capacity)),
        }
    }

    /// How many vectors it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }
}

impl<E: Embedder> Embedder for Cached<E> {
    hand_on!();

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            let policy = call.cache;
            let keys: Vec<Digest> = texts
                .iter()
                .map(|text| Digest::of_bytes(text.as_bytes()))
                .collect();
            let kept = |key: &Digest| policy.reads().then(|| self.vectors.get(key)).flatten();
            let mut found: IndexMap<Digest, Option<Arc<[f32]>>> = IndexMap::new();
            let mut wanted = Vec::new();
            for (key, text) in keys.iter().zip(texts) {
                found.entry(*key).or_insert_with(|| {
                    let vector = kept(key);
                    if vector.is_none() {
                        wanted.push(text.clone());
                    }
                    vector
                });
            }
            let done = if wanted.is_empty() {
                Embeddings::default()
            } else {
                self.inner.embed(&wanted, call).await?
            };
            let mut new = done.vectors.into_iter();
            for (key, vector) in found.iter_mut().filter(|(_, vector)| vector.is_none()) {
                *vector = new.next().map(Arc::from);
                if let Some(vector) = vector.as_ref().filter(|_| policy.writes()) {
                    self.vectors.insert(*key, Arc::clone(vector));
                }
            }
            let vectors: Option<Vec<Vec<f32>>> = keys
                .iter()
                .map(|key| found.get(key)?.as_ref().map(|vector| vector.to_vec()))
                .collect();
            let vectors = vectors.ok_or_else(|| {
                LmError::new(LmErrorKind::Decode, "fewer vectors than texts came back")
                    .with_model(self.inner.name())
            })?;
            Ok(Embeddings {
                vectors,
                usage: done.usage,
            })
        })
    }
}

impl<E: fmt::Debug> fmt::Debug for Cached<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("inner", &self.inner)
            .field("len", &self.vectors.len())
            .field("capacity", &self.vectors.capacity())
            .finish()
    }
}
