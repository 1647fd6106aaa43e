//! A service on loopback that stores files, trains models and answers as they would: OpenAI's files, fine-tuning and chat
//! completions, as documented.

mod recall;
mod routes;

pub use recall::Trained;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// One request as the service saw it.
#[derive(Debug, Clone)]
pub struct TunerSeen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values of the headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub bytes: Bytes,
}

/// A file that was uploaded.
#[derive(Debug, Clone)]
struct StoredFile {
    id: String,
    name: String,
    content: String,
}

#[derive(Debug, Clone)]
struct Job {
    id: String,
    order: Value,
    /// How often it was looked at.
    looks: usize,
    /// The statuses of the looks to come; the end after the last.
    steps: Vec<&'static str>,
    cancelled: bool,
    failed: Option<Value>,
    model: Option<String>,
}

/// What answers in place of the service, once.
#[derive(Debug, Clone)]
struct Refusal {
    method: &'static str,
    part: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

type Base = dyn Fn(&[Value]) -> String + Send + Sync;

struct State {
    base: Box<Base>,
    files: Vec<StoredFile>,
    jobs: Vec<Job>,
    models: Vec<(String, Trained)>,
    seen: Vec<TunerSeen>,
    refusals: Vec<Refusal>,
    steps: Vec<&'static str>,
    fail: Option<Value>,
    lists: bool,
}

/// A service that trains, on loopback, on a port of its own, until it is dropped. A model it trains answers from its
/// training file and from nothing else ([`Trained`]); all others answer as the closure says, which is given the messages.
///
/// Files of fewer than 10 examples, or with a line that is no chat, make a job fail, as OpenAI's validation does.
pub struct FakeTuner {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeTuner {
    /// A service whose own models answer as the closure says.
    ///
    /// # Panics
    /// When there is no port to be had.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a test without its server has nothing to go on with"
    )]
    pub fn new(base: impl Fn(&[Value]) -> String + Send + Sync + 'static) -> Self {
        Self::start(Box::new(base)).expect("a port on loopback")
    }

    fn start(base: Box<Base>) -> std::io::Result<Self> {
        let state = Arc::new(Mutex::new(State {
            base,
            files: Vec::new(),
            jobs: Vec::new(),
            models: Vec::new(),
            seen: Vec::new(),
            refusals: Vec::new(),
            steps: vec!["validating_files", "queued", "running"],
            fail: None,
            lists: true,
        }));
        // A runtime of its own, as the other server has: the test's may have its clock paused.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let app = routes::router(Arc::clone(&state));
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped => {}
                    result = axum::serve(listener, app) => drop(result),
                }
            });
            runtime.shutdown_timeout(Duration::ZERO);
        });
        Ok(Self {
            address,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The base URL for clients, `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The statuses that jobs begun from now on have at their first looks, one each, before they end.
    pub fn steps(&self, steps: &[&'static str]) {
        self.state().steps = steps.to_vec();
    }

    /// Lets jobs begun from now on fail in the end.
    pub fn fail(&self, code: &str, message: &str) {
        self.state().fail = Some(json!({ "code": code, "message": message, "param": null }));
    }

    /// From now on no list is given, as with services that have none.
    pub fn without_lists(&self) {
        self.state().lists = false;
    }

    /// Answers the next request of this method whose path holds this part with an error, and does nothing else. Several wait
    /// for their requests in the order they were given.
    pub fn refuse(
        &self,
        method: &'static str,
        part: &str,
        status: u16,
        headers: &[(&str, &str)],
        message: &str,
    ) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let refusal = Refusal {
            method,
            part: part.to_owned(),
            status,
            headers: headers.collect(),
            body: json!({ "error": { "message": message, "type": "error", "param": null, "code": null } }),
        };
        self.state().refusals.push(refusal);
    }

    /// All requests, in the order they came.
    #[must_use]
    pub fn seen(&self) -> Vec<TunerSeen> {
        self.state().seen.clone()
    }

    /// How many requests of this method had a path that ends so, the query left out.
    #[must_use]
    pub fn count(&self, method: &str, end: &str) -> usize {
        let state = self.state();
        let fits = |seen: &&TunerSeen| {
            let path = seen.path.split('?').next().unwrap_or_default();
            seen.method == method && path.ends_with(end)
        };
        state.seen.iter().filter(fits).count()
    }

    /// Names and contents of the files that were uploaded.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let state = self.state();
        state
            .files
            .iter()
            .map(|file| (file.name.clone(), file.content.clone()))
            .collect()
    }

    /// What each job was ordered as.
    #[must_use]
    pub fn jobs(&self) -> Vec<Value> {
        self.state().jobs.iter().map(|job| job.order.clone()).collect()
    }

    /// The status of each job.
    #[must_use]
    pub fn statuses(&self) -> Vec<String> {
        self.state()
            .jobs
            .iter()
            .map(|job| job.status().to_owned())
            .collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for FakeTuner {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl fmt::Debug for FakeTuner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTuner")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Job {
    fn status(&self) -> &'static str {
        match self.steps.get(self.looks) {
            _ if self.cancelled => "cancelled",
            _ if self.failed.is_some() => "failed",
            _ if self.model.is_some() => "succeeded",
            Some(step) => step,
            None => "running",
        }
    }
}
