//! The one line. On its own: a process has one subscriber.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use dictum_otel::{Otlp, OtlpError};

#[allow(dead_code)]
#[path = "it/collector.rs"]
mod collector;

#[tokio::test]
async fn one_line_sends_what_happens_until_the_guard_is_dropped_and_can_be_had_once() {
    let collector = collector::Collector::new();
    let guard = Otlp::new(&collector.url).service("one-line").install().unwrap();
    let task = tokio::spawn(async { tracing::info_span!("work").in_scope(|| {}) });
    task.await.unwrap();
    let again = Otlp::new(&collector.url).install().unwrap_err();
    assert!(matches!(again, OtlpError::Installed));
    drop(guard);
    let spans = collector.spans();
    assert_eq!(
        spans.iter().map(|span| span.0.name.as_str()).collect::<Vec<_>>(),
        ["work"]
    );
    assert_eq!(collector.resource()["service.name"], "one-line");
}
