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
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::dialect::Outgoing;
use crate::rate_limits;
use crate::refusal::Refusal;
use crate::secret::{Secret, redact_keys};

/// What a client is made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpOptions {
    /// Headers, their values secret.
    pub(crate) headers: Vec<(String, Secret)>,
    /// Further texts that must show nowhere.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_body: Option<usize>,
    pub(crate) proxy_from_env: bool,
    /// Certificates, as PEM, of authorities that are trusted beside the system's.
    pub(crate) roots: Vec<Vec<u8>>,
}

/// Where calls are posted.
pub(crate) struct Endpoints {
    pub(crate) whole: Url,
    pub(crate) streaming: Url,
}

/// A client for one model. Connections are kept and used again; a clone shares them.
#[derive(Clone)]
pub(crate) struct Http(Arc<Inner>);

struct Inner {
    client: Client,
    endpoints: Endpoints,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    max_body: usize,
    /// What the last answer said is left of the account's limits.
    limits: Mutex<Option<RateLimits>>,
}

/// An answer whose headers have come.
pub(crate) struct Answer {
    response: Response,
    max_body: usize,
}

/// How a dialect reads a refusal.
pub(crate) type ReadRefusal = fn(&Refusal) -> LmError;

const MAX_BODY: usize = 64 << 20;
/// Of an error's body, as much as one wants to read.
const MAX_ERROR_BODY: usize = 64 << 10;

impl Http {
    pub(crate) fn new(
        endpoints: Endpoints,
        public: &[(&'static str, &'static str)],
        options: HttpOptions,
    ) -> Result<Self, LmError> {
        let mut headers: HeaderMap = public
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
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
            .tls_backend_preconfigured(tls(endpoints.whole.scheme() == "https", &options.roots)?)
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
        let mut secrets = options.secrets;
        secrets.extend(options.headers.into_iter().map(|(_, value)| value));
        Ok(Self(Arc::new(Inner {
            client,
            endpoints,
            headers,
            secrets,
            max_body: options.max_body.unwrap_or(MAX_BODY),
            limits: Mutex::default(),
        })))
    }

    /// What the server last said is left of the account's limits.
    pub(crate) fn rate_limits(&self) -> Option<RateLimits> {
        *self.0.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts a body and waits for the headers of the answer.
    pub(crate) async fn post(
        &self,
        body: Vec<u8>,
        streams: bool,
        sign: impl FnOnce(&mut Outgoing<'_>) -> Result<(), LmError>,
        refused: ReadRefusal,
    ) -> Result<Answer, LmError> {
        let endpoints = &self.0.endpoints;
        let url = if streams {
            &endpoints.streaming
        } else {
            &endpoints.whole
        };
        let mut headers = self.0.headers.clone();
        sign(&mut Outgoing {
            url,
            headers: &mut headers,
            body: &body,
            now: SystemTime::now(),
        })?;
        let request = self.0.client.post(url.clone()).headers(headers).body(body);
        self.exchange(request, refused).await.map_err(advised)
    }

    /// Sends what is no call of a model to this address: with a body and its type, or without.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<(&str, Vec<u8>)>,
        refused: ReadRefusal,
    ) -> Result<Answer, LmError> {
        let mut headers = self.0.headers.clone();
        headers.remove(CONTENT_TYPE);
        let mut request = self.0.client.request(method, url).headers(headers);
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        self.exchange(request, refused)
            .await
            .map_err(|error| match error.status() {
                // The advice is on models, and what is not there may be a job.
                Some(404) => error,
                _ => advised(error),
            })
    }

    async fn exchange(&self, request: RequestBuilder, refused: ReadRefusal) -> Result<Answer, LmError> {
        let sent = Instant::now();
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if let Some(limits) = rate_limits::from_headers(response.headers(), sent, SystemTime::now()) {
            *self.0.limits.lock().unwrap_or_else(PoisonError::into_inner) = Some(limits);
        }
        let status = response.status();
        if status.is_success() {
            return Ok(Answer {
                response,
                max_body: self.0.max_body,
            });
        }
        let headers = response.headers().clone();
        // The status is the news; a body that breaks off must not hide it.
        let body = read(response, MAX_ERROR_BODY, true).await.unwrap_or_default();
        let refusal = Refusal {
            status,
            headers,
            body: self.redact(&String::from_utf8_lossy(&body)),
            now: SystemTime::now(),
        };
        Err(refused(&refusal))
    }

    /// Takes this client's keys, and what looks like one, out of a text.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0.secrets {
            // `Bearer KEY`: the key alone is what gets quoted.
            let key = secret.expose();
            text = Secret::new(key.strip_prefix("Bearer ").unwrap_or(key)).redact(&text);
        }
        redact_keys(&text)
    }

    fn unreachable(&self, error: reqwest::Error) -> LmError {
        let url = &self.0.endpoints.whole;
        let mut host = url.host_str().unwrap_or_default().to_owned();
        // With the port even where it is the scheme's own: one who forgot to give it sees so.
        if let Some(port) = url.port_or_known_default() {
            host = format!("{host}:{port}");
        }
        let (kind, what) = if error.is_timeout() {
            (LmErrorKind::Timeout, "did not answer the connection in time")
        } else if error.is_connect() {
            (LmErrorKind::Transport, "can't be reached")
        } else if error.is_builder() {
            (LmErrorKind::InvalidRequest, "can't be sent this request")
        } else {
            (LmErrorKind::Transport, "broke the connection before it answered")
        };
        let advice = if error.is_connect() {
            " (is the server running there?)"
        } else {
            ""
        };
        let message = format!("{host} {what}{}{advice}", root_cause(&error));
        LmError::new(kind, message).with_source(error.without_url())
    }
}

