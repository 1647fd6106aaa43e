use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::lm::layers::{Cache, Fallback, MemoryStore, Store, standard};

#[tokio::test]
async fn a_hit_costs_no_call_and_says_so_both_ways() {
    for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
        let (lm, seen) = model(|n, _| say(format!("answer {n}")));
        let lm = lm.layer(Cache::memory(10));
        let meter = Meter::new(Budget::calls(1));
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        let cold = call(&lm, first, &ask("a"), &terms).await.unwrap();
        let warm = call(&lm, second, &ask("a"), &terms).await.unwrap();
        assert_eq!((cold.source, cold.attempts), (Source::Model, 1));
        assert_eq!((warm.source, warm.attempts), (Source::Cache, 0));
        assert_eq!(warm.to_text(), "answer 0");
        assert_eq!((seen.begun(), meter.spent().calls), (1, 1));
    }
}

#[tokio::test]
async fn samples_and_settings_are_kept_apart() {
    let (lm, seen) = model(|n, _| say(format!("answer {n}")));
    let lm = lm.layer(Cache::memory(10));
    let mut other_sample = ask("a");
    other_sample.sample = 1;
    let mut warmer = ask("a");
    warmer.settings.temperature = Some(0.5);
    for request in [ask("a"), other_sample, warmer, ask("b")] {
        lm.complete(&request, &Call::default()).await.unwrap();
    }
    assert_eq!(seen.begun(), 4);
}

#[tokio::test]
async fn the_policy_of_the_call_is_honoured() {
    for streams in [false, true] {
        let (lm, _) = model(|n, _| say(format!("answer {n}")));
        let lm = lm.layer(Cache::memory(10));
        let with = |cache| Call {
            cache,
            ..Call::default()
        };
        let mut texts = Vec::new();
        for policy in [
            CachePolicy::ReadOnly,
            CachePolicy::Use,
            CachePolicy::Bypass,
            CachePolicy::Use,
            CachePolicy::Refresh,
            CachePolicy::ReadOnly,
        ] {
            let response = call(&lm, streams, &ask("a"), &with(policy)).await.unwrap();
            texts.push(response.to_text().replace("answer ", ""));
        }
        assert_eq!(texts, ["0", "1", "2", "1", "3", "3"]);
    }
}

