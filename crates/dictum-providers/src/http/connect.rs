//! How connections are opened: straight or by a proxy, in the clear or over TLS, in bounded time.

use std::error::Error;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::ClientConfig;
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;

/// Opens the connections of a client, which clones it with each request.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    straight: HttpsConnector<HttpConnector>,
    /// To a proxy, which is spoken to in HTTP/1.1.
    to_proxy: HttpsConnector<HttpConnector>,
    tls: Arc<ClientConfig>,
    proxies: Option<Matcher>,
    timeout: Duration,
}

impl Connector {
    /// `tls` says by ALPN what HTTP is spoken; `timeout` bounds all of the way: name, connection, proxy, TLS.
    pub(super) fn new(tls: ClientConfig, proxies: Option<Matcher>, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // A server that is gone without a word is noticed within a minute, also by a call that only waits.
        tcp.set_keepalive(Some(Duration::from_secs(15)));
        tcp.set_keepalive_interval(Some(Duration::from_secs(15)));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(Duration::from_secs(30)));
        let mut in_http1 = tls.clone();
        in_http1.alpn_protocols.clear();
        let tls = Arc::new(tls);
        Self(Arc::new(Inner {
            straight: HttpsConnector::from((tcp.clone(), Arc::clone(&tls))),
            to_proxy: HttpsConnector::from((tcp, Arc::new(in_http1))),
            tls,
            proxies,
            timeout,
        }))
    }

    /// What a request to this address must tell the proxy that forwards it. Where a tunnel is used, its opening told it.
    pub(super) fn proxy_authorization(&self, to: &Uri) -> Option<HeaderValue> {
        if is_https(to) {
            return None;
        }
        self.0.proxy(to)?.basic_auth().cloned()
    }
}

impl Inner {
    fn proxy(&self, to: &Uri) -> Option<Intercept> {
        self.proxies.as_ref()?.intercept(to)
    }

    async fn open(&self, to: Uri) -> Result<Opened, BoxError> {
        let Some(proxy) = self.proxy(&to) else {
            return Ok(Opened::new(self.straight.clone().call(to).await?, false));
        };
        let scheme = proxy.uri().scheme_str().unwrap_or_default();
        if !matches!(scheme, "http" | "https") {
            return Err(format!("the proxy speaks `{scheme}`, and only http and https are known").into());
        }
        if !is_https(&to) {
            let opened = self.to_proxy.clone().call(proxy.uri().clone()).await?;
            return Ok(Opened::new(opened, true));
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        let mut tunnel = HttpsConnector::from((tunnel, Arc::clone(&self.tls)));
        Ok(Opened::new(tunnel.call(to).await?, false))
    }
}

fn is_https(to: &Uri) -> bool {
    to.scheme_str() == Some("https")
}

impl Service<Uri> for Connector {
    type Response = Opened;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Opened, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Self(inner) = self.clone();
        Box::pin(async move {
            let time = inner.timeout;
            let late = |_| io::Error::new(ErrorKind::TimedOut, format!("{time:?} have passed"));
            let opened = tokio::time::timeout(time, inner.open(to)).await;
            opened.map_err(late)?
        })
    }
}

/// What bytes go over, whichever way it was opened.
trait Io: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Io for T {}

/// An open connection.
pub(super) struct Opened {
    io: Box<dyn Io>,
    /// Whether a proxy at its other end reads the requests and forwards them, so that they must say where to.
    forwarded: bool,
}

impl Opened {
    fn new(io: impl Io + 'static, forwarded: bool) -> Self {
        Self {
            io: Box::new(io),
            forwarded,
        }
    }
}

impl Connection for Opened {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.forwarded)
    }
}

impl Read for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Opened {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }
}
