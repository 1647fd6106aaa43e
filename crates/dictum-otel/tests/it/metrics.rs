//! What the collector can count.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dictum_core::lm::layers::{Cache, MemoryStore, Retry, Tracing};
use dictum_core::lm::{Lm, LmError, LmErrorKind, Response, Usage};
use dictum_testkit::CannedLm;
use tracing_subscriber::layer::SubscriberExt;

use crate::collector::{Collector, Point};
use crate::{ANSWER, ask, otlp};

fn points<'p>(points: &'p [Point], name: &str) -> Vec<&'p Point> {
    points.iter().filter(|point| point.name == name).collect()
}

#[tokio::test]
async fn tokens_times_errors_retries_and_cache_hits_are_counted() {
    // Fails once, answers, and fails for good.
    let calls = AtomicUsize::new(0);
    let model = CannedLm::new(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Err(LmError::new(LmErrorKind::Server, "later")),
        1 => Ok(Response {
            usage: Usage {
                input_tokens: Some(10),
                output_tokens: Some(3),
                ..Usage::default()
            },
            ..Response::text(ANSWER)
        }),
        _ => Err(LmError::new(LmErrorKind::Auth, "no")),
    })
    .named("gemini/canned");
    let bare = model
        .lm()
        .layer(Retry::new(2).backoff(Duration::ZERO, Duration::ZERO));
    let cached = bare
        .clone()
        .layer(Cache::new(MemoryStore::new(10)))
        .layer(Tracing::new());
    let uncached: Lm = bare.layer(Tracing::new());

    let collector = Collector::new();
    let (layer, guard) = otlp(&collector.url).layer().unwrap();
    let subscriber = dictum_testkit::listen(tracing_subscriber::registry().with(layer));
    ask(&cached).await.unwrap();
    ask(&cached).await.unwrap();
    ask(&uncached).await.unwrap_err();
    // One that is given up counts as an error of its own kind.
    let slow = model
        .clone()
        .with_delay(Duration::from_secs(60))
        .lm()
        .layer(Tracing::new());
    tokio::time::timeout(Duration::from_millis(1), ask(&slow))
        .await
        .unwrap_err();
    drop(subscriber);
    assert!(guard.shutdown().complete());

    let metrics = collector.metrics();
    let tokens = points(&metrics, "gen_ai.client.token.usage");
    assert_eq!(tokens.len(), 2);
    for point in tokens {
        assert_eq!(point.attributes["gen_ai.provider.name"], "gcp.gemini");
        assert_eq!(point.attributes["gen_ai.request.model"], "canned");
        let wanted = match point.attributes["gen_ai.token.type"].as_str() {
            "input" => 10.0,
            "output" => 3.0,
            other => panic!("{other}"),
        };
        // The hit in the cache used none.
        assert_eq!((point.count, point.sum), (1, wanted));
    }

    let mut ends: Vec<(Option<&str>, u64)> = points(&metrics, "gen_ai.client.operation.duration")
        .iter()
        .map(|point| {
            (
                point.attributes.get("error.type").map(String::as_str),
                point.count,
            )
        })
        .collect();
    ends.sort_unstable();
    assert_eq!(
        ends,
        [(None, 1), (Some("authentication"), 1), (Some("cancelled"), 1)]
    );
    let sum = |name: &str| -> u64 { points(&metrics, name).iter().map(|point| point.count).sum() };
    assert_eq!(sum("dictum.client.retries"), 1);
    assert_eq!(sum("dictum.client.cache_hits"), 1);
    assert_eq!(sum("dictum.client.errors"), 2);
    let sources: Vec<&str> = points(&metrics, "dictum.client.calls")
        .iter()
        .map(|point| point.attributes["dictum.source"].as_str())
        .collect();
    assert!(
        sources.len() == 2 && sources.contains(&"model") && sources.contains(&"cache"),
        "{sources:?}"
    );
}
