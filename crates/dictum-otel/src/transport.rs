//! The HTTP client: reqwest on a runtime of its own, because the SDK's threads have none and the program's may be gone
//! when the last batch is sent.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::runtime::Handle;

use crate::delivery::Counts;
use crate::error::OtlpError;
use crate::tls;

/// Posts batches to one collector.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client,
    runtime: Handle,
    headers: HeaderMap,
    counts: Arc<Counts>,
}

/// Of a collector's answer, as much as is read.
const MAX_ANSWER: usize = 64 << 10;

impl Transport {
    pub(crate) fn new(
        url: &Url,
        headers: HeaderMap,
        timeout: Duration,
        proxy_from_env: bool,
        runtime: Handle,
        counts: Arc<Counts>,
    ) -> Result<Self, OtlpError> {
        let tls = tls::config(url.scheme() == "https").map_err(|error| setup(&error))?;
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls)
            // A redirect would hand the headers to another place.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("dictum-otel/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout);
        if !proxy_from_env {
            client = client.no_proxy();
        }
        Ok(Self {
            client: client.build().map_err(|error| setup(&error.without_url()))?,
            runtime,
            headers,
            counts,
        })
    }

    async fn post(self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let url = Url::parse(&request.uri().to_string())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let traces = url.path().ends_with("/v1/traces");
        let mut post = self.client.post(url).headers(self.headers.clone());
        // Of the exporter's own headers only these: it takes others from the environment.
        for name in [CONTENT_TYPE, CONTENT_ENCODING] {
            if let Some(value) = request.headers().get(&name) {
                post = post.header(name, value.clone());
            }
        }
        let answer = match post.body(request.into_body()).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = error.without_url();
                self.counts
                    .problem(format!("{host} can't be reached: {}", root_cause(&error)));
                return Err(error.into());
            }
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = read(answer).await.unwrap_or_default();
        if !status.is_success() {
            self.counts.problem(format!("{host} answered {status}"));
        } else if traces && let Ok(said) = ExportTraceServiceResponse::decode(body.clone()) {
            self.heed(&host, said);
        }
        let mut response = http::Response::builder().status(status).body(body)?;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// A collector may take a batch in part. Its words may quote what it was sent, so only the count is told.
    fn heed(&self, host: &str, said: ExportTraceServiceResponse) {
        let refused = said.partial_success.map_or(0, |partial| partial.rejected_spans);
        if let Ok(refused) = u64::try_from(refused)
            && refused > 0
        {
            self.counts
                .problem(format!("{host} refused {refused} spans of a batch"));
            self.counts.refused(refused);
        }
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Bytes, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn setup(error: &dyn std::error::Error) -> OtlpError {
    OtlpError::Setup(root_cause(error))
}

/// The innermost cause, which is the one that says something ("connection refused").
fn root_cause(mut error: &dyn std::error::Error) -> String {
    while let Some(deeper) = error.source() {
        error = deeper;
    }
    error.to_string()
}

impl HttpClient for Transport {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let work = self.runtime.spawn(self.clone().post(request));
        Box::pin(async move { work.await? })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold keys.
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
