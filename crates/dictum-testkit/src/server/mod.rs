//! A server on loopback that speaks the dialects of the usual providers, and whatever else it is told to say.

mod dialects;
mod event_stream;
mod garble;
mod reply;
mod rude;
mod tls;
mod trouble;

pub use event_stream::{event_frame, exception_frame};
pub use garble::Garble;
pub use reply::{Chat, Fault, Reply};
pub use rude::{Manners, RudeServer};
pub use tls::{Authority, Certificate, TlsServer};
pub use trouble::Trouble;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::post;
use axum::serve::Listener;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Names and values of the headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Path and query of the address.
    pub path: String,
    /// The body; `null` when it was not JSON.
    pub body: Value,
    /// The body as it came.
    pub bytes: Bytes,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A request that a program answers.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its number, from 0.
    pub number: usize,
    /// Path and query of the address.
    pub path: &'a str,
    /// The body; `null` when it was not JSON.
    pub body: &'a Value,
    /// The body as it came.
    pub bytes: &'a [u8],
}

/// Counts that only the server can know.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    requests: AtomicUsize,
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// Changes with each call whose client went away before the answer was whole.
    disconnects: watch::Sender<usize>,
}

/// Connections that may wait to be taken. With few, thousands of clients at once are told to come back seconds later.
const BACKLOG: u32 = 4096;

type Program = dyn Fn(&Asked<'_>) -> Reply + Send + Sync;

struct Shared {
    program: Box<Program>,
    counts: Arc<Counts>,
    seen: Mutex<Vec<Seen>>,
    keep: usize,
}

/// A server on loopback, on a port of its own, running on a thread of its own until it is dropped. It answers
/// every `POST`, whatever its path: [`Chat`] in the dialect whose path was asked, whole or as a stream, as each request asks;
/// all else with the bytes it is given. Paths that end in `/messages` are Anthropic's, `/responses` is OpenAI's Responses,
/// `:generateContent` and `:streamGenerateContent` are Gemini's, `/converse` and `/converse-stream` are Bedrock's; all others are chat completions.
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeServer {
    /// A server that gives these replies one after the other, then the last one again.
    ///
    /// # Panics
    /// When there is no reply, or no port to be had.
    #[must_use]
    pub fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<Reply> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a script needs at least one reply");
        Self::programmed(move |n, _| {
            replies
                .get(n)
                .or(replies.last())
                .cloned()
                .unwrap_or_else(|| Reply::text(""))
        })
    }

    /// A server that answers each request as the closure says, which is given the request's number, from 0, and its body.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a test without its server has nothing to go on with"
    )]
    pub fn programmed(program: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(0, Box::new(move |asked| program(asked.number, asked.body)), 1000)
            .expect("a port on loopback")
    }

    /// Like [`FakeServer::programmed`], keeping no request: for benches.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a test without its server has nothing to go on with"
    )]
    pub fn forgetful(program: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(0, Box::new(move |asked| program(asked.number, asked.body)), 0)
            .expect("a port on loopback")
    }

    /// A server that answers each request as the closure says, which sees all of it, and that keeps none. On this port, so that
    /// one that was dropped can come back where it was; 0 for any that is free.
    ///
    /// # Errors
    /// When the port is not to be had.
    pub fn answering(
        port: u16,
        program: impl Fn(&Asked<'_>) -> Reply + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Self::start(port, Box::new(program), 0)
    }

    fn start(port: u16, program: Box<Program>, keep: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            program,
            counts: Arc::default(),
            seen: Mutex::default(),
            keep,
        });
        // A runtime of its own: the test's may have its clock paused, and stopping this one closes every connection.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _entered = runtime.enter();
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
            socket.listen(BACKLOG)?
        };
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new()
            .fallback(post(answer))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let counts = Arc::clone(&shared.counts);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = Counting {
                    inner: listener,
                    counts,
                };
                tokio::select! {
                    _ = stopped => {}
                    result = axum::serve(listener, app) => drop(result),
                }
            });
            runtime.shutdown_timeout(Duration::ZERO);
        });
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The base URL for clients, `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address without a path, `http://127.0.0.1:PORT`, for dialects that don't begin with `/v1`.
    #[must_use]
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests came.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.counts.requests.load(Ordering::Acquire)
    }

    /// How many requests are in work now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.counts.in_flight.load(Ordering::Acquire)
    }

    /// The most requests that were in work at one time.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.shared.counts.most_in_flight.load(Ordering::Acquire)
    }

    /// How many connections were opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.counts.connections.load(Ordering::Acquire)
    }

    /// The first 1000 requests, in the order they came.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many clients went away before their answer was whole.
    #[must_use]
    pub fn disconnects(&self) -> usize {
        *self.shared.counts.disconnects.borrow()
    }

    /// Waits until this many clients have gone away before their answer was whole. False when 10 s don't bring it.
    pub async fn saw_disconnects(&self, count: usize) -> bool {
        let mut changes = self.shared.counts.disconnects.subscribe();
        // Real time, also where the test's clock is paused: the server's clock is real.
        let given_up = Arc::new(tokio::sync::Notify::new());
        let alarm = Arc::clone(&given_up);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(10));
            alarm.notify_one();
        });
        tokio::select! {
            result = changes.wait_for(|seen| *seen >= count) => result.is_ok(),
            () = given_up.notified() => false,
        }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl fmt::Debug for FakeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeServer")
            .field("address", &self.address)
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}

/// Counts the connections it takes.
struct Counting {
    inner: TcpListener,
    counts: Arc<Counts>,
}

impl Listener for Counting {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.inner).await;
        self.counts.connections.fetch_add(1, Ordering::AcqRel);
        stream.set_nodelay(true).ok();
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// Watches one request in work. Dropped before [`Watch::done`], it counts a client that went away.
pub(crate) struct Watch {
    counts: Arc<Counts>,
    done: bool,
}

impl Watch {
    fn new(counts: &Arc<Counts>) -> Self {
        let now = counts.in_flight.fetch_add(1, Ordering::AcqRel) + 1;
        counts.most_in_flight.fetch_max(now, Ordering::AcqRel);
        Self {
            counts: Arc::clone(counts),
            done: false,
        }
    }

    pub(crate) fn done(&mut self) {
        self.done = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.counts.in_flight.fetch_sub(1, Ordering::AcqRel);
        if !self.done {
            self.counts.disconnects.send_modify(|count| *count += 1);
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, bytes: Bytes) -> Response {
    let number = shared.counts.requests.fetch_add(1, Ordering::AcqRel);
    let watch = Watch::new(&shared.counts);
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let path = uri.to_string();
    let reply = (shared.program)(&Asked {
        number,
        path: &path,
        body: &body,
        bytes: &bytes,
    });
    if number < shared.keep {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let seen = Seen {
            headers,
            path: path.clone(),
            body: body.clone(),
            bytes,
        };
        shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
    }
    reply.respond(number, &path, &body, watch).await
}
