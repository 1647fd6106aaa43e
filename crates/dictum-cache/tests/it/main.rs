//! Several real processes on one file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    missing_docs
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use dictum_cache::DiskStore;
use dictum_core::lm::layers::Store;
use dictum_core::lm::{Digest, Response};

const PATH: &str = "DICTUM_CACHE_TEST_PATH";
const ME: &str = "DICTUM_CACHE_TEST_PROCESS";
const PUTS: usize = 250;
const PROCESSES: usize = 8;

fn key(process: usize, n: usize) -> Digest {
    Digest::of(&(process, n))
}

fn text(process: usize, n: usize) -> String {
    format!("{process}/{n} ").repeat(300)
}

/// What the other processes do. As a test of its own it does nothing.
#[tokio::test]
async fn other_process() {
    let (Ok(path), Ok(me)) = (std::env::var(PATH), std::env::var(ME)) else {
        return;
    };
    let me: usize = me.parse().unwrap();
    let store = DiskStore::open(path);
    for n in 0..PUTS {
        store.put(&key(me, n), &Response::text(text(me, n))).await;
        store.put(&key(99, n), &Response::text(text(99, n))).await;
        // What others wrote meanwhile is whole, and what this one wrote is there.
        let other = store.get(&key((me + 1) % PROCESSES, n)).await;
        assert!(other.is_none_or(|found| found.to_text() == text((me + 1) % PROCESSES, n)));
        assert!(store.get(&key(me, n / 2)).await.is_some());
        // Said only after the answer is committed.
        println!("\nput {n}");
    }
    let stats = store.stats().unwrap();
    assert_eq!((stats.lost, stats.damaged), (0, 0));
}

fn start(path: &std::path::Path, me: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_process", "--nocapture"])
        .env(PATH, path)
        .env(ME, me.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads how far a process says it came, up to `enough`.
fn progress(child: &mut Child, enough: usize) -> usize {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut last = 0;
    for line in lines.map_while(Result::ok) {
        if let Some(n) = line.strip_prefix("put ") {
            last = n.parse::<usize>().unwrap() + 1;
            if last >= enough {
                break;
            }
        }
    }
    last
}

#[tokio::test]
async fn eight_processes_write_at_once_and_one_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shared.db");
    let mut children: Vec<Child> = (0..PROCESSES).map(|me| start(&path, me)).collect();

    let mut victim = children.remove(0);
    let said = progress(&mut victim, PUTS / 8);
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(said >= PUTS / 8, "it was at work when it was killed");

    for child in &mut children {
        assert_eq!(progress(child, PUTS), PUTS);
        assert!(child.wait().unwrap().success());
    }

    let store = DiskStore::open(&path);
    for process in (1..PROCESSES).chain([99]) {
        for n in 0..PUTS {
            let found = store.get(&key(process, n)).await.map(|found| found.to_text());
            assert_eq!(found, Some(text(process, n)));
        }
    }
    for n in 0..said {
        assert!(
            store.get(&key(0, n)).await.is_some(),
            "{n} of {said} that the killed process had committed"
        );
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}
