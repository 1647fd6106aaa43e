//! Metrics, made of the spans of calls.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The target and name of the spans that are calls of a model.
const CALLS: (&str, &str) = ("dictum::lm", "chat");

/// Bounds of the histograms, in seconds and tokens, as the conventions want them.
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Turns each call's span into metrics when it ends.
pub(crate) struct CallMetrics {
    duration: Histogram<f64>,
    tokens: Histogram<u64>,
    calls: Counter<u64>,
    errors: Counter<u64>,
    retries: Counter<u64>,
    cache_hits: Counter<u64>,
}

impl CallMetrics {
    pub(crate) fn new(meter: &Meter) -> Self {
        let counter = |name: &'static str, unit: &'static str, about: &'static str| {
            meter
                .u64_counter(name)
                .with_unit(unit)
                .with_description(about)
                .build()
        };
        Self {
            duration: meter
                .f64_histogram("gen_ai.client.operation.duration")
                .with_unit("s")
                .with_description("How long calls of models took, retries and waits included.")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Tokens of calls that reached a model, by type.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            calls: counter(
                "dictum.client.calls",
                "{call}",
                "Calls of models, by where the answer came from.",
            ),
            errors: counter("dictum.client.errors", "{call}", "Calls that failed, by kind."),
            retries: counter(
                "dictum.client.retries",
                "{attempt}",
                "Attempts beyond the first of each call.",
            ),
            cache_hits: counter(
                "dictum.client.cache_hits",
                "{call}",
                "Calls that a cache answered.",
            ),
        }
    }

    fn record(&self, call: &Seen) {
        let text = |name: &str| call.texts.get(name).cloned();
        let mut about = vec![KeyValue::new("gen_ai.operation.name", "chat")];
        for name in ["gen_ai.provider.name", "gen_ai.request.model"] {
            if let Some(value) = text(name) {
                about.push(KeyValue::new(name, value));
            }
        }
        // A call without an end was dropped by its caller.
        let source = text("dictum.source");
        let error = text("error.type").or_else(|| source.is_none().then(|| "cancelled".to_owned()));
        let attempts = call.counts.get("dictum.attempts").copied().unwrap_or(0);
        if let Ok(retries @ 1..) = u64::try_from(attempts.saturating_sub(1)) {
            self.retries.add(retries, &about);
        }
        if let Some(source) = &source {
            let mut of = about.clone();
            of.push(KeyValue::new("dictum.source", source.clone()));
            self.calls.add(1, &of);
        }
        if source.as_deref() == Some("cache") {
            self.cache_hits.add(1, &about);
        }
        // What was asked for and what answered need not be the same model.
        if let Some(model) = text("gen_ai.response.model") {
            about.push(KeyValue::new("gen_ai.response.model", model));
        }
        if source.as_deref() == Some("model") {
            for (kind, name) in [
                ("input", "gen_ai.usage.input_tokens"),
                ("output", "gen_ai.usage.output_tokens"),
            ] {
                let tokens = call.counts.get(name);
                if let Some(tokens) = tokens.and_then(|tokens| u64::try_from(*tokens).ok()) {
                    let mut of = about.clone();
                    of.push(KeyValue::new("gen_ai.token.type", kind));
                    self.tokens.record(tokens, &of);
                }
            }
        }
        if let Some(error) = &error {
            about.push(KeyValue::new("error.type", error.clone()));
            self.errors.add(1, &about);
        }
        // An answer that was there already says nothing about how long models take.
        if error.is_some() || source.as_deref() == Some("model") {
            self.duration.record(call.begun.elapsed().as_secs_f64(), &about);
        }
    }
}

/// What is known of a call that runs.
struct Seen {
    begun: Instant,
    texts: BTreeMap<&'static str, String>,
    counts: BTreeMap<&'static str, i64>,
}

/// The fields metrics are made of. Nothing else is kept, however much a span holds.
const TEXTS: [&str; 5] = [
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "dictum.source",
    "error.type",
];

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        if TEXTS.contains(&field.name()) {
            self.texts.insert(field.name(), value.to_owned());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.counts.insert(field.name(), value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for CallMetrics {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if (metadata.target(), metadata.name()) != CALLS {
            return;
        }
        if let Some(span) = context.span(id) {
            let mut seen = Seen {
                begun: Instant::now(),
                texts: BTreeMap::new(),
                counts: BTreeMap::new(),
            };
            attributes.record(&mut seen);
            span.extensions_mut().replace(seen);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(seen) = span.extensions_mut().get_mut::<Seen>()
        {
            values.record(seen);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id)
            && let Some(seen) = span.extensions_mut().remove::<Seen>()
        {
            self.record(&seen);
        }
    }
}