impl Answer {
    /// Reads all of it.
    pub(crate) async fn whole(self) -> Result<Bytes, LmError> {
        let body = read(self.response, self.max_body, false).await?;
        not_compressed(&body)?;
        Ok(body)
    }

    /// Reads it as it comes.
    pub(crate) fn chunks(self) -> BoxStream<'static, Result<Bytes, LmError>> {
        let (mut left, limit) = (self.max_body, self.max_body);
        let chunks = self.response.bytes_stream().map(move |chunk| {
            let chunk = chunk.map_err(broken)?;
            if left == limit {
                not_compressed(&chunk)?;
            }
            left = left.checked_sub(chunk.len()).ok_or_else(|| too_long(limit))?;
            Ok(chunk)
        });
        chunks.boxed()
    }
}

/// Reads a body; what is longer than the limit is cut there or refused.
async fn read(mut response: Response, limit: usize, cut: bool) -> Result<Bytes, LmError> {
    let mut body = BytesMut::new();
    // Told beforehand to be too long: nothing of it needs to be read and held.
    if !cut
        && response
            .content_length()
            .is_some_and(|length| length > limit as u64)
    {
        return Err(too_long(limit));
    }
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

/// A refusal with what to look at first, for those that how the model was set up is mostly to blame for. Here, so that all who
/// show an error show it.
fn advised(error: LmError) -> LmError {
    let advice = match (error.status(), error.kind()) {
        (Some(404), _) => "is the model's name right, and the base URL, which ends in /v1 for most servers?",
        (_, LmErrorKind::Auth) => "is the key the right one for this server?",
        _ => return error,
    };
    let message = format!("{} ({advice})", error.message());
    error.with_message(message)
}

fn too_long(limit: usize) -> LmError {
    let message = format!("the answer is longer than {limit} bytes, the most that is read");
    // Not `Decode`, which is tried again: it would only be as long again.
    LmError::new(LmErrorKind::Unsupported, message)
}

/// Some proxies compress what they were not asked to. Whatever the headers say: some lie.
fn not_compressed(start: &[u8]) -> Result<(), LmError> {
    if !start.starts_with(&[0x1f, 0x8b]) {
        return Ok(());
    }
    let message =
        "the answer is compressed (gzip), which was not asked for; a proxy on the way must leave it as it is";
    Err(LmError::new(LmErrorKind::Decode, message))
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
fn tls(needed: bool, roots: &[Vec<u8>]) -> Result<rustls::ClientConfig, LmError> {
    let wrong = |error: rustls::Error| {
        LmError::new(LmErrorKind::Transport, format!("TLS can't be set up: {error}")).with_source(error)
    };
    let roots = certificates(roots)?;
    let provider = Arc::new(ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if needed {
        let verifier = Verifier::new_with_extra_roots(roots, provider).map_err(wrong)?;
        // "Dangerous" is what rustls calls any verifier that is not its own.
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in texts of PEM.
fn certificates(roots: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, LmError> {
    let mut all = Vec::new();
    for pem in roots {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            all.push(certificate.map_err(|error| {
                let message = format!("a root certificate is not PEM: {error}");
                LmError::new(LmErrorKind::InvalidRequest, message)
            })?);
        }
        if all.len() == before {
            let message = "a root certificate is not PEM: it has no `-----BEGIN CERTIFICATE-----`";
            return Err(LmError::new(LmErrorKind::InvalidRequest, message));
        }
    }
    Ok(all)
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the host: a path or query may hold a key.
        f.debug_struct("Http")
            .field("host", &self.0.endpoints.whole.host_str())
            .finish_non_exhaustive()
    }
}
