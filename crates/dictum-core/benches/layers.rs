//! What the layers cost per call: the usual stack around a model that answers after one turn of the scheduler, as a
//! provider waits for its connection, against the model alone.
//!
//! `cargo bench -p dictum-core --bench layers` prints nanoseconds per call. With the name of a stack and a number of calls it
//! only makes these, for a profiler: the difference of two runs under `valgrind --tool=callgrind` is the cost in instructions.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dictum_core::lm::layers::{Coalesce, Concurrency, MemoryStore, Retry, Timeout, Tracing, standard};
use dictum_core::lm::{
    Budget, Call, Capabilities, LanguageModel, Lm, LmError, Message, Meter, Payload, Prefix, Request,
    Response,
};
use futures_util::future::BoxFuture;
use serde_json::json;

/// Answers after one turn, with a payload as providers give it.
#[derive(Debug)]
struct Model;

impl LanguageModel for Model {
    fn name(&self) -> &str {
        "bench/model"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, _: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Response {
                model: "model-2026".to_owned(),
                raw: Some(Payload::from(&json!({
                    "id": "x",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "billing"}}],
                    "usage": {"prompt_tokens": 900, "completion_tokens": 12, "total_tokens": 912},
                }))),
                ..Response::text("[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\n2")
            })
        })
    }
}

fn stacks() -> Vec<(&'static str, Lm)> {
    let lm = || Lm::new(Model);
    let minute = Duration::from_secs(60);
    vec![
        ("alone", lm()),
        ("timeout", lm().layer(Timeout::new(minute))),
        ("retry", lm().layer(Retry::default())),
        ("concurrency", lm().layer(Concurrency::new(32))),
        ("coalesce", lm().layer(Coalesce)),
        ("tracing", lm().layer(Tracing::new())),
        ("standard", lm().layer(standard())),
        ("cached", lm().layer(standard().cache(MemoryStore::new(10_000)))),
    ]
}

async fn run(lm: &Lm, prefix: &Arc<Prefix>, call: &Call, calls: u64) {
    for n in 0..calls {
        // No two are the same, so no cache hits.
        let request = Request {
            prefix: Arc::clone(prefix),
            turns: vec![Message::user(format!(
                "[[ ## message ## ]]\nMy bill number {n} is wrong. {}",
                "Please help. ".repeat(20)
            ))],
            ..Request::default()
        };
        black_box(lm.complete(&request, call).await.unwrap());
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let prefix = Arc::new(Prefix::new(vec![Message::system(
        "Route the message. ".repeat(200),
    )]));
    let call = Call {
        meter: Some(Meter::new(Budget::calls(u64::MAX))),
        ..Call::default()
    };
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [name, calls] = args.as_slice() {
        let (_, lm) = stacks().into_iter().find(|(stack, _)| stack == name).unwrap();
        runtime.block_on(run(&lm, &prefix, &call, calls.parse().unwrap()));
        return;
    }
    const CALLS: u64 = 20_000;
    for (name, lm) in stacks() {
        let mut times: Vec<f64> = (0..9)
            .map(|_| {
                let begun = Instant::now();
                runtime.block_on(run(&lm, &prefix, &call, CALLS));
                begun.elapsed().as_nanos() as f64 / CALLS as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{name:>12}: {:.0} ns per call",
            times.get(4).copied().unwrap_or(0.0)
        );
    }
}
