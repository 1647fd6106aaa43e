use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::lm::layers::{MemoryStore, Store};
use crate::lm::{Budget, CachePolicy, Digest, LmErrorKind, Meter, Response};

/// Counts the bytes and the first byte of each text, and remembers what it was asked.
#[derive(Debug, Default)]
struct Counting {
    limit: BatchLimit,
    asked: Mutex<Vec<Vec<String>>>,
    failures: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    delay: Duration,
    short: bool,
}

impl Counting {
    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }
}

fn vector_of(text: &str) -> Vec<f32> {
    vec![text.len() as f32, text.bytes().next().map_or(-1.0, f32::from)]
}

impl Embedder for Counting {
    fn name(&self) -> &str {
        "test/counting"
    }

    fn limit(&self) -> BatchLimit {
        self.limit
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
            self.most.fetch_max(now, Ordering::AcqRel);
            self.asked.lock().unwrap().push(texts.to_vec());
            // Later requests end sooner.
            let nth = self.asked.lock().unwrap().len() as u32;
            tokio::time::sleep(self.delay / nth).await;
            self.now.fetch_sub(1, Ordering::AcqRel);
            if self.failures.load(Ordering::Acquire) > 0 {
                self.failures.fetch_sub(1, Ordering::AcqRel);
                let error = LmError::new(LmErrorKind::RateLimit, "slow down");
                return Err(error.with_retry_after(Duration::from_secs(3)));
            }
            let vectors = texts
                .iter()
                .skip(usize::from(self.short))
                .map(|text| vector_of(text));
            Ok(Embeddings {
                vectors: vectors.collect(),
                usage: Usage {
                    input_tokens: Some(texts.len() as u64),
                    ..Usage::default()
                },
            })
        })
    }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn limited(count: usize, bytes: usize) -> Arc<Counting> {
    Arc::new(Counting {
        limit: BatchLimit { texts: count, bytes },
        delay: Duration::from_millis(100),
        ..Counting::default()
    })
}

