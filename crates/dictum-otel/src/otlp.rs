//! [`Otlp`]: where telemetry goes.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanLimits,
};
use reqwest::Url;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::delivery::{Counts, Delivery, OnLoss};
use crate::error::OtlpError;
use crate::export::{Metrics, Queue, Spans};
use crate::guard::{Guard, Running};
use crate::layer::{OtlpLayer, layer};
use crate::metrics::CallMetrics;
use crate::transport::Transport;

/// Traces and metrics to one collector, as OTLP over HTTP with protobuf. See the crate for what is sent.
#[derive(Clone)]
#[must_use = "nothing is sent before `install` or `layer`"]
pub struct Otlp {
    endpoint: String,
    service: String,
    attributes: Vec<KeyValue>,
    headers: Vec<(String, String)>,
    queue: usize,
    interval: Duration,
    export_timeout: Duration,
    shutdown_timeout: Duration,
    ratio: f64,
    proxy_from_env: bool,
    on_loss: Option<OnLoss>,
}

impl Otlp {
    /// To the collector at this address, such as `http://localhost:4318`; `/v1/traces` and `/v1/metrics` are put behind it.
    ///
    /// Without further words: service `unknown_service`, all spans, at most 2048 of them waiting, sent every 5 s and when 512
    /// wait, 5 s for each attempt to send, 5 s to end.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            service: "unknown_service".to_owned(),
            attributes: Vec::new(),
            headers: Vec::new(),
            queue: 2048,
            interval: Duration::from_secs(5),
            export_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(5),
            ratio: 1.0,
            proxy_from_env: false,
            on_loss: None,
        }
    }

    /// The name of the program, `service.name`.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// One more attribute of the program, such as `deployment.environment.name`.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push(KeyValue::new(name.into(), value.into()));
        self
    }

    /// One more header for the collector. Its value is a secret: it is sent, and shown nowhere.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The token of an `Authorization: Bearer` header.
    pub fn bearer(self, token: impl fmt::Display) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// At most this many spans wait to be sent; more are lost and counted. At least one.
    pub fn queue(mut self, spans: usize) -> Self {
        self.queue = spans.max(1);
        self
    }

    /// Sends what waits this often.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// So much time to deliver a batch, with its retries.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }

    /// So much time at the end to send what waits.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Only this share of traces, from 0 to 1, each whole or not at all. Metrics count all calls.
    pub fn sample(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Through the proxy that the usual variables of the environment name.
    pub fn proxy_from_env(mut self) -> Self {
        self.proxy_from_env = true;
        self
    }

    /// Calls this when telemetry is lost: once when trouble begins, and once at the end, with the counts. It is called on a
    /// thread of the exporter and must not block.
    ///
    /// Without it, a loss is a `tracing` warning on target `dictum::otel`; after [`Otlp::install`], which leaves no one to
    /// hear that, a line on standard error.
    pub fn on_loss(mut self, callback: impl Fn(&Delivery) + Send + Sync + 'static) -> Self {
        self.on_loss = Some(Arc::new(callback));
        self
    }

    /// Sends the spans and metrics of this process until the guard is dropped: makes this the process's `tracing` subscriber.
    ///
    /// # Errors
    /// [`OtlpError`] when the address or a header is none, the exporter can't be made, or the process has a subscriber.
    pub fn install(mut self) -> Result<Guard, OtlpError> {
        let _ = self.on_loss.get_or_insert_with(|| {
            Arc::new(|delivery| {
                // The last resort: telemetry that is lost without a word would be taken for quiet.
                let _ = writeln!(std::io::stderr(), "{delivery}");
            })
        });
        let (layer, guard) = self.layer::<Registry>()?;
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .map_err(|_| OtlpError::Installed)?;
        Ok(guard)
    }

    /// A layer for a subscriber of one's own, and the guard that keeps it going.
    ///
    /// # Errors
    /// [`OtlpError`] when the address or a header is none, or the exporter can't be made.
    pub fn layer<S>(self) -> Result<(OtlpLayer<S>, Guard), OtlpError>
    where
        S: Subscriber + Send + Sync + for<'a> LookupSpan<'a>,
    {
        let on_loss = self.on_loss.clone().unwrap_or_else(|| {
            Arc::new(|delivery| {
                tracing::warn!(
                    target: "dictum::otel",
                    spans_lost = delivery.spans_lost,
                    metrics_delivered = delivery.metrics_delivered,
                    "{delivery}"
                );
            })
        });
        let counts = Arc::new(Counts::new(on_loss));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("dictum-otel")
            .enable_all()
            .build()
            .map_err(|error| OtlpError::Setup(error.to_string()))?;
        match self.providers(&runtime, &counts) {
            Ok((tracers, meters)) => {
                let metrics = CallMetrics::new(&meters.meter("dictum"));
                let layer = layer(tracers.tracer("dictum"), metrics);
                let running = Running {
                    tracers,
                    meters,
                    runtime,
                    counts,
                    timeout: self.shutdown_timeout,
                };
                Ok((
                    layer,
                    Guard {
                        running: Some(running),
                    },
                ))
            }
            Err(error) => {
                // Dropping a runtime inside another would panic.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    fn providers(
        &self,
        runtime: &tokio::runtime::Runtime,
        counts: &Arc<Counts>,
    ) -> Result<(SdkTracerProvider, SdkMeterProvider), OtlpError> {
        let base = self.base()?;
        let transport = Transport::new(
            &base,
            self.header_map()?,
            self.export_timeout,
            self.proxy_from_env,
            runtime.handle().clone(),
            counts.clone(),
        )?;
        let setup = |error: opentelemetry_otlp::ExporterBuildError| OtlpError::Setup(error.to_string());
        let base = base.as_str().trim_end_matches('/');
        // Everything the SDK would look for in the environment is given.
        let spans = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(transport.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{base}/v1/traces"))
            .with_timeout(self.export_timeout)
            .build()
            .map_err(setup)?;
        let metrics = opentelemetry_otlp::MetricExporter::builder()
            .with_http()
            .with_http_client(transport)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{base}/v1/metrics"))
            .with_timeout(self.export_timeout)
            .build()
            .map_err(setup)?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(self.queue)
            .with_max_export_batch_size(512)
            .with_scheduled_delay(self.interval)
            .build();
        let spans = Spans {
            inner: spans,
            counts: counts.clone(),
        };
        let queue = Queue {
            inner: BatchSpanProcessor::new(spans, batches),
            counts: counts.clone(),
        };
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(self.ratio)));
        let resource = self.resource();
        let tracers = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_limits(SpanLimits::default())
            .with_resource(resource.clone())
            .with_span_processor(queue)
            .build();
        let metrics = Metrics {
            inner: metrics,
            counts: counts.clone(),
        };
        let meters = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(
                PeriodicReader::builder(metrics)
                    .with_interval(self.interval)
                    .build(),
            )
            .build();
        Ok((tracers, meters))
    }

    fn resource(&self) -> Resource {
        Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_attributes(self.attributes.clone())
            .with_service_name(self.service.clone())
            .build()
    }

    fn base(&self) -> Result<Url, OtlpError> {
        let wrong = || OtlpError::Endpoint(without_secrets(&self.endpoint));
        let url = Url::parse(self.endpoint.trim()).map_err(|_| wrong())?;
        let whole = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
        if whole { Ok(url) } else { Err(wrong()) }
    }

    fn header_map(&self) -> Result<HeaderMap, OtlpError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let parsed = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            let Some((parsed, mut value)) = parsed else {
                return Err(OtlpError::Header(name.clone()));
            };
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
        Ok(headers)
    }
}

/// An address without what may be a key in it: the part before `@`, and the query.
fn without_secrets(endpoint: &str) -> String {
    let (endpoint, _) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    match (endpoint.split_once("://"), endpoint.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://[redacted]@{place}"),
        (None, Some((_, place))) => format!("[redacted]@{place}"),
        _ => endpoint.to_owned(),
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Otlp")
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("service", &self.service)
            .field("headers", &headers)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
