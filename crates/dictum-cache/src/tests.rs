//! What a bad file or a bad disk does.

use dictum_core::embed::{Embedder, Embeddings, Stored};
use dictum_core::lm::layers::Store;
use dictum_core::lm::{Call, Digest, Response};
use rusqlite::Connection;

use super::*;
use crate::Options;

fn key(n: u32) -> Digest {
    Digest::of(&n)
}

fn answer(n: u32) -> Response {
    Response::text(format!("answer {n}: é 𝄞 \u{0} \"quoted\"\n"))
}

/// Kept answers have no source and attempts.
fn same(found: Option<Response>, n: u32) -> bool {
    found.is_some_and(|found| found.to_text() == answer(n).to_text())
}

#[tokio::test]
async fn what_was_put_is_there_for_others_and_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a folder").join("odd name?#%.db");
    let store = DiskStore::open(&path);
    assert_eq!(store.status(), &Status::ReadWrite);
    assert!(store.get(&key(1)).await.is_none());
    store.put(&key(1), &answer(1)).await;
    store.put(&key(2), &answer(2)).await;
    store.put(&key(2), &answer(3)).await;
    let other = DiskStore::open(&path);
    assert!(same(other.get(&key(1)).await, 1) && same(store.get(&key(2)).await, 3));
    drop((store, other));

    let store = DiskStore::open_read_only(&path);
    assert!(matches!(store.status(), Status::ReadOnly(_)));
    assert!(same(store.get(&key(1)).await, 1));
    store.put(&key(9), &answer(9)).await;
    let stats = store.stats().unwrap();
    assert_eq!((stats.entries, stats.hits, stats.lost), (2, 1, 1));
    assert!(
        store.clear().is_ok(),
        "clearing is asked for by hand, so it opens the file itself"
    );
    assert!(store.get(&key(1)).await.is_none());
}

#[tokio::test]
async fn a_damaged_entry_is_a_miss_and_can_be_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    let store = DiskStore::open(&path);
    for n in 0..4 {
        store.put(&key(n), &answer(n)).await;
    }
    let raw = Connection::open(&path).unwrap();
    for (n, change) in [
        (0, "answer = substr(answer, 1, 20)"),
        (1, "answer = replace(answer, 'answer', 'anewer')"),
        (2, "answer = x'ff00', sum = 0"),
    ] {
        let changed = raw.execute(
            &format!("UPDATE answers SET {change} WHERE key = ?1"),
            [key(n).as_bytes()],
        );
        assert_eq!(changed.unwrap(), 1);
    }
    for n in 0..3 {
        assert!(store.get(&key(n)).await.is_none(), "{n}");
        store.put(&key(n), &answer(n)).await;
    }
    for n in 0..4 {
        assert!(same(store.get(&key(n)).await, n), "{n}");
    }
    assert_eq!(store.stats().unwrap().damaged, 3);
}

#[tokio::test]
async fn a_damaged_file_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    std::fs::write(&path, "this was a database once, but no longer".repeat(100)).unwrap();
    std::fs::write(dir.path().join("c.db-wal"), "left over").unwrap();
    let store = DiskStore::open(&path);
    assert_eq!(store.status(), &Status::ReadWrite);
    store.put(&key(1), &answer(1)).await;
    assert!(same(store.get(&key(1)).await, 1));
    let aside = std::fs::read_to_string(dir.path().join("c.db.damaged")).unwrap();
    assert!(aside.starts_with("this was a database"));
}

#[tokio::test]
async fn a_file_damaged_while_open_costs_hits_and_not_calls() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    {
        let store = DiskStore::open(&path);
        for n in 0..200 {
            store.put(&key(n), &answer(n)).await;
        }
    }
    let whole = std::fs::read(&path).unwrap();
    let store = DiskStore::open(&path);
    // The head stays, all else is gone.
    let mut torn = whole.clone();
    torn[4096..].fill(0xAA);
    std::fs::write(&path, torn).unwrap();
    for n in 0..200 {
        let found = store.get(&key(n)).await;
        assert!(
            found.is_none() || same(found, n),
            "an answer is right or it is none"
        );
        store.put(&key(n), &answer(n)).await;
    }
}

#[tokio::test]
async fn a_full_disk_loses_answers_and_fails_no_call() {
    let dir = tempfile::tempdir().unwrap();
    let store = Options {
        max_pages: Some(8),
        ..Options::default()
    }
    .open(dir.path().join("c.db"));
    let long = Response::text("x".repeat(5000));
    for n in 0..20 {
        store.put(&key(n), &long).await;
    }
    let stats = store.stats().unwrap();
    assert!(stats.lost > 0 && stats.written > 0, "{stats:?}");
    assert_eq!(stats.entries, stats.written);
    assert!(store.get(&key(0)).await.is_some() && store.get(&key(19)).await.is_none());
}

