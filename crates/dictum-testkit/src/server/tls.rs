//! TLS in front of another server, with a certificate that is as it should be, or isn't.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// What a [`TlsServer`] shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// One for `127.0.0.1` and `localhost`, from its authority: right for who trusts that.
    Right,
    /// One for another host.
    OtherHost,
    /// One that ended years ago.
    Expired,
    /// One that it signed itself.
    SelfSigned,
}

/// An authority that nobody trusts unless told to.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

impl Authority {
    /// A new one, with a key of its own.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let root = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            root,
        })
    }

    /// Its own certificate as PEM, for those who are to trust it.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    fn config(&self, certificate: Certificate) -> io::Result<ServerConfig> {
        let names: &[&str] = match certificate {
            Certificate::OtherHost => &["elsewhere.example"],
            _ => &["127.0.0.1", "localhost"],
        };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        if certificate == Certificate::Expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let signed = signed.map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .map_err(io::Error::other)
    }
}

/// TLS on loopback in front of a server without: what comes through is handed on as it is. On a port and a thread of its own until
/// it is dropped.
#[derive(Debug)]
pub struct TlsServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl TlsServer {
    /// In front of the server at this port of loopback.
    ///
    /// # Errors
    /// When there is no port to be had, or no certificate can be made.
    pub fn before(port: u16, authority: &Authority, certificate: Certificate) -> io::Result<Self> {
        Self::start(port, authority.config(certificate)?)
    }

    /// The same with the right certificate, and HTTP/2 is what is spoken, as with most providers.
    ///
    /// # Errors
    /// When there is no port to be had, or no certificate can be made.
    pub fn before_in_http2(port: u16, authority: &Authority) -> io::Result<Self> {
        let mut config = authority.config(Certificate::Right)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self::start(port, config)
    }

    fn start(port: u16, config: ServerConfig) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                let serve = async {
                    loop {
                        if let Ok((stream, _)) = listener.accept().await {
                            tokio::spawn(hand_on(stream, acceptor.clone(), port));
                        }
                    }
                };
                tokio::select! {
                    _ = stopped => {}
                    () = serve => {}
                }
            });
            runtime.shutdown_timeout(Duration::ZERO);
        });
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The base URL for clients, `https://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/v1", self.address)
    }
}

/// A connection that fails, in the handshake say, ends, and that is all.
async fn hand_on(stream: TcpStream, acceptor: TlsAcceptor, port: u16) {
    let Ok(mut from) = acceptor.accept(stream).await else {
        return;
    };
    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
        tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
