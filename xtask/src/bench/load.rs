//! Calls per second over loopback.

use std::collections::BTreeMap;

use super::dspy::Dspy;
use super::worker::Worker;
use super::{Plan, bar, median};
use crate::sh;

/// Names of Dictum's stacks and what the page calls them.
const STACKS: [(&str, &str); 4] = [
    ("bare", "bare reqwest client, the same bytes"),
    ("plain", "Dictum, no layers"),
    ("layers", "Dictum, usual layers"),
    ("misses", "Dictum, usual layers and a memory cache, no hits"),
];
const HITS: (&str, &str) = ("hits", "Dictum, usual layers and a memory cache, all hits");
const CONCURRENCY: [usize; 4] = [1, 32, 256, 4096];
const DSPY: [(&str, usize, &str); 5] = [
    ("threads", 8, "DSPy, 8 threads"),
    ("threads", 32, "DSPy, 32 threads"),
    ("threads", 128, "DSPy, 128 threads"),
    ("async", 32, "DSPy, async, 32 tasks"),
    ("async", 128, "DSPy, async, 128 tasks"),
];
const DSPY_HITS: [(&str, usize, &str); 1] = [("hits", 8, "DSPy, 8 threads, all in its cache")];

/// One row: who, how many at once, and its turns.
struct Row {
    ours: bool,
    stack: &'static str,
    name: &'static str,
    concurrency: usize,
    /// Calls per second and microseconds of processor per call, turn by turn.
    turns: Vec<(f64, f64)>,
}

impl Row {
    fn rate(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.0).collect())
    }

    fn cpu(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.1).collect())
    }

    /// Of the other's calls per second, round by round.
    fn of(&self, other: &Self) -> f64 {
        let ratios = self
            .turns
            .iter()
            .zip(&other.turns)
            .map(|(own, other)| own.0 / other.0);
        median(ratios.collect())
    }
}

pub fn measure(plan: Plan, dspy: Option<&Dspy>) -> Result<String, String> {
    let mut text = "\n## Calls over loopback\n\nThe server is the fake server of `dictum-testkit` in a process of its own, on the same cores. \
        Clients with as many calls at once share another, so that none finds the memory as thousands of calls left it. \
        One program for all: two output fields and four demonstrations, each prompt another; every answer is read and checked. \
        `us/call` is time on a processor of the client's process alone.\n"
        .to_owned();
    let mut bars = String::new();
    for latency in [0, 200] {
        let rows = at(plan, dspy, latency, &mut text)?;
        if latency == 0 {
            bars = judged(&rows);
        }
    }
    Ok(text + "\n" + &bars)
}

