//! Keeping vectors in a store, on disk say.

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use indexmap::IndexMap;

use super::{BatchLimit, Embedder, Embeddings};
use crate::lm::layers::Store;
use crate::lm::{Call, Digest, LmError, LmErrorKind, Response};

/// Keeps vectors in a [`Store`], such as the one on disk of `dictum-cache`, as the call's
/// [`CachePolicy`](crate::lm::CachePolicy) allows. Of many texts only those it doesn't have are asked for, each once.
///
/// A vector is kept under the embedder's name and the text, to the last bit. What else a vector depends on, such as its number
/// of dimensions or a model file of one's own, the name doesn't tell: give such embedders stores of their own. A store may hold
/// answers of LMs too. What it had counts against no budget and is not in the usage. [`Cached`](super::Cached) around it
/// makes two tiers.
#[derive(Debug, Clone)]
pub struct Stored<E> {
    inner: E,
    store: Arc<dyn Store>,
}

impl<E: Embedder> Stored<E> {
    /// Keeps this embedder's vectors there.
    pub fn new(inner: E, store: impl Store + 'static) -> Self {
        Self::shared(inner, Arc::new(store))
    }

    /// Keeps this embedder's vectors in a store that others use too.
    pub fn shared(inner: E, store: Arc<dyn Store>) -> Self {
        Self { inner, store }
    }

    fn key(&self, text: &str) -> Digest {
        Digest::of(&("embedding", self.inner.name(), text))
    }
}

impl<E: Embedder> Embedder for Stored<E> {
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
            let mut found: IndexMap<&str, Option<Vec<f32>>> =
                texts.iter().map(|text| (text.as_str(), None)).collect();
            if call.cache.reads() {
                let kept = found.iter_mut().map(|(text, vector)| async {
                    let kept = self.store.get(&self.key(text)).await;
                    *vector = kept.and_then(|kept| numbers(&kept.to_text()));
                });
                join_all(kept).await;
            }
            let missing = found.iter_mut().filter(|(_, vector)| vector.is_none());
            let mut missing: Vec<_> = missing.collect();
            let wanted: Vec<String> = missing.iter().map(|(text, _)| (**text).to_owned()).collect();
            let mut usage = Embeddings::default().usage;
            if !wanted.is_empty() {
                let done = self.inner.embed(&wanted, call).await?;
                usage = done.usage;
                for ((_, place), vector) in missing.iter_mut().zip(done.vectors) {
                    **place = Some(vector);
                }
                if call.cache.writes() {
                    let kept = missing.iter().map(|(text, vector)| async {
                        if let Some(vector) = &**vector {
                            let entry = Response::text(written(vector));
                            self.store.put(&self.key(text), &entry).await;
                        }
                    });
                    join_all(kept).await;
                }
            }
            let vectors: Option<Vec<Vec<f32>>> = texts
                .iter()
                .map(|text| found.get(text.as_str())?.clone())
                .collect();
            let vectors = vectors.ok_or_else(|| {
                LmError::new(LmErrorKind::Decode, "fewer vectors than texts came back")
                    .with_model(self.inner.name())
            })?;
            Ok(Embeddings { vectors, usage })
        })
    }
}

/// Bits in hex: decimals would be longer, or not exact.
fn written(vector: &[f32]) -> String {
    vector
        .iter()
        .map(|number| format!("{:08x}", number.to_bits()))
        .collect()
}

fn numbers(text: &str) -> Option<Vec<f32>> {
    let digits = text.as_bytes().chunks(8).map(|bits| {
        let bits = std::str::from_utf8(bits).ok().filter(|bits| bits.len() == 8)?;
        u32::from_str_radix(bits, 16).ok().map(f32::from_bits)
    });
    digits.collect()
}
