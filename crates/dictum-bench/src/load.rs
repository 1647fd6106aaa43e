//! Calls over loopback: the peers side by side, each from so many tasks at once for a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dictum::lm::layers::{MemoryStore, standard};
use dictum::prelude::*;
use futures_util::future::BoxFuture;

use crate::process;
use crate::programs::{self, Triage, TriageInput};

/// How many different prompts the cached calls go round.
const KEPT: u64 = 100;
const DEMOS: u64 = 4;

/// Makes one call, given its number.
type One = Arc<dyn Fn(u64) -> BoxFuture<'static, ()> + Send + Sync>;

/// The peers, all calling one server.
pub struct Load {
    url: String,
    bare: One,
    model: Lm,
    program: Arc<Predict<Triage>>,
    number: AtomicU64,
    /// Stacks made so far, by name and concurrency: their connections and caches live from turn to turn.
    made: Vec<((String, usize), One)>,
}

/// What a turn gave.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Calls that ended.
    pub calls: u64,
    /// Seconds from the first call's beginning to the last one's end.
    pub seconds: f64,
    /// Microseconds on a processor per call, this process alone.
    pub cpu: f64,
}

impl Load {
    /// Peers for the server at this address, which ends in `/v1`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let model = Lm::openai("gpt-4o-mini")
            .base_url(url)
            .api_key("sk-bench")
            .build()
            .unwrap();
        let program = Arc::new(programs::flat(DEMOS));
        Self {
            url: url.to_owned(),
            bare: bare(url, body(&program, &model)),
            model,
            program,
            number: AtomicU64::new(KEPT),
            made: Vec::new(),
        }
    }

    /// Bytes of a request's body.
    #[must_use]
    pub fn request_bytes(&self) -> usize {
        body(&self.program, &self.model).len()
    }

    /// A stack by its name: `bare`, `plain`, `layers` (the usual ones), `misses` (and a memory cache that has none of the answers)
    /// or `hits` (that has them all).
    fn stack(&mut self, name: &str, concurrency: usize) -> One {
        let key = (name.to_owned(), concurrency);
        if let Some((_, one)) = self.made.iter().find(|(made, _)| *made == key) {
            return Arc::clone(one);
        }
        let layers = || standard().concurrency(concurrency);
        let one = match name {
            "bare" => Arc::clone(&self.bare),
            "plain" => self.predict(self.model.clone()),
            "layers" => self.predict(self.model.clone().layer(layers())),
            "misses" | "hits" => {
                self.predict(self.model.clone().layer(layers().cache(MemoryStore::new(10_000))))
            }
            other => panic!("there is no stack `{other}`"),
        };
        self.made.push((key, Arc::clone(&one)));
        one
    }

    fn predict(&self, lm: Lm) -> One {
        let (ctx, program) = (Context::new(lm), Arc::clone(&self.program));
        Arc::new(move |n| {
            let (ctx, program) = (ctx.clone(), Arc::clone(&program));
            Box::pin(async move {
                let input = TriageInput {
                    message: programs::message(n),
                };
                let out = program.call(&ctx, input).await.unwrap();
                assert!(out.team == "billing" && out.urgency == 2);
            })
        })
    }

    /// Calls from so many tasks at once for a time.
    pub async fn turn(&mut self, name: &str, concurrency: usize, time: Duration) -> Turn {
        let one = self.stack(name, concurrency);
        if name == "hits" {
            for n in 0..KEPT {
                one(n).await;
            }
        }
        let hits = name == "hits";
        let first = self.number.load(Ordering::Relaxed);
        let number = Arc::new(AtomicU64::new(first));
        let (begun, cpu) = (Instant::now(), process::cpu_time());
        let tasks: Vec<_> = (0..concurrency)
            .map(|_| {
                let (one, number) = (Arc::clone(&one), Arc::clone(&number));
                tokio::spawn(async move {
                    // Every task makes at least one call, however long it took to get to it.
                    loop {
                        let n = number.fetch_add(1, Ordering::Relaxed);
                        one(if hits { n % KEPT } else { n }).await;
                        if begun.elapsed() >= time {
                            break;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let seconds = begun.elapsed().as_secs_f64();
        let last = number.load(Ordering::Relaxed);
        self.number.store(last, Ordering::Relaxed);
        let calls = last - first;
        Turn {
            calls,
            seconds,
            cpu: (process::cpu_time() - cpu) / 1e3 / calls as f64,
        }
    }

    /// Has so many calls in flight at once, all of which the server answers late, and gives the KB of memory each took at most:
    /// the process's peak less what it had before.
    pub async fn hold(&mut self, name: &str, calls: usize) -> f64 {
        let one = self.stack(name, calls);
        let before = process::memory("VmRSS");
        let mut tasks = Vec::with_capacity(calls);
        for n in 0..calls {
            tasks.push(tokio::spawn(one(n as u64)));
            // A server takes only so many new connections in a moment.
            if n % 200 == 199 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        (process::memory("VmHWM") - before) / calls as f64
    }

    /// One call of a small program.
    pub async fn first(url: &str) {
        let mut load = Self::new(url);
        load.stack("layers", 32)(0).await;
    }
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Load")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What Dictum sends, made without it.
fn body(program: &Predict<Triage>, lm: &Lm) -> bytes::Bytes {
    let input = TriageInput {
        message: programs::message(123_456),
    };
    let request = program.render(&Context::new(lm.clone()), input).unwrap();
    let messages: Vec<_> = request
        .messages()
        .map(|message| serde_json::json!({ "role": message.role.as_str(), "content": message.to_text() }))
        .collect();
    let body = serde_json::json!({ "model": "gpt-4o-mini", "messages": messages });
    bytes::Bytes::from(body.to_string())
}

/// A client that sends these bytes and reads the answers as JSON.
fn bare(url: &str, body: bytes::Bytes) -> One {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .unwrap();
    let url = format!("{url}/chat/completions");
    Arc::new(move |_| {
        let send = client
            .post(&url)
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-bench")
            .body(body.clone())
            .send();
        Box::pin(async move {
            let bytes = send.await.unwrap().bytes().await.unwrap();
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert!(value["choices"][0]["message"]["content"].is_string());
        })
    })
}
