//! A server that does not even speak HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a [`RudeServer`] does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Closes it at once.
    HangsUp,
    /// Reads something, then closes it without a word.
    ListensAndHangsUp,
    /// Reads all and says nothing, for ever.
    Silent,
    /// Answers with what is in no protocol.
    Babbles,
}

/// A server on loopback, on a port and a thread of its own until it is dropped, that takes connections and does not do as HTTP
/// wants it. Also for `https`: each of these ends a TLS handshake as well.
#[derive(Debug)]
pub struct RudeServer {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl RudeServer {
    /// A server of these manners.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub fn new(manners: Manners) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                while !stop.load(Ordering::Acquire) {
                    let wait = tokio::time::timeout(Duration::from_millis(50), listener.accept());
                    if let Ok(Ok((stream, _))) = wait.await {
                        tokio::spawn(serve(stream, manners));
                    }
                }
            });
            runtime.shutdown_timeout(Duration::ZERO);
        });
        Ok(Self {
            address,
            stopped,
            thread: Some(thread),
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn serve(mut stream: tokio::net::TcpStream, manners: Manners) {
    let mut buffer = vec![0; 4096];
    match manners {
        Manners::HangsUp => {}
        Manners::ListensAndHangsUp => drop(stream.read(&mut buffer).await),
        Manners::Silent => while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {},
        Manners::Babbles => {
            drop(stream.read(&mut buffer).await);
            drop(stream.write_all(b"* OK [CAPABILITY] ready\r\n\r\n\0\0\0").await);
        }
    }
}

impl Drop for RudeServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