#[tokio::test]
async fn failures_and_broken_streams_are_not_kept() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| match n {
            0 => fail(LmErrorKind::Server),
            1 => Step::Break(LmError::new(LmErrorKind::Transport, "cut")),
            _ => say("whole"),
        });
        let lm = lm.layer(Cache::memory(10));
        assert!(call(&lm, streams, &ask("a"), &Call::default()).await.is_err());
        assert!(call(&lm, streams, &ask("a"), &Call::default()).await.is_err());
        let response = call(&lm, streams, &ask("a"), &Call::default()).await.unwrap();
        assert_eq!((response.source, seen.begun()), (Source::Model, 3));
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_half_way_is_not_kept() {
    let (lm, seen) = model(|_, _| say("one two three"));
    let lm = lm.layer(Cache::memory(10));
    let mut stream = lm.stream(&ask("a"), &Call::default()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(seen.cancelled(), 1);
    let again = lm.complete(&ask("a"), &Call::default()).await.unwrap();
    assert_eq!(again.source, Source::Model);
}

#[tokio::test]
async fn memory_before_a_slower_store_fills_from_it() {
    let (slow, fast) = (Arc::new(MemoryStore::new(10)), Arc::new(MemoryStore::new(10)));
    let request = ask("a");
    let key = request.digest("test/scripted");
    slow.put(&key, &Response::text("from the slow one")).await;
    let (lm, seen) = model(|_, _| fail(LmErrorKind::Internal));
    let lm = lm
        .layer(Cache::shared(slow))
        .layer(Cache::shared(Arc::clone(&fast) as Arc<dyn Store>));
    assert_eq!(
        lm.complete(&request, &Call::default()).await.unwrap().to_text(),
        "from the slow one"
    );
    assert_eq!((fast.len(), seen.begun()), (1, 0));
}

#[tokio::test]
async fn a_hit_has_all_the_answer_had() {
    let store = MemoryStore::new(10);
    let response = Response {
        parts: vec![
            Part::text("a"),
            Part::Reasoning {
                text: "b".to_owned(),
                signature: Some("c".to_owned()),
            },
        ],
        finish: FinishReason::Other("odd".to_owned()),
        model: "m-2026".to_owned(),
        raw: Some(crate::lm::Payload::from(
            &serde_json::json!({ "z": 1, "a": [1.5, null, "é"] }),
        )),
        usage: Usage {
            cost_usd: Some(0.25),
            ..Usage::default()
        },
        ..Response::text("")
    };
    let key = ask("a").digest("m");
    store.put(&key, &response).await;
    let expected = Response {
        attempts: 0,
        ..response
    };
    assert_eq!(store.get(&key).await.unwrap(), expected);
}

#[tokio::test]
async fn a_full_store_stays_within_its_capacity() {
    let store = Arc::new(MemoryStore::new(8));
    let (lm, _) = model(|_, _| say("x"));
    let lm = lm.layer(Cache::shared(Arc::clone(&store) as Arc<dyn Store>));
    for n in 0..100 {
        lm.complete(&ask(&n.to_string()), &Call::default()).await.unwrap();
    }
    assert!(store.len() <= 8 && !store.is_empty(), "{store:?}");
}

#[tokio::test]
async fn a_store_of_bytes_stays_within_them() {
    let store = MemoryStore::of_bytes(100_000);
    let long = Response::text("x".repeat(10_000));
    for n in 0..100 {
        store.put(&ask(&n.to_string()).digest("m"), &long).await;
    }
    assert!((5..10).contains(&store.len()), "{store:?}");
    let found = store.get(&ask("99").digest("m")).await;
    assert!(
        found.is_some_and(|found| found.parts == long.parts),
        "the last is there"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_lives_for_its_time() {
    for streams in [false, true] {
        let (lm, _) = model(|n, _| say(format!("answer {n}")));
        let minute = Duration::from_secs(60);
        let lm = lm.layer(Cache::new(MemoryStore::new(10).time_to_live(minute)));
        let mut texts = Vec::new();
        for wait in [0, 30, 29, 2, 59] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            let response = call(&lm, streams, &ask("a"), &Call::default()).await.unwrap();
            texts.push(response.to_text().replace("answer ", ""));
        }
        assert_eq!(texts, ["0", "0", "0", "1", "1"]);
    }
}

#[tokio::test]
async fn namespaces_share_a_store_and_no_answers() {
    for streams in [false, true] {
        let store: Arc<MemoryStore> = MemoryStore::new(10).into();
        let (lm, seen) = model(|n, _| say(format!("answer {n}")));
        let spaces = [None, Some("one"), Some("two"), Some("one")].map(|space| {
            let cache = Cache::shared(Arc::clone(&store) as Arc<dyn Store>);
            lm.clone().layer(match space {
                Some(space) => cache.namespace(space),
                None => cache,
            })
        });
        let mut sources = Vec::new();
        for lm in &spaces {
            sources.push(
                call(lm, streams, &ask("a"), &Call::default())
                    .await
                    .unwrap()
                    .source,
            );
        }
        assert_eq!(
            sources,
            [Source::Model, Source::Model, Source::Model, Source::Cache]
        );
        assert_eq!((store.len(), seen.begun()), (3, 3));
    }
}

#[tokio::test]
async fn a_read_only_cache_answers_and_keeps_nothing() {
    for streams in [false, true] {
        let store: Arc<MemoryStore> = MemoryStore::new(10).into();
        let (lm, _) = model(|n, _| say(format!("answer {n}")));
        let shared = || Cache::shared(Arc::clone(&store) as Arc<dyn Store>);
        let writes = lm.clone().layer(shared());
        let reads = lm.layer(shared().read_only());
        let ask_it = async |lm: &Lm, text, cache| {
            let terms = Call {
                cache,
                ..Call::default()
            };
            call(lm, streams, &ask(text), &terms).await.unwrap().source
        };
        assert_eq!(ask_it(&writes, "a", CachePolicy::Use).await, Source::Model);
        assert_eq!(ask_it(&reads, "a", CachePolicy::Use).await, Source::Cache);
        assert_eq!(ask_it(&reads, "b", CachePolicy::Use).await, Source::Model);
        assert_eq!(ask_it(&reads, "b", CachePolicy::Refresh).await, Source::Model);
        assert_eq!(ask_it(&reads, "b", CachePolicy::Use).await, Source::Model);
        assert_eq!(store.len(), 1);
    }
}

#[tokio::test]
async fn a_kept_answer_streams_all_its_parts_in_order() {
    let store = MemoryStore::new(10);
    let call = Part::ToolCall {
        id: "1".to_owned(),
        name: "look_up".to_owned(),
        arguments: serde_json::json!({ "q": 1 }),
    };
    let response = Response {
        parts: vec![
            Part::Reasoning {
                text: "hm".to_owned(),
                signature: None,
            },
            Part::text("a"),
            call,
        ],
        ..Response::text("")
    };
    store.put(&ask("a").digest("test/scripted"), &response).await;
    let (lm, _) = model(|_, _| fail(LmErrorKind::Internal));
    let stream = lm
        .layer(Cache::new(store))
        .stream(&ask("a"), &Call::default())
        .await;
    let events: Vec<_> = stream.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(events[0], StreamEvent::Reasoning("hm".to_owned()));
    assert_eq!(events[1], StreamEvent::Text("a".to_owned()));
    assert!(matches!(&events[2], StreamEvent::ToolCall { name, .. } if name == "look_up"));
    assert!(matches!(&events[3], StreamEvent::Finished(end) if end.parts == response.parts));
}

/// Two servers, or two sets of defaults, under one name.
#[derive(Debug)]
struct At(&'static str);

impl LanguageModel for At {
    fn name(&self) -> &str {
        "test/same"
    }

    fn variant(&self) -> Option<Digest> {
        Some(Digest::of_bytes(self.0.as_bytes()))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, _: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async { Ok(Response::text(self.0)) })
    }
}

#[tokio::test]
async fn models_of_one_name_do_not_answer_for_each_other() {
    let store = Cache::memory(8);
    let request = Request::new(vec![Message::user("who?")]);
    let ask = async |lm: &Lm| lm.complete(&request, &Call::default()).await.unwrap();
    // Through layers in between too.
    let here = Lm::new(At("here")).layer(standard()).layer(store.clone());
    let there = Lm::new(At("there")).layer(standard()).layer(store.clone());
    let either = Lm::new(At("here"))
        .layer(Fallback::to(Lm::new(At("there"))))
        .layer(store);
    for lm in [&here, &there, &either] {
        assert_eq!(ask(lm).await.source, Source::Model);
        assert_eq!(ask(lm).await.source, Source::Cache);
    }
    assert_eq!(ask(&there).await.to_text(), "there");
}
