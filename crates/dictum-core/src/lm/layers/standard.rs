//! The usual layers in the usual order.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Adaptive, Cache, Cassette, Circuit, Coalesce, Concurrency, RateLimit, Retry, Store, Timeout, Tracing,
};
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
/// keep data, so both are asked for. No rate limit, adaptive limit or circuit: the right ones depend on the account.
#[derive(Debug, Clone)]
pub struct Standard {
    tracing: Option<Tracing>,
    cassette: Option<Cassette>,
    caches: Vec<Cache>,
    coalesce: bool,
    concurrency: Option<Concurrency>,
    retry: Option<Retry>,
    circuit: Option<Circuit>,
    adaptive: Option<Adaptive>,
    rate_limit: Option<RateLimit>,
    timeout: Option<Timeout>,
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
        circuit: None,
        adaptive: None,
        rate_limit: None,
        timeout: Some(Timeout::new(Duration::from_secs(600))),
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
    pub fn cache(self, store: impl Store + 'static) -> Self {
        self.cache_layer(Cache::new(store))
    }

    /// With this cache, around those named before: one with a namespace, say, or that only reads.
    #[must_use]
    pub fn cache_layer(mut self, cache: Cache) -> Self {
        self.caches.push(cache);
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

    /// With this circuit breaker.
    #[must_use]
    pub fn circuit(mut self, circuit: Circuit) -> Self {
        self.circuit = Some(circuit);
        self
    }

    /// With a limit on calls at once that finds itself, in place of a fixed one.
    #[must_use]
    pub fn adaptive(mut self, limit: Adaptive) -> Self {
        self.adaptive = Some(limit);
        self.concurrency = None;
        self
    }

    /// With this limit on requests and tokens per minute.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// With this much time for each attempt.
    #[must_use]
    pub fn timeout(self, total: Duration) -> Self {
        self.timeouts(Timeout::new(total))
    }

    /// With these time limits for each attempt.
    #[must_use]
    pub fn timeouts(mut self, limits: Timeout) -> Self {
        self.timeout = Some(limits);
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

    /// Without time limits. The call's own deadline is then the provider's matter.
    #[must_use]
    pub fn without_timeout(mut self) -> Self {
        self.timeout = None;
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
        let mut lm = add(inner, self.timeout);
        lm = add(lm, self.rate_limit);
        lm = add(lm, self.adaptive);
        lm = add(lm, self.circuit);
        lm = add(lm, self.retry);
        lm = add(lm, self.concurrency);
        lm = add(lm, self.coalesce.then_some(Coalesce));
        for cache in self.caches {
            lm = lm.layer(cache);
        }
        lm = add(lm, self.cassette);
        lm = add(lm, self.tracing);
        lm.into_inner()
    }
}
