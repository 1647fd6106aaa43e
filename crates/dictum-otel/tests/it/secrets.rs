//! Keys: the model's reaches no collector, the collector's shows nowhere.

use dictum_core::lm::Lm;
use dictum_core::lm::layers::{Tracing, standard};
use dictum_otel::{Otlp, OtlpError};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Reply};

use crate::collector::Collector;
use crate::{calls, model, otlp, traced};

const LM_KEY: &str = "sk-planted-0123456789abcdef";
const TOKEN: &str = "collector-token-0123456789";

#[tokio::test]
async fn the_models_key_reaches_no_collector_even_when_the_provider_quotes_it() {
    let quoting = FakeServer::programmed(|_, _| {
        let message = format!("Incorrect API key provided: {LM_KEY}, see a secret question");
        Reply::error(401, "invalid_request_error", "invalid_api_key", &message)
    });
    let layers = standard()
        .tracing(Tracing::new().with_content(100_000))
        .without_retry();
    let lm = Lm::openai("gpt-4o-mini")
        .base_url(quoting.url())
        .api_key(LM_KEY)
        .build()
        .unwrap()
        .layer(layers);
    let collector = Collector::new();
    let delivery = calls(otlp(&collector.url), &lm, 2).await;
    assert_eq!(quoting.requests(), 2);
    assert_eq!(delivery.spans_delivered, 6);
    assert!(collector.heard("gpt-4o-mini") && !collector.heard("sk-planted"));
}

#[tokio::test]
async fn the_collectors_token_is_sent_and_shown_nowhere() {
    let collector = Collector::new();
    let otlp = otlp(&collector.url).bearer(TOKEN).header("x-scope", TOKEN);
    let shown = format!("{otlp:?}");
    assert!(shown.contains("x-scope") && !shown.contains(TOKEN), "{shown}");
    let (_, guard) = otlp.clone().layer::<tracing_subscriber::Registry>().unwrap();
    assert!(!format!("{guard:?}").contains(TOKEN));
    drop(guard);
    calls(otlp, &traced(&model()), 1).await;
    assert_eq!(collector.header("authorization"), Some(format!("Bearer {TOKEN}")));
    assert!(!collector.heard(TOKEN));
}

#[test]
fn wrong_addresses_and_headers_are_told_without_their_secrets() {
    let layer = |otlp: Otlp| otlp.layer::<tracing_subscriber::Registry>().map(|_| ());
    let error = layer(Otlp::new(format!("ftp://user:{TOKEN}@host/?key={TOKEN}"))).unwrap_err();
    let words = format!("{error} {error:?}");
    assert!(words.contains("host") && !words.contains(TOKEN), "{words}");
    let error = layer(Otlp::new("http://localhost:1").header("x-key", format!("{TOKEN}\n"))).unwrap_err();
    let words = format!("{error} {error:?}");
    assert!(matches!(error, OtlpError::Header(_)));
    assert!(words.contains("x-key") && !words.contains(TOKEN), "{words}");
}