#[tokio::test(start_paused = true)]
async fn many_texts_go_in_several_requests_and_come_in_order() {
    let model = limited(2, usize::MAX);
    let batched = Batched::new(Arc::clone(&model)).concurrency(3);
    let asked = texts(&["a", "bb", "ccc", "dddd", "eeeee", "f", "gg", "hhh", "i"]);
    let done = batched.embed(&asked, &Call::default()).await.unwrap();
    let expected: Vec<Vec<f32>> = asked.iter().map(|text| vector_of(text)).collect();
    assert_eq!(done.vectors, expected);
    assert_eq!(done.usage.input_tokens, Some(9));
    assert_eq!(model.asked().len(), 5);
    assert_eq!(model.most.load(Ordering::Acquire), 3);
    assert!(
        batched
            .embed(&[], &Call::default())
            .await
            .unwrap()
            .vectors
            .is_empty()
    );
    assert_eq!(model.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn requests_are_cut_by_bytes_too_and_a_long_text_goes_alone() {
    let model = limited(10, 4);
    let asked = texts(&["aa", "bb", "c", "dddddddd", "e", "é", "f"]);
    Batched::new(Arc::clone(&model))
        .concurrency(1)
        .embed(&asked, &Call::default())
        .await
        .unwrap();
    let lengths: Vec<usize> = model.asked().iter().map(Vec::len).collect();
    assert_eq!(lengths, [2, 1, 1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_size_is_taken_and_a_larger_one_is_not() {
    for (size, requests) in [(1, 4), (2, 2), (100, 2), (0, 4)] {
        let model = limited(2, usize::MAX);
        let batched = Batched::new(Arc::clone(&model)).size(size);
        batched
            .embed(&texts(&["a", "b", "c", "d"]), &Call::default())
            .await
            .unwrap();
        assert_eq!(model.asked().len(), requests, "{size}");
    }
}

#[tokio::test]
async fn a_missing_vector_is_an_error() {
    let model = Arc::new(Counting {
        short: true,
        ..Counting::default()
    });
    let asked = texts(&["a", "b"]);
    let error = Batched::new(Arc::clone(&model))
        .embed(&asked, &Call::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.model()),
        (LmErrorKind::Decode, "test/counting")
    );
    let error = Cached::new(model, 10)
        .embed(&asked, &Call::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Decode);
}

#[tokio::test]
async fn what_is_kept_is_not_asked_again() {
    let model = Arc::new(Counting::default());
    let cached = Cached::new(Arc::clone(&model), 100);
    let call = Call::default();
    let first = cached.embed(&texts(&["a", "bb", "a"]), &call).await.unwrap();
    assert_eq!(first.vectors, [vector_of("a"), vector_of("bb"), vector_of("a")]);
    let second = cached
        .clone()
        .embed(&texts(&["ccc", "bb", "a", "ccc"]), &call)
        .await
        .unwrap();
    assert_eq!(
        second.vectors,
        [
            vector_of("ccc"),
            vector_of("bb"),
            vector_of("a"),
            vector_of("ccc")
        ]
    );
    assert_eq!(second.usage.input_tokens, Some(1));
    let third = cached.embed(&texts(&["a"]), &call).await.unwrap();
    assert_eq!((third.usage, cached.len()), (Usage::default(), 3));
    assert_eq!(model.asked(), [texts(&["a", "bb"]), texts(&["ccc"])]);
}

#[tokio::test]
async fn the_calls_policy_holds() {
    let model = Arc::new(Counting::default());
    let cached = Cached::new(Arc::clone(&model), 100);
    let asked = texts(&["a"]);
    for (cache, requests, kept) in [
        (CachePolicy::Bypass, 1, 0),
        (CachePolicy::ReadOnly, 2, 0),
        (CachePolicy::Refresh, 3, 1),
        (CachePolicy::Use, 3, 1),
        (CachePolicy::Refresh, 4, 1),
    ] {
        let call = Call {
            cache,
            ..Call::default()
        };
        cached.embed(&asked, &call).await.unwrap();
        assert_eq!((model.asked().len(), cached.len()), (requests, kept), "{cache:?}");
    }
}

#[tokio::test]
async fn what_is_stored_is_found_by_another_embedder_of_the_name_to_the_last_bit() {
    let odd = vec![0.1, -0.0, f32::MIN_POSITIVE / 8.0, 1e30, -1.0 / 3.0];
    let store = Arc::new(MemoryStore::new(100));
    let canned = Canned(odd.clone());
    let first = Stored::shared(canned, store.clone());
    let wanted = texts(&["a", "b", "a"]);
    let done = first.embed(&wanted, &Call::default()).await.unwrap();
    assert_eq!(done.vectors, vec![odd.clone(); 3]);

    // The same name over the same store: what the first kept, and only the rest is asked for.
    let inner = Arc::new(Counting::default());
    let second = Stored::shared(inner.clone(), store.clone());
    let done = second
        .embed(&texts(&["c", "b", "c"]), &Call::default())
        .await
        .unwrap();
    assert_eq!(inner.asked(), [texts(&["c"])]);
    let bits = |vector: &[f32]| vector.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&done.vectors[1]), bits(&odd));
    assert_eq!(done.vectors[0], vector_of("c"));

    for (cache, asked_again) in [
        (CachePolicy::Use, 0),
        (CachePolicy::Refresh, 1),
        (CachePolicy::Bypass, 1),
    ] {
        let before = inner.asked().len();
        let call = Call {
            cache,
            ..Call::default()
        };
        second.embed(&texts(&["b"]), &call).await.unwrap();
        assert_eq!(inner.asked().len() - before, asked_again, "{cache:?}");
    }
    // Refreshed, and so kept anew.
    let done = second.embed(&texts(&["b"]), &Call::default()).await.unwrap();
    assert_eq!(done.vectors[0], vector_of("b"));
}

#[tokio::test]
async fn an_entry_that_is_no_vector_is_asked_for_again() {
    let store = Arc::new(MemoryStore::new(100));
    let inner = Arc::new(Counting::default());
    let stored = Stored::shared(inner.clone(), store.clone());
    stored.embed(&texts(&["a"]), &Call::default()).await.unwrap();
    for damaged in ["3f80000", "3f80000x", "é3f8000"] {
        let key = Digest::of(&("embedding", "test/counting", "a"));
        assert!(store.get(&key).await.is_some(), "the key is this one");
        store.put(&key, &Response::text(damaged)).await;
        let before = inner.asked().len();
        let done = stored.embed(&texts(&["a"]), &Call::default()).await.unwrap();
        assert_eq!(
            (done.vectors, inner.asked().len()),
            (vec![vector_of("a")], before + 1)
        );
    }
}

/// One vector for all texts, under the name of [`Counting`].
#[derive(Debug)]
struct Canned(Vec<f32>);

impl Embedder for Canned {
    fn name(&self) -> &str {
        "test/counting"
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            Ok(Embeddings {
                vectors: vec![self.0.clone(); texts.len()],
                usage: Usage::default(),
            })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_and_each_attempt_counts_and_what_is_kept_does_not() {
    let model = limited(1, usize::MAX);
    model.failures.store(1, Ordering::Release);
    let cached = Cached::new(standard(Arc::clone(&model)).concurrency(1), 10);
    let meter = Meter::new(Budget::calls(3));
    let call = Call {
        meter: Some(meter.clone()),
        ..Call::default()
    };
    for _ in 0..2 {
        cached.embed(&texts(&["a", "b"]), &call).await.unwrap();
    }
    assert_eq!((meter.spent().calls, meter.spent().tokens), (3, 2));
    let error = cached.embed(&texts(&["c"]), &call).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Budget);
    assert_eq!(model.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_waited_for_and_another_is_not() {
    let model = limited(1, usize::MAX);
    model.failures.store(2, Ordering::Release);
    let begun = tokio::time::Instant::now();
    let retried = Retried::new(Arc::clone(&model));
    retried.embed(&texts(&["a"]), &Call::default()).await.unwrap();
    assert!(
        begun.elapsed() >= Duration::from_secs(6),
        "two waits of three seconds"
    );
    model.failures.store(100, Ordering::Release);
    let error = retried
        .attempts(2)
        .embed(&texts(&["a"]), &Call::default())
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (LmErrorKind::RateLimit, 2));
    assert_eq!(model.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_beyond_the_deadline() {
    let model = limited(1, usize::MAX);
    model.failures.store(1, Ordering::Release);
    let soon = |wait| -> Call {
        let now: Instant = tokio::time::Instant::now().into_std();
        Call {
            deadline: Some(now + wait),
            ..Call::default()
        }
    };
    let embedder = standard(Arc::clone(&model));
    let error = embedder
        .embed(&texts(&["a"]), &soon(Duration::from_secs(2)))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), model.asked().len()), (LmErrorKind::RateLimit, 1));
    let error = embedder
        .embed(&texts(&["a"]), &soon(Duration::from_millis(10)))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.model()),
        (LmErrorKind::Timeout, "test/counting")
    );
}

proptest! {
    #[test]
    fn however_it_is_cut_and_kept_each_text_has_its_vector(
        rounds in prop::collection::vec(prop::collection::vec("[a-c]{0,3}", 0..12), 1..4),
        size in 1usize..5,
        bytes in 1usize..12,
        capacity in 1usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let model = limited(size, bytes);
        let embedder = Cached::new(standard(Arc::clone(&model)), capacity);
        for round in rounds {
            let done = runtime.block_on(embedder.embed(&round, &Call::default())).unwrap();
            let expected: Vec<Vec<f32>> = round.iter().map(|text| vector_of(text)).collect();
            prop_assert_eq!(done.vectors, expected);
        }
        for request in model.asked() {
            let whole: usize = request.iter().map(String::len).sum();
            prop_assert!(request.len() <= size && (whole <= bytes || request.len() == 1));
        }
    }
}
