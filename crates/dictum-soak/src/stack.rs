//! The models as a program would set them up, in every dialect, with the usual layers.

use std::sync::Arc;
use std::time::Duration;

use dictum_core::lm::layers::{
    Cache, Circuit, Fallback, MemoryStore, RateLimit, Retry, Standard, Store, Timeout, standard,
};
use dictum_core::lm::{Lm, LmError};
use dictum_providers::bedrock::Credentials;
use dictum_providers::{Price, Prices, Providers};

use crate::plan::{ATTEMPTS, Dialect};

/// The longest body read: the 100 MB are refused well before they are in memory.
const MAX_BODY: usize = 4 << 20;

/// A model without layers.
pub(crate) fn model(dialect: Dialect, port: u16) -> Result<Lm, LmError> {
    let url = format!("http://127.0.0.1:{port}");
    let key = "sk-soak-0123456789";
    let prices = |name: &str| Prices::none().with(name, Price::new(2.0, 8.0));
    match dialect {
        Dialect::Chat => Lm::openai("soak")
            .base_url(format!("{url}/v1"))
            .api_key(key)
            .max_body(MAX_BODY)
            .prices(prices("openai/soak"))
            .build(),
        Dialect::Responses => Lm::responses("soak")
            .base_url(format!("{url}/v1"))
            .api_key(key)
            .max_body(MAX_BODY)
            .prices(prices("openai/soak"))
            .build(),
        Dialect::Anthropic => Lm::anthropic("soak")
            .base_url(url)
            .api_key(key)
            .max_body(MAX_BODY)
            .prices(prices("anthropic/soak"))
            .build(),
        Dialect::Gemini => Lm::gemini("soak")
            .base_url(format!("{url}/v1beta"))
            .api_key(key)
            .max_body(MAX_BODY)
            .prices(prices("gemini/soak"))
            .build(),
        Dialect::Bedrock => Lm::bedrock("soak", "eu-central-1")
            .base_url(url)
            .credentials(Credentials::new("AKIDSOAK", key).with_session_token("token-soak"))
            .max_body(MAX_BODY)
            .prices(prices("bedrock/soak"))
            .build(),
    }
}

/// Retries with waits as short as the server's.
pub(crate) fn retry() -> Retry {
    let quick = Retry::new(ATTEMPTS).backoff(Duration::from_millis(10), Duration::from_millis(50));
    // A quarter of all calls meet trouble by design: a share of a fifth would rightly give up on some.
    quick.budget(0.6, 1000)
}

/// What every part has: an answer within 8 s, a stream's first event within 6 s and the others 6 s apart. Long for a server on
/// loopback, so that on a starved machine too only what was told to stall takes so long.
fn layers() -> Standard {
    standard()
        .retry(retry())
        .concurrency(128)
        .timeouts(
            Timeout::new(Duration::from_secs(8))
                .first_event(Duration::from_secs(6))
                .between_events(Duration::from_secs(6)),
        )
        .rate_limit(RateLimit::learned())
}

/// A cache for all models, small enough to be full when memory is first looked at.
pub(crate) fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(1_000))
}

/// All layers, around a server that fails now and then. The circuit is there and stays closed.
pub(crate) fn full(dialect: Dialect, port: u16, store: &Arc<dyn Store>) -> Result<Lm, LmError> {
    let layers = layers()
        .cache_layer(Cache::shared(Arc::clone(store)))
        .circuit(Circuit::new(64, 0.95));
    Ok(model(dialect, port)?.layer(layers))
}

/// Around a server that goes down and comes back, with another to fall back on.
pub(crate) fn with_spare(dialect: Dialect, main: u16, spare: u16) -> Result<Lm, LmError> {
    let rest = Duration::from_millis(50);
    let main = model(dialect, main)?.layer(
        layers()
            .retry(Retry::new(2).backoff(Duration::from_millis(5), Duration::from_millis(20)))
            .circuit(Circuit::default().rest(rest, rest * 4)),
    );
    let spare = model(dialect, spare)?.layer(layers());
    Ok(main.layer(Fallback::to(spare)))
}
