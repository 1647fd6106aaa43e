//! The HTTP client all dialects share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use dictum_core::lm::{LmError, LmErrorKind, RateLimits};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::rate_limits;
use crate::secret::{Secret, redact_keys};

/// What a client is made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpOptions {
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_body: Option<usize>,
    pub(crate) proxy_from_env: bool,
}

/// A client for one address. Connections are kept and used again.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    url: Url,
    headers: HeaderMap,
    secrets: Arc<[Secret]>,
    max_body: usize,
    /// What the last answer said is left of the account's limits.
    limits: Arc<Mutex<Option<RateLimits>>>,
}

/// A refusal, as its dialect reads it.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, with what looks like a key taken out.
    pub(crate) body: String,
    pub(crate) now: SystemTime,
}

/// How a dialect reads a refusal.
pub(crate) type ReadRefusal = fn(&Refusal) -> LmError;

const MAX_BODY: usize = 64 << 20;
/// Of an error's body, as much as one wants to read.
const MAX_ERROR_BODY: usize = 64 << 10;

impl Http {
    pub(crate) fn new(url: Url, options: HttpOptions) -> Result<Self, LmError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let parsed = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value.expose()).ok());
            let Some((parsed, mut value)) = parsed else {
                let message = format!("header `{name}` has a name or value that HTTP does not allow");
                return Err(LmError::new(LmErrorKind::InvalidRequest, message));
            };
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls(url.scheme() == "https")?)
            // A redirect would hand the key and the prompt to another place. It is reported instead.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("dictum/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout.unwrap_or(Duration::from_secs(10)))
            .tcp_nodelay(true)
            .pool_max_idle_per_host(usize::MAX);
        if !options.proxy_from_env {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            LmError::new(LmErrorKind::Internal, "the HTTP client can't be set up")
                .with_source(error.without_url())
        })?;
        Ok(Self {
            client,
            url,
            headers,
            secrets: options.headers.into_iter().map(|(_, value)| value).collect(),
            max_body: options.max_body.unwrap_or(MAX_BODY),
            limits: Arc::default(),
        })
    }

    /// What the server last said is left of the account's limits.
    pub(crate) fn rate_limits(&self) -> Option<RateLimits> {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts a body and reads the whole answer.
    pub(crate) async fn post(&self, body: Vec<u8>, refused: ReadRefusal) -> Result<Bytes, LmError> {
        let response = self.send(body, refused).await?;
        self.read(response, self.max_body, false).await
    }

    /// Posts a body and reads the answer as it comes.
    pub(crate) async fn post_streaming(
        &self,
        body: Vec<u8>,
        refused: ReadRefusal,
    ) -> Result<BoxStream<'static, Result<Bytes, LmError>>, LmError> {
        let response = self.send(body, refused).await?;
        let (mut left, limit) = (self.max_body, self.max_body);
        let chunks = response.bytes_stream().map(move |chunk| {
            let chunk = chunk.map_err(broken)?;
            left = left.checked_sub(chunk.len()).ok_or_else(|| too_long(limit))?;
            Ok(chunk)
        });
        Ok(chunks.boxed())
    }

    async fn send(&self, body: Vec<u8>, refused: ReadRefusal) -> Result<Response, LmError> {
        let request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .body(body);
        let sent = Instant::now();
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if let Some(limits) = rate_limits::from_headers(response.headers(), sent, SystemTime::now()) {
            *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = Some(limits);
        }
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        // The status is the news; a body that breaks off must not hide it.
        let body = self
            .read(response, MAX_ERROR_BODY, true)
            .await
            .unwrap_or_default();
        let refusal = Refusal {
            status,
            headers,
            body: self.redact(&String::from_utf8_lossy(&body)),
            now: SystemTime::now(),
        };
        Err(refused(&refusal))
    }

    async fn read(&self, mut response: Response, limit: usize, cut: bool) -> Result<Bytes, LmError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.is_empty()
                && chunk.len() as u64 == response.content_length().unwrap_or(0)
                && chunk.len() <= limit
            {
                return Ok(chunk);
            }
            if body.len() + chunk.len() > limit {
                if cut {
                    break;
                }
                return Err(too_long(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Takes this client's keys, and what looks like one, out of a text.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter() {
            // `Bearer KEY`: the key alone is what gets quoted.
            let key = secret.expose();
            text = Secret::new(key.strip_prefix("Bearer ").unwrap_or(key)).redact(&text);
        }
        redact_keys(&text)
    }

    fn unreachable(&self, error: reqwest::Error) -> LmError {
        let host = self.url.host_str().unwrap_or_default();
        let (kind, what) = if error.is_timeout() {
            (LmErrorKind::Timeout, "did not answer the connection in time")
        } else if error.is_connect() {
            (LmErrorKind::Transport, "can't be reached")
        } else if error.is_builder() {
            (LmErrorKind::InvalidRequest, "can't be sent this request")
        } else {
            (LmErrorKind::Transport, "broke the connection before it answered")
        };
        LmError::new(kind, format!("{host} {what}{}", root_cause(&error))).with_source(error.without_url())
    }
}

fn too_long(limit: usize) -> LmError {
    let message = format!("the answer is longer than {limit} bytes, the most that is read");
    // Not `Decode`, which is tried again: it would only be as long again.
    LmError::new(LmErrorKind::Unsupported, message)
}

fn broken(error: reqwest::Error) -> LmError {
    let message = format!(
        "the connection broke before the answer was whole{}",
        root_cause(&error)
    );
    LmError::new(LmErrorKind::Transport, message).with_source(error.without_url())
}

/// The innermost cause, which is the one that says something ("connection refused"). Addresses of requests are only in
/// the outermost.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// TLS by rustls with ring, given to the client, so that no process-wide default is needed. The system's certificates are
/// read only for an address that needs them: a machine without any can still reach a local server.
fn tls(needed: bool) -> Result<rustls::ClientConfig, LmError> {
    let wrong = |error: rustls::Error| {
        LmError::new(LmErrorKind::Transport, format!("TLS can't be set up: {error}")).with_source(error)
    };
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if needed {
        builder.with_platform_verifier().map_err(wrong)?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the host: a path or query may hold a key.
        f.debug_struct("Http")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}
