//! Classifies JSON lines from standard input with the model given as first argument.
//! A line: {"messages": [{"role", "content"}, ...], "choices": ["a", "b"], "prefix": "[[ ## label ## ]]\n"}.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::io::{BufRead, Write};

use dictum_core::lm::{OutputShape, Piece};
use dictum_local::{ChatMessage, Engine, EngineConfig, Generate};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    messages: Vec<Message>,
    choices: Option<Vec<String>>,
    #[serde(default)]
    prefix: String,
    max_tokens: Option<usize>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let model = std::env::args()
        .nth(1)
        .expect("usage: probe MODEL.gguf [THREADS] [PARALLEL] < lines.jsonl");
    let mut config = EngineConfig::new(model);
    if let Some(threads) = std::env::args().nth(2) {
        config.threads = threads.parse().expect("a number of threads");
    }
    let width: usize = std::env::args()
        .nth(3)
        .map_or(8, |n| n.parse().expect("a number of requests"));
    let engine = Engine::start(&config).expect("the model");
    let start = std::time::Instant::now();
    let (mut count, mut prompt, mut cached, mut sampled) = (0, 0, 0, 0);
    let lines = std::io::stdin()
        .lock()
        .lines()
        .map(|line| line.unwrap())
        .filter(|line| !line.trim().is_empty());
    let mut running = std::collections::VecDeque::new();
    let mut lines = lines.fuse();
    loop {
        // Keeps `width` requests in flight and writes the answers in order; one line in gives one line out at width 1.
        while running.len() < width {
            let Some(line) = lines.next() else { break };
            let line: Line = serde_json::from_str(&line).expect("a JSON line");
            let messages: Vec<_> = line
                .messages
                .iter()
                .map(|m| ChatMessage::new(&m.role, &m.content))
                .collect();
            let shared = messages.len().saturating_sub(1);
            let mut request = Generate::new(engine.prompt(&messages, Some(shared)).expect("a prompt"));
            request.max_tokens = line.max_tokens.or(Some(64));
            let mut pieces = Vec::new();
            if !line.prefix.is_empty() {
                pieces.push(Piece::Text(line.prefix.clone()));
            }
            if let Some(choices) = line.choices {
                pieces.push(Piece::Choice(choices));
                request.shape = Some(std::sync::Arc::new(OutputShape::new(pieces)));
            }
            running.push_back((line.prefix, engine.stream(request).expect("a request")));
        }
        let Some((prefix, mut deltas)) = running.pop_front() else {
            break;
        };
        let mut text = String::new();
        loop {
            match deltas.next().await.expect("an answer") {
                dictum_local::Delta::Text(delta) => text.push_str(&delta),
                dictum_local::Delta::Done(_, tokens) => {
                    count += 1;
                    prompt += tokens.prompt;
                    cached += tokens.cached;
                    sampled += tokens.completion - tokens.forced;
                    break;
                }
            }
        }
        println!(
            "{}",
            text.strip_prefix(&prefix).unwrap_or(&text).replace('\n', "\\n")
        );
        std::io::stdout().flush().unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "{count} requests in {seconds:.1} s ({:.2}/s), prompt {prompt} tokens, cached {cached}, sampled {sampled}",
        f64::from(count) / seconds
    );
}
