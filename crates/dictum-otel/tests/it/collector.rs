//! A collector in the process: takes OTLP over HTTP and decodes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

#[derive(Default)]
struct Got {
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    bytes: Vec<u8>,
    headers: Vec<HeaderMap>,
}

/// How it treats batches of spans.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manners {
    pub(crate) status: u16,
    pub(crate) delay: Duration,
    pub(crate) rejects: i64,
}

/// Runs on a thread of its own, because guards wait on the test's.
pub(crate) struct Collector {
    pub(crate) url: String,
    got: Arc<Mutex<Got>>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self::with(Manners {
            status: 200,
            ..Manners::default()
        })
    }

    pub(crate) fn with(manners: Manners) -> Self {
        let got = Arc::<Mutex<Got>>::default();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let app = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .with_state((got.clone(), manners));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    result = axum::serve(listener, app).into_future() => result.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self {
            url: format!("http://{}", told.recv().unwrap()),
            got,
            _stop: stop,
        }
    }

    /// All spans, each with its attributes.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        let got = self.got.lock().unwrap();
        let resources = got.traces.iter().flat_map(|request| &request.resource_spans);
        let spans = resources
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans);
        spans.cloned().map(Seen).collect()
    }

    /// The attributes of the program.
    pub(crate) fn resource(&self) -> BTreeMap<String, String> {
        let got = self.got.lock().unwrap();
        attributes(
            &got.traces[0].resource_spans[0]
                .resource
                .as_ref()
                .unwrap()
                .attributes,
        )
    }

    /// The last value of each metric: a sum or a count with its attributes, by name.
    pub(crate) fn metrics(&self) -> Vec<Point> {
        let got = self.got.lock().unwrap();
        let Some(last) = got.metrics.last() else {
            return Vec::new();
        };
        let mut points = Vec::new();
        let scopes = last
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &scope.metrics) {
            let mut add = |attributes_of: &[KeyValue], count: u64, sum: f64| {
                points.push(Point {
                    name: metric.name.clone(),
                    attributes: attributes(attributes_of),
                    count,
                    sum,
                });
            };
            match metric.data.as_ref().unwrap() {
                metric::Data::Histogram(histogram) => {
                    for point in &histogram.data_points {
                        add(&point.attributes, point.count, point.sum.unwrap());
                    }
                }
                metric::Data::Sum(sum) => {
                    for point in &sum.data_points {
                        let Some(number_data_point::Value::AsInt(value)) = point.value else {
                            panic!("{point:?}")
                        };
                        add(&point.attributes, value.cast_unsigned(), value as f64);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        points
    }

    /// Whether a text was in anything that came.
    pub(crate) fn heard(&self, text: &str) -> bool {
        let got = self.got.lock().unwrap();
        got.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let got = self.got.lock().unwrap();
        let value = got.headers.first()?.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }
}

pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

pub(crate) struct Seen(pub(crate) Span);

impl Seen {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        attributes(&self.0.attributes).remove(name)
    }
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| value.as_ref().and_then(|value| value.value.clone());
    attributes
        .iter()
        .filter_map(|pair| Some((pair.key.clone(), shown(text(&pair.value)?))))
        .collect()
}

/// A value with its type, where that is not text.
fn shown(value: Value) -> String {
    match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => format!("{number} (int)"),
        Value::DoubleValue(number) => format!("{number} (double)"),
        Value::BoolValue(value) => format!("{value} (bool)"),
        Value::ArrayValue(list) => {
            let items = list.values.into_iter().filter_map(|item| item.value).map(shown);
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        other => panic!("{other:?}"),
    }
}

type Shared = State<(Arc<Mutex<Got>>, Manners)>;

async fn traces(
    State((got, manners)): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, axum::body::Bytes) {
    tokio::time::sleep(manners.delay).await;
    let status = StatusCode::from_u16(manners.status).unwrap();
    if !status.is_success() {
        return (status, Bytes::new());
    }
    let mut got = got.lock().unwrap();
    got.bytes.extend_from_slice(&body);
    got.headers.push(headers);
    got.traces.push(ExportTraceServiceRequest::decode(body).unwrap());
    let answer = ExportTraceServiceResponse {
        partial_success: (manners.rejects > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: manners.rejects,
            error_message: "too old".into(),
        }),
    };
    (status, answer.encode_to_vec().into())
}

async fn metrics(State((got, manners)): Shared, body: Bytes) -> StatusCode {
    tokio::time::sleep(manners.delay).await;
    let status = StatusCode::from_u16(manners.status).unwrap();
    if status.is_success() {
        let mut got = got.lock().unwrap();
        got.bytes.extend_from_slice(&body);
        got.metrics
            .push(ExportMetricsServiceRequest::decode(body).unwrap());
    }
    status
}
