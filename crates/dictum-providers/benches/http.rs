//! Calls per second through the provider and its usual layers, against a bare client that sends the same bytes and reads the
//! answers as JSON, on the same machine in the same run. Bar: 0.85.
//!
//! `cargo bench -p dictum-providers --bench http [seconds] [each] [words of a name]`; with `each`, every layer by itself
//! too; with words, only the stacks that have them in their names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    missing_docs
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dictum_core::lm::layers::{Cache, Coalesce, Concurrency, MemoryStore, Retry, Timeout, Tracing, standard};
use dictum_core::lm::{Budget, Call, Lm, Message, Meter, Prefix, Request};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Reply};

const CONCURRENCY: usize = 32;
const TURN: Duration = Duration::from_millis(200);

/// A prompt of about 4 KB: instructions, a few demonstrations, a question. No two are the same, so no cache hits.
fn request(prefix: &Arc<Prefix>, n: u64) -> Request {
    Request {
        prefix: Arc::clone(prefix),
        turns: vec![Message::user(format!(
            "[[ ## message ## ]]\nMy bill number {n} is wrong. {}",
            "Please help. ".repeat(20)
        ))],
        ..Request::default()
    }
}

fn prefix() -> Arc<Prefix> {
    let mut messages = vec![Message::system(
        "Route a customer's message to the team that should answer it. ".repeat(10),
    )];
    for n in 0..8 {
        messages.push(Message::user(format!(
            "[[ ## message ## ]]\nExample {n}. {}",
            "I waited a long time. ".repeat(8)
        )));
        messages.push(Message::assistant(
            "[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\n3",
        ));
    }
    Arc::new(Prefix::new(messages))
}

/// What a turn gave.
#[derive(Clone, Copy)]
struct Turn {
    /// Calls per second.
    rate: f64,
    /// Time on a processor per call in microseconds, the server's share included; 0 where the system does not tell. Steadier than
    /// the rate when the machine has other work.
    cpu: f64,
}

/// Nanoseconds that the threads of this process were on a processor.
fn cpu_time() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Runs `one` from so many tasks at once for a time.
async fn turn<F>(time: Duration, one: impl Fn(u64) -> F + Clone + Send + Sync + 'static) -> Turn
where
    F: Future<Output = ()> + Send,
{
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (begun, cpu) = (Instant::now(), cpu_time());
    let tasks: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let one = one.clone();
            tokio::spawn(async move {
                let mut calls = 0_u64;
                while begun.elapsed() < time {
                    one(NUMBER.fetch_add(1, Ordering::Relaxed)).await;
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    let mut calls = 0;
    for task in tasks {
        calls += task.await.unwrap();
    }
    Turn {
        rate: calls as f64 / begun.elapsed().as_secs_f64(),
        cpu: (cpu_time() - cpu) / 1e3 / calls as f64,
    }
}

fn main() {
    // Cargo passes `--bench`; a number is the time in seconds.
    let seconds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(15.0);
    let time = Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let each = std::env::args().any(|arg| arg == "each");
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench" && arg != "each" && arg.parse::<f64>().is_err())
        .collect();
    runtime.block_on(run(time, each, &wanted));
}

async fn run(time: Duration, each: bool, wanted: &[String]) {
    let server =
        FakeServer::forgetful(|_, _| Reply::text("[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\n2"));
    let prefix = prefix();

    let bare = {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(
                rustls::ClientConfig::builder_with_provider(Arc::new(
                    rustls::crypto::ring::default_provider(),
                ))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth(),
            )
            .no_proxy()
            .build()
            .unwrap();
        let url = format!("{}/chat/completions", server.url());
        let body = serde_json::json!({
            "model": "gpt-4o-mini",
            "messages": request(&prefix, 123_456)
                .messages()
                .map(|message| serde_json::json!({ "role": message.role.as_str(), "content": message.to_text() }))
                .collect::<Vec<_>>(),
        });
        let body = bytes::Bytes::from(body.to_string());
        println!("{} bytes per request, {CONCURRENCY} at once", body.len());
        move |_| {
            let send = client
                .post(&url)
                .header("content-type", "application/json")
                .header("authorization", "Bearer sk-bench")
                .body(body.clone())
                .send();
            async move {
                let bytes = send.await.unwrap().bytes().await.unwrap();
                let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                assert!(value["choices"][0]["message"]["content"].is_string());
            }
        }
    };
    let model = Lm::openai("gpt-4o-mini")
        .base_url(server.url())
        .api_key("sk-bench")
        .build()
        .unwrap();
    let stack = |lm: Lm| {
        let prefix = Arc::clone(&prefix);
        let meter = Meter::new(Budget::calls(u64::MAX));
        move |n| {
            let (lm, request) = (lm.clone(), request(&prefix, n));
            let call = Call {
                meter: Some(meter.clone()),
                ..Call::default()
            };
            async move {
                let response = lm.complete(&request, &call).await.unwrap();
                assert_eq!(response.parts.len(), 1);
            }
        }
    };
    let alone = model.clone();
    let mut stacks = vec![
        ("provider alone", stack(model.clone())),
        (
            "provider and usual layers without a cache",
            stack(model.clone().layer(standard())),
        ),
        (
            "provider and usual layers",
            stack(model.layer(standard().cache(MemoryStore::new(10_000)))),
        ),
    ];
    if each {
        let minute = Duration::from_secs(60);
        stacks.extend([
            ("only tracing", stack(alone.clone().layer(Tracing::new()))),
            ("only cache", stack(alone.clone().layer(Cache::memory(10_000)))),
            ("only coalescing", stack(alone.clone().layer(Coalesce))),
            (
                "only concurrency",
                stack(alone.clone().layer(Concurrency::new(32))),
            ),
            ("only retry", stack(alone.clone().layer(Retry::default()))),
            ("only timeout", stack(alone.layer(Timeout::new(minute)))),
        ]);
    }

    stacks.retain(|(name, _)| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())));

    // Short turns side by side, so that what else the machine does touches all alike.
    let mut bare_turns = Vec::new();
    let mut turns = vec![Vec::new(); stacks.len()];
    turn(TURN, bare.clone()).await;
    for (_, stack) in &stacks {
        turn(TURN, stack.clone()).await;
    }
    let begun = Instant::now();
    while begun.elapsed() < time {
        bare_turns.push(turn(TURN, bare.clone()).await);
        for ((_, stack), turns) in stacks.iter().zip(&mut turns) {
            turns.push(turn(TURN, stack.clone()).await);
        }
    }
    let tell = |name: &str, turns: &[Turn]| {
        let of = |read: fn(&Turn) -> f64| median(turns.iter().map(read).collect());
        let ratio = |of: fn(&Turn, &Turn) -> f64| {
            median(
                turns
                    .iter()
                    .zip(&bare_turns)
                    .map(|(turn, bare)| of(turn, bare))
                    .collect(),
            )
        };
        println!(
            "{name}: {:.0}/s, {:.3} of the bare client; {:.1} us of processor per call, {:.3} (medians)",
            of(|turn| turn.rate),
            ratio(|turn, bare| turn.rate / bare.rate),
            of(|turn| turn.cpu),
            ratio(|turn, bare| bare.cpu / turn.cpu),
        );
    };
    tell("bare client", &bare_turns);
    for ((name, _), turns) in stacks.iter().zip(&turns) {
        tell(name, turns);
    }
    println!("bar of `provider and usual layers`: 0.85");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