#[tokio::test]
async fn where_there_can_be_no_file_every_look_up_misses() {
    let dir = tempfile::tempdir().unwrap();
    let blocker = dir.path().join("a file");
    std::fs::write(&blocker, "").unwrap();
    for store in [
        DiskStore::open(blocker.join("c.db")),
        DiskStore::open_read_only(dir.path().join("none.db")),
    ] {
        assert!(matches!(store.status(), Status::Off(_)), "{store:?}");
        store.put(&key(1), &answer(1)).await;
        assert!(store.get(&key(1)).await.is_none());
        assert!(
            store
                .stats()
                .unwrap_err()
                .to_string()
                .contains("is not a cache that can be used")
        );
    }
    assert!(!dir.path().join("none.db").exists());
}

#[tokio::test]
async fn files_of_others_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("CREATE TABLE mine (x); PRAGMA user_version = 3;")
        .unwrap();
    let store = DiskStore::open(&path);
    assert!(
        matches!(store.status(), Status::Off(reason) if reason.contains("another program")),
        "{store:?}"
    );

    drop(DiskStore::open(dir.path().join("newer.db")));
    Connection::open(dir.path().join("newer.db"))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let store = DiskStore::open(dir.path().join("newer.db"));
    assert!(
        matches!(store.status(), Status::Off(reason) if reason.contains("version 99")),
        "{store:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path().join("c.db"));
    let tasks: Vec<_> = (0..500)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store.put(&key(n), &answer(n)).await;
                same(store.get(&key(n)).await, n)
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    let stats = store.stats().unwrap();
    assert_eq!((stats.entries, stats.lost), (500, 0));
    assert_eq!(store.clear().unwrap(), 500);
    assert!(store.stats().unwrap().bytes < stats.bytes);
}

#[tokio::test]
async fn answers_live_for_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    let open = || {
        let day = std::time::Duration::from_secs(86_400);
        DiskStore::options().time_to_live(day).open(&path)
    };
    let store = open();
    store.put(&key(1), &answer(1)).await;
    store.put(&key(2), &answer(2)).await;
    let raw = Connection::open(&path).unwrap();
    raw.execute(
        "UPDATE answers SET created = created - 86405 WHERE key = ?1",
        [key(1).as_bytes()],
    )
    .unwrap();
    assert!(store.get(&key(1)).await.is_none() && same(store.get(&key(2)).await, 2));
    assert!(
        same(DiskStore::open(&path).get(&key(1)).await, 1),
        "another without a bound still finds it"
    );
    drop(store);

    let store = open();
    store.put(&key(3), &answer(3)).await;
    assert_eq!(
        store.stats().unwrap().entries,
        2,
        "what is too old is removed at the start"
    );
    store.put(&key(1), &answer(4)).await;
    assert!(same(store.get(&key(1)).await, 4), "and can be written anew");
}

/// Counts what it is asked.
#[derive(Debug, Clone, Default)]
struct Thirds(Arc<AtomicU64>);

impl Embedder for Thirds {
    fn name(&self) -> &str {
        "test/thirds"
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        _: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, dictum_core::lm::LmError>> {
        Box::pin(async move {
            self.0.fetch_add(texts.len() as u64, Ordering::Relaxed);
            let vectors = texts.iter().map(|text| vec![text.len() as f32 / 3.0; 384]);
            Ok(Embeddings {
                vectors: vectors.collect(),
                ..Embeddings::default()
            })
        })
    }
}

#[tokio::test]
async fn vectors_are_there_after_reopening_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    let texts: Vec<String> = (0..200).map(|n| "x".repeat(n)).collect();
    let model = Thirds::default();
    let embed = async || {
        let stored = Stored::new(model.clone(), DiskStore::open(&path));
        stored.embed(&texts, &Call::default()).await.unwrap().vectors
    };
    let (first, again) = (embed().await, embed().await);
    assert_eq!(first, again);
    assert_eq!(model.0.load(Ordering::Relaxed), 200, "each was asked for once");
}

#[tokio::test]
async fn a_bound_on_the_size_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.db");
    let store = DiskStore::options().max_bytes(1_000_000).open(&path);
    let text = |n: u32| format!("{n} {}", "x".repeat(5_000));
    for n in 0..500 {
        store.put(&key(n), &Response::text(text(n))).await;
    }
    drop(store);
    let store = DiskStore::open(&path);
    let stats = store.stats().unwrap();
    // 2.5 MB were written; room is made after a batch is, so the file may be a little longer.
    assert!(stats.bytes < 1_200_000 && stats.entries > 120, "{stats:?}");
    let first = 500 - stats.entries as u32;
    for n in 0..500 {
        let found = store.get(&key(n)).await.map(|found| found.to_text());
        assert_eq!(found, (n >= first).then(|| text(n)), "{n} of {first}");
    }
}
