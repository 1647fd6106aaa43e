//! The HTTP client all dialects share.

mod connect;
mod tls;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use dictum_core::lm::{LmError, LmErrorKind, RateLimits};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{ACCEPT, CONTENT_TYPE, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{self, Client};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use self::connect::Connector;
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
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
    endpoints: Endpoints,
    /// The endpoints, whole and streaming, in the client's form.
    uris: [Uri; 2],
    headers: HeaderMap,
    secrets: Vec<Secret>,
    max_body: usize,
    /// What the last answer said is left of the account's limits.
    limits: Mutex<Option<RateLimits>>,
}

/// An answer whose headers have come.
pub(crate) struct Answer {
    response: Response<Incoming>,
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
        let of_its_own = [
            (ACCEPT, "*/*"),
            (USER_AGENT, concat!("dictum/", env!("CARGO_PKG_VERSION"))),
        ];
        for (name, value) in of_its_own {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        let with_tls = endpoints.whole.scheme() == "https" || options.proxy_from_env;
        let connector = Connector::new(
            tls::config(with_tls, &options.roots)?,
            options.proxy_from_env.then(Matcher::from_system),
            options.connect_timeout.unwrap_or(Duration::from_secs(10)),
        );
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .build(connector.clone());
        let uris = [uri(&endpoints.whole)?, uri(&endpoints.streaming)?];
        let mut secrets = options.secrets;
        secrets.extend(options.headers.into_iter().map(|(_, value)| value));
        Ok(Self(Arc::new(Inner {
            client,
            connector,
            endpoints,
            uris,
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
        let Endpoints { whole, streaming } = &self.0.endpoints;
        let [whole_uri, streaming_uri] = &self.0.uris;
        let (url, uri) = if streams {
            (streaming, streaming_uri)
        } else {
            (whole, whole_uri)
        };
        let mut headers = self.0.headers.clone();
        sign(&mut Outgoing {
            url,
            headers: &mut headers,
            body: &body,
            now: SystemTime::now(),
        })?;
        let request = written(Method::POST, uri.clone(), headers, body);
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
        let mut bytes = Vec::new();
        if let Some((content_type, body)) = body {
            let content_type =
                HeaderValue::try_from(content_type).map_err(|_| unsendable("a content type"))?;
            headers.insert(CONTENT_TYPE, content_type);
            bytes = body;
        }
        self.exchange(written(method, uri(&url)?, headers, bytes), refused)
            .await
            .map_err(|error| match error.status() {
                // The advice is on models, and what is not there may be a job.
                Some(404) => error,
                _ => advised(error),
            })
    }

    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        refused: ReadRefusal,
    ) -> Result<Answer, LmError> {
        if let Some(authorization) = self.0.connector.proxy_authorization(request.uri()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let sent = Instant::now();
        let response = self.0.client.request(request).await;
        let response = response.map_err(|error| self.unreachable(error))?;
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
            let header = secret.expose();
            let key = ["Bearer ", "Basic "]
                .iter()
                .find_map(|scheme| header.strip_prefix(scheme));
            text = Secret::new(key.unwrap_or(header)).redact(&text);
        }
        redact_keys(&text)
    }

    fn unreachable(&self, error: legacy::Error) -> LmError {
        let url = &self.0.endpoints.whole;
        let mut host = url.host_str().unwrap_or_default().to_owned();
        // With the port even where it is the scheme's own: one who forgot to give it sees so.
        if let Some(port) = url.port_or_known_default() {
            host = format!("{host}:{port}");
        }
        let timed_out = |cause: &(dyn Error + 'static)| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
        };
        let (kind, what, advice) = if !error.is_connect() {
            (
                LmErrorKind::Transport,
                "broke the connection before it answered",
                "",
            )
        } else if causes(&error).any(timed_out) {
            (LmErrorKind::Timeout, "did not answer the connection in time", "")
        } else {
            (
                LmErrorKind::Transport,
                "can't be reached",
                " (is the server running there?)",
            )
        };
        let message = format!("{host} {what}{}{advice}", root_cause(&error));
        LmError::new(kind, message).with_source(error)
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
        let chunks = self.response.into_body().into_data_stream().map(move |chunk| {
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
async fn read(response: Response<Incoming>, limit: usize, cut: bool) -> Result<Bytes, LmError> {
    let mut incoming = response.into_body();
    let told = incoming.size_hint().exact();
    // Told beforehand to be too long: nothing of it needs to be read and held.
    if !cut && told.is_some_and(|length| length > limit as u64) {
        return Err(too_long(limit));
    }
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        // What is no data are trailers.
        let Ok(chunk) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if body.is_empty() && told == Some(chunk.len() as u64) && chunk.len() <= limit {
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

fn written(method: Method, uri: Uri, headers: HeaderMap, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// An address in the client's form. It may hold a key, so no message quotes it.
fn uri(url: &Url) -> Result<Uri, LmError> {
    Uri::try_from(url.as_str()).map_err(|_| unsendable("an address"))
}

fn unsendable(what: &str) -> LmError {
    let message = format!("{what} has characters that HTTP does not allow");
    LmError::new(LmErrorKind::InvalidRequest, message)
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

fn broken(error: hyper::Error) -> LmError {
    let message = format!(
        "the connection broke before the answer was whole{}",
        root_cause(&error)
    );
    LmError::new(LmErrorKind::Transport, message).with_source(error)
}

/// The innermost cause, which is the one that says something ("connection refused").
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let cause = causes(error).last();
    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// What an error came from, and what that came from.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the host: a path or query may hold a key.
        f.debug_struct("Http")
            .field("host", &self.0.endpoints.whole.host_str())
            .finish_non_exhaustive()
    }
}
