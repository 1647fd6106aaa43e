//! The server's process: fake servers, what they counted, and orders on standard input.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dictum_testkit::{Asked, Authority, Certificate, FakeServer, Manners, Reply, RudeServer, TlsServer};
use serde_json::{Value, json};

use crate::plan::{Part, Plan, answer, asked};

/// What the server knows of one call: how often it was asked, and how often it gave the right answer.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    requests: u64,
    answers: u64,
}

/// By part and number.
type Ledger = Arc<Mutex<HashMap<(usize, u64), Known>>>;

/// Answers as planned and counts.
fn respond(seed: u64, ledger: &Ledger, asked_for: &Asked<'_>) -> Reply {
    let Some((part, n)) = asked(asked_for.bytes) else {
        return Reply::error(400, "invalid_request_error", "", "Which call is it?");
    };
    let plan = Plan::of(seed, part, n);
    let right = Reply::from(answer(part, n)).after(plan.latency);
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let known = ledger.entry((part as usize, n)).or_default();
    let attempt = usize::try_from(known.requests).unwrap_or(usize::MAX);
    known.requests += 1;
    match plan.troubles.get(attempt) {
        Some(trouble) => {
            known.answers += u64::from(crate::expect::answers(*trouble, plan.dialect, plan.streams));
            trouble.befalls(right)
        }
        None => {
            known.answers += 1;
            right
        }
    }
}

/// Serves until standard input ends.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    let ledger: Ledger = Arc::default();
    let start = |port: u16| {
        let ledger = Arc::clone(&ledger);
        FakeServer::answering(port, move |asked| respond(seed, &ledger, asked))
            .map_err(|error| format!("no server on port {port}: {error}"))
    };
    let rude = |manners| RudeServer::new(manners).map_err(|error| format!("no rude server: {error}"));
    let mut main = Some(start(0)?);
    let spare = start(0)?;
    let rude = [
        rude(Manners::HangsUp)?,
        rude(Manners::ListensAndHangsUp)?,
        rude(Manners::Silent)?,
        rude(Manners::Babbles)?,
    ];
    let port = main.as_ref().map_or(0, FakeServer::port);
    let authority = Authority::new().map_err(|error| format!("no authority: {error}"))?;
    let tls = |certificate| {
        TlsServer::before(port, &authority, certificate)
            .map_err(|error| format!("no server with TLS: {error}"))
    };
    let tls = [
        tls(Certificate::Right)?,
        tls(Certificate::OtherHost)?,
        tls(Certificate::Expired)?,
        tls(Certificate::SelfSigned)?,
    ];
    say(&json!({
        "main": port,
        "spare": spare.port(),
        "rude": rude.iter().map(RudeServer::port).collect::<Vec<_>>(),
        "tls": tls.iter().map(TlsServer::port).collect::<Vec<_>>(),
        "root": authority.root(),
    }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("no orders: {error}"))?;
        let mut words = line.split_whitespace();
        let reply = match (words.next(), words.next()) {
            (Some("down"), _) => {
                drop(main.take());
                json!("down")
            }
            (Some("up"), _) => {
                main = Some(start(port)?);
                json!("up")
            }
            (Some("ledger"), Some(name)) => read(&ledger, name),
            (Some("settle"), _) => {
                let all = [main.as_ref(), Some(&spare)];
                let in_flight = || {
                    all.iter()
                        .flatten()
                        .map(|server| server.in_flight())
                        .sum::<usize>()
                };
                let mut left = in_flight();
                for _ in 0..100 {
                    if left == 0 {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                    left = in_flight();
                }
                json!(left)
            }
            _ => return Err(format!("no such order: {line}")),
        };
        say(&reply)?;
    }
    Ok(())
}

/// What is known of a part: for each call its number, requests and answers.
fn read(ledger: &Ledger, name: &str) -> Value {
    let Some(part) = Part::ALL.into_iter().find(|part| part.name() == name) else {
        return Value::Null;
    };
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = ledger
        .iter()
        .filter(|((own, _), _)| *own == part as usize)
        .map(|((_, n), known)| json!([n, known.requests, known.answers]));
    Value::Array(rows.collect())
}

fn say(value: &Value) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("no one listens: {error}"))
}
