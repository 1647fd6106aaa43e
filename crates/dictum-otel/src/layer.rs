//! The layer of a subscriber.

use opentelemetry_sdk::trace::Tracer;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

use crate::metrics::CallMetrics;

/// Hands spans to the exporters: a layer for any subscriber with a registry. Made by [`crate::Otlp::layer`].
pub type OtlpLayer<S> = Box<dyn Layer<S> + Send + Sync>;

pub(crate) fn layer<S>(tracer: Tracer, metrics: CallMetrics) -> OtlpLayer<S>
where
    S: Subscriber + Send + Sync + for<'a> LookupSpan<'a>,
{
    let spans = OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    let filter = FilterFn::new(wanted as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::INFO);
    spans.and_then(metrics).with_filter(filter).boxed()
}

/// INFO and above, but not the exporters' own: what they do must not make more for them to do.
fn wanted(metadata: &Metadata<'_>) -> bool {
    const OWN: [&str; 7] = [
        "dictum::otel",
        "h2",
        "hyper",
        "hyper_util",
        "opentelemetry",
        "reqwest",
        "rustls",
    ];
    let target = metadata.target();
    let own = OWN.iter().any(|own| {
        target
            .strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':') || rest.starts_with('_'))
    });
    *metadata.level() <= tracing::Level::INFO && !own
}
