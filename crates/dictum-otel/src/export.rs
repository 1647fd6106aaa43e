//! What stands around the SDK's queue and exporters: counts, and attributes in the form the conventions want.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Array, Context, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use crate::delivery::Counts;

/// The queue, counting what goes in: when it is full it drops without a word.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) inner: BatchSpanProcessor,
    pub(crate) counts: Arc<Counts>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.counts.ended();
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// The exporter of spans.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) inner: opentelemetry_otlp::SpanExporter,
    pub(crate) counts: Arc<Counts>,
}

impl SpanExporter for Spans {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(lists);
        let spans = batch.len() as u64;
        let result = self.inner.export(batch).await;
        self.counts.spans(spans, result.is_ok());
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Attributes that are lists by the conventions, and that a `tracing` field can hold as text only.
fn lists(span: &mut SpanData) {
    for attribute in &mut span.attributes {
        let list: Vec<StringValue> = match (attribute.key.as_str(), &attribute.value) {
            ("gen_ai.response.finish_reasons", Value::String(reason)) => vec![reason.clone()],
            ("gen_ai.request.stop_sequences", Value::String(json)) => {
                let texts: Vec<String> = serde_json::from_str(json.as_str()).unwrap_or_default();
                texts.into_iter().map(Into::into).collect()
            }
            _ => continue,
        };
        attribute.value = Value::Array(Array::String(list));
    }
}

/// The exporter of metrics.
pub(crate) struct Metrics {
    pub(crate) inner: opentelemetry_otlp::MetricExporter,
    pub(crate) counts: Arc<Counts>,
}

impl PushMetricExporter for Metrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.inner.export(metrics).await;
        self.counts.metrics(result.is_ok());
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}
