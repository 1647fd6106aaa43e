//! The usual layers in the usual order.

use std::sync::Arc;
use std::time::Duration;

use super::{Cache, Cassette, Coalesce, Concurrency, Retry, Store, Timeout, Tracing};
use crate::lm::{LanguageModel, Layer, Lm};

/// The usual layers in the usual order, as one layer; see [`super`] for the order and the reasons.
///
/// ```
/// use std::time::Duration;
/// use dictum_core::lm::layers::{MemoryStore, Retry, standard};
///
/// let layers = standard()
///     .cache(MemoryStore::new(10_000))
///     .concurrency(64)
///     .retry(Retry::new(6))
///     .timeout(Duration::from_secs(120));
/// # let _ = layers;
/// // let lm = Lm::openai("gpt-5-mini").api_key_from_env()?.build()?.layer(layers);
/// ```
///
/// Without further words: spans, coalescing, 32 calls at once, 4 attempts, 10 minutes for each. No cache and no cassette: both
/// keep data, so both are asked for.
#[derive(Debug, Clone)]
pub struct Standard {
    tracing: Option<Tracing>,
    cassette: Option<Cassette>,
    caches: Vec<Arc<dyn Store>>,
    coalesce: bool,
    concurrency: Option<Concurrency>,
    retry: Option<Retry>,
    timeout: Timeout,
}

/// See [`Standard`].
#[must_use]
pub fn standard() -> Standard {
    Standard {
        tracing: Some(Tracing::new()),
        cassette: None,
        caches: Vec::new(),
        coalesce: true,
        concurrency: Some(Concurrency::new(32)),
        retry: Some(Retry::default()),
        timeout: Timeout::new(Duration::from_secs(600)),
    }
}

impl Standard {
    /// With this cassette.
    #[must_use]
    pub fn cassette(mut self, cassette: Cassette) -> Self {
        self.cassette = Some(cassette);
        self
    }

    /// With a cache on this store, around those named before: name the disk first, then the memory.
    #[must_use]
    pub fn cache(mut self, store: impl Store + 'static) -> Self {
        self.caches.push(Arc::new(store));
        self
    }

    /// With at most this many calls at once.
    #[must_use]
    pub fn concurrency(mut self, limit: usize) -> Self {
        self.concurrency = Some(Concurrency::new(limit));
        self
    }

    /// With these rules for trying again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// With this much time for each attempt.
    #[must_use]
    pub fn timeout(mut self, total: Duration) -> Self {
        self.timeout = Timeout::new(total);
        self
    }

    /// With these spans, where the usual ones, which hold nothing of what was said, are not enough.
    #[must_use]
    pub fn tracing(mut self, tracing: Tracing) -> Self {
        self.tracing = Some(tracing);
        self
    }

    /// Without spans.
    #[must_use]
    pub fn without_tracing(mut self) -> Self {
        self.tracing = None;
        self
    }

    /// Without coalescing.
    #[must_use]
    pub fn without_coalescing(mut self) -> Self {
        self.coalesce = false;
        self
    }

    /// Without a limit on calls at once.
    #[must_use]
    pub fn without_concurrency_limit(mut self) -> Self {
        self.concurrency = None;
        self
    }

    /// Without retries.
    #[must_use]
    pub fn without_retry(mut self) -> Self {
        self.retry = None;
        self
    }
}

impl Layer for Standard {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        fn add(lm: Lm, layer: Option<impl Layer>) -> Lm {
            match layer {
                Some(layer) => lm.layer(layer),
                None => lm,
            }
        }
        let mut lm = inner.layer(self.timeout);
        lm = add(lm, self.retry);
        lm = add(lm, self.concurrency);
        lm = add(lm, self.coalesce.then_some(Coalesce));
        for store in self.caches {
            lm = lm.layer(Cache::shared(store));
        }
        lm = add(lm, self.cassette);
        lm = add(lm, self.tracing);
        lm.into_inner()
    }
}