fn at(plan: Plan, dspy: Option<&Dspy>, latency: u32, text: &mut String) -> Result<Vec<Row>, String> {
    println!("\nCalls over loopback, the server answers after {latency} ms");
    let server = Worker::ours(&["serve", &latency.to_string()])?;
    // A process for each number of calls at once: what thousands leave behind in the allocator slows the dozens after them.
    let mut clients = BTreeMap::new();
    for concurrency in CONCURRENCY {
        clients.insert(concurrency, Worker::ours(&["client", &server.hello])?);
    }
    let script = sh::root()
        .join("scripts/dspy/bench.py")
        .to_string_lossy()
        .into_owned();
    let mut python = dspy
        .map(|dspy| Worker::start(&dspy.python, &[&script, &server.hello]))
        .transpose()?;

    let mut rows = Vec::new();
    let mut add = |ours, (stack, concurrency, name)| {
        rows.push(Row {
            ours,
            stack,
            name,
            concurrency,
            turns: Vec::new(),
        });
    };
    for concurrency in CONCURRENCY {
        for (stack, name) in STACKS {
            add(true, (stack, concurrency, name));
        }
    }
    if latency == 0 {
        for concurrency in [1, 32] {
            add(true, (HITS.0, concurrency, HITS.1));
        }
    }
    if python.is_some() {
        for row in DSPY {
            add(false, row);
        }
        for row in DSPY_HITS.into_iter().filter(|_| latency == 0) {
            add(false, row);
        }
    }

    // With latency, a turn must hold several calls one after the other.
    let (ours, theirs, rounds) = match latency {
        0 => (0.3, 2.0, plan.pick(3, 9)),
        _ => (plan.pick(0.6, 1.0), 2.0, plan.pick(1, 3)),
    };
    // A round that is not counted: connections are made, caches filled.
    for round in 0..=rounds {
        for row in &mut rows {
            let (worker, seconds) = if row.ours {
                (clients.get_mut(&row.concurrency), ours)
            } else if round <= 3 {
                (python.as_mut(), theirs)
            } else {
                // DSPy's turns are long, and steady: a few are enough.
                continue;
            };
            let worker = worker.ok_or("no process measures this row")?;
            let order = format!("turn {} {} {seconds}", row.stack, row.concurrency);
            if let &[calls, seconds, cpu] = worker.ask(&order)?.as_slice()
                && round > 0
            {
                row.turns.push((calls / seconds, cpu));
            }
        }
        println!("  round {round} of {rounds}");
    }

    *text += &format!(
        "\n### The server answers {}\n\nDictum and the bare client send {} bytes per call.\n\n\
         | who | at once | calls/s | of the bare client | us/call | times the fastest DSPy |\n|---|--:|--:|--:|--:|--:|\n",
        if latency == 0 {
            "at once".to_owned()
        } else {
            format!("after {latency} ms")
        },
        clients.values().next().map_or("", |client| &client.hello),
    );
    for row in &rows {
        let bare = rows
            .iter()
            .find(|bare| bare.stack == "bare" && bare.concurrency == row.concurrency);
        let of_bare = bare
            .filter(|_| row.ours && row.stack != "hits")
            .map(|bare| format!("{:.2}", row.of(bare)));
        let peer =
            fastest(&rows, row.stack == "hits").filter(|_| latency == 0 && row.ours && row.stack != "bare");
        let times = peer.map(|peer| format!("{:.0}", row.rate() / peer.rate()));
        *text += &format!(
            "| {} | {} | {:.0} | {} | {:.1} | {} |\n",
            row.name,
            row.concurrency,
            row.rate(),
            of_bare.unwrap_or_default(),
            row.cpu(),
            times.unwrap_or_default(),
        );
    }
    Ok(rows)
}

/// DSPy's best row, cached or not.
fn fastest(rows: &[Row], hits: bool) -> Option<&Row> {
    let theirs = rows
        .iter()
        .filter(|row| !row.ours && (row.stack == "hits") == hits);
    theirs.max_by(|a, b| a.rate().total_cmp(&b.rate()))
}

fn judged(rows: &[Row]) -> String {
    let find = |stack: &str, at: usize| {
        rows.iter()
            .find(|row| row.stack == stack && row.concurrency == at)
    };
    let mut text = "### Bars, at a latency of 0\n\n".to_owned();
    for at in [32, 256] {
        if let (Some(bare), Some(row)) = (find("bare", at), find("layers", at)) {
            let of = row.of(bare);
            text += &bar(
                &format!("usual layers, {at} at once, of the bare client's calls per second"),
                format!("{of:.2}"),
                "0.85",
                of >= 0.85,
            );
        }
    }
    for (hits, stack, wanted) in [(false, "layers", 50.0), (true, "hits", 100.0)] {
        if let (Some(row), Some(peer)) = (find(stack, 32), fastest(rows, hits)) {
            let times = row.rate() / peer.rate();
            // What no client of this HTTP stack can do better than.
            let bare = match find("bare", 32) {
                Some(bare) if !hits => format!(", the bare client {:.0}", bare.rate() / peer.rate()),
                _ => String::new(),
            };
            text += &bar(
                &format!("{} at 32 at once, times {}", row.name, peer.name),
                format!("{times:.0}{bare}"),
                &format!("{wanted:.0}"),
                times >= wanted,
            );
        }
    }
    text
}
