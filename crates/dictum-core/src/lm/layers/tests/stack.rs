use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::lm::layers::{
    Adaptive, Cache, Cassette, CassetteMode, Circuit, MemoryStore, RateLimit, Retry, Standard, Timeout,
    standard,
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn dropping_a_call_reaches_the_model_through_all_layers() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::Hang);
        let lm = lm.layer(standard().cache(MemoryStore::new(10)));
        let (request, terms) = (ask("a"), Call::default());
        let work = call(&lm, streams, &request, &terms);
        assert!(tokio::time::timeout(SECOND, work).await.is_err());
        assert_eq!((seen.begun(), seen.cancelled()), (1, 1));
        assert_eq!(seen.in_flight.load(Ordering::SeqCst), 0);
    }
}

/// Fails now and then, by what is asked and how often it was asked already, as a flaky provider does.
fn flaky() -> (Lm, Arc<Seen>) {
    let asked = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
    model(move |_, request| {
        let text = request.turns[0].to_text();
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(text.clone()).or_default();
        *times += 1;
        let number: u64 = text.parse().unwrap();
        if *times <= number as usize % 3 {
            fail(LmErrorKind::Server)
        } else {
            Step::SayAfter(
                Duration::from_millis(number * 37 % 100),
                format!("answer to {text}"),
            )
        }
    })
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_depend_on_concurrency() {
    let mut runs = Vec::new();
    for limit in [1, 7, 50] {
        let (lm, seen) = flaky();
        let lm = lm.layer(standard().cache(MemoryStore::new(1000)).concurrency(limit));
        let meter = Meter::new(Budget::unlimited());
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        let requests: Vec<_> = (0..100).map(|n| ask(&(n % 50).to_string())).collect();
        let answers = join_all(requests.iter().map(|request| lm.complete(request, &terms))).await;
        let texts: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.unwrap().to_text())
            .collect();
        assert_eq!(meter.spent().calls as usize, seen.begun());
        runs.push((texts, seen.begun()));
    }
    assert_eq!(runs[0].0[49], "answer to 49");
    assert!(runs.windows(2).all(|pair| pair[0] == pair[1]));
    // 50 requests, of which one third needs 2 attempts and one third 3.
    assert_eq!(runs[0].1, 50 + 17 + 2 * 16);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_time() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| {
            if n == 0 {
                Step::SayAfter(SECOND * 60, "late".to_owned())
            } else {
                say("ok")
            }
        });
        let lm = lm.layer(
            standard()
                .timeout(SECOND)
                .retry(Retry::new(3).backoff(SECOND, SECOND)),
        );
        let response = call(&lm, streams, &ask("a"), &Call::default()).await.unwrap();
        assert_eq!((response.attempts, seen.begun(), seen.cancelled()), (2, 2, 1));
    }
}

/// All layers there are.
fn all() -> Standard {
    standard()
        .cassette(Cassette::from_text("empty", "").unwrap())
        .cache(MemoryStore::new(10))
        .circuit(Circuit::default())
        .adaptive(Adaptive::default())
        .concurrency(16)
        .rate_limit(RateLimit::per_minute(1000, 1_000_000))
}

#[test]
fn the_layers_stand_in_the_documented_order_and_each_can_be_left_out() {
    let names = [
        "Traced {",
        "Taped {",
        "Cached {",
        "Coalesced {",
        "Limited {",
        "Retrying {",
        "Guarded {",
        "Adapting {",
        "RateLimited {",
        "Timed {",
        "Metered {",
    ];
    let order = |layers: Standard| {
        let shown = format!(
            "{:?}",
            Lm::new(Offline::new("a/b", Capabilities::default())).layer(layers)
        );
        let mut places: Vec<_> = names
            .iter()
            .filter_map(|name| Some((shown.find(name)?, *name)))
            .collect();
        places.sort();
        places.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(order(all()), names);
    let bare = standard()
        .without_tracing()
        .without_coalescing()
        .without_concurrency_limit()
        .without_retry()
        .without_timeout();
    assert_eq!(order(bare), ["Metered {"]);
    let usual = [
        "Traced {",
        "Coalesced {",
        "Limited {",
        "Retrying {",
        "Timed {",
        "Metered {",
    ];
    assert_eq!(order(standard()), usual);
}

#[tokio::test(start_paused = true)]
async fn hits_take_no_place_and_no_share() {
    for streams in [false, true] {
        let (lm, _) = model(|n, _| if n == 0 { say("x") } else { Step::Hang });
        let lm = lm.layer(
            standard()
                .cache(MemoryStore::new(10))
                .concurrency(1)
                .rate_limit(RateLimit::requests_per_minute(2)),
        );
        let (a, b, terms) = (ask("a"), ask("b"), Call::default());
        call(&lm, streams, &a, &terms).await.unwrap();
        let holder = tokio::time::timeout(SECOND, call(&lm, streams, &b, &terms));
        let hits = async {
            for _ in 0..10 {
                let hit = call(&lm, streams, &a, &terms).await.unwrap();
                assert_eq!(hit.source, Source::Cache);
            }
            tokio::time::Instant::now()
        };
        let begun = tokio::time::Instant::now();
        let (_, ended) = tokio::join!(holder, hits);
        assert_eq!(ended, begun);
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_take_shares_and_refusals_of_the_circuit_none() {
    let (lm, seen) = model(|_, _| fail(LmErrorKind::Server));
    let lm = lm.layer(
        standard()
            .rate_limit(RateLimit::requests_per_minute(6))
            .circuit(Circuit::new(6, 1.0))
            .retry(Retry::new(3).backoff(SECOND / 100, SECOND / 100)),
    );
    let begun = tokio::time::Instant::now();
    for n in 0..10 {
        lm.complete(&ask(&n.to_string()), &Call::default())
            .await
            .unwrap_err();
    }
    assert_eq!(seen.begun(), 3, "the circuit opens with the third attempt");
    assert!(begun.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn dropping_one_of_two_waiters_leaves_the_other_its_call_through_all_layers() {
    for streams in [false, true] {
        for first_goes in [false, true] {
            let (lm, seen) = model(|_, _| Step::SayAfter(SECOND * 3, "answer".to_owned()));
            let lm = lm.layer(everything());
            let (request, terms) = (ask("a"), Call::default());
            let stays = call(&lm, streams, &request, &terms);
            let goes = tokio::time::timeout(SECOND, call(&lm, streams, &request, &terms));
            let (stays, goes) = if first_goes {
                let (goes, stays) = tokio::join!(goes, stays);
                (stays, goes)
            } else {
                tokio::join!(stays, goes)
            };
            assert!(goes.is_err(), "it was dropped");
            assert_eq!(stays.unwrap().to_text(), "answer");
            assert_eq!((seen.begun(), seen.cancelled()), (1, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_all_waiters_cancels_and_frees_what_the_call_held() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| if n < 3 { Step::Hang } else { say("x") });
        let lm = lm.layer(everything().concurrency(1).adaptive(Adaptive::new(1, 1)));
        let terms = Call::default();
        for n in 0..3 {
            let request = ask(&n.to_string());
            let two = join_all((0..2).map(|_| call(&lm, streams, &request, &terms)));
            assert!(tokio::time::timeout(SECOND, two).await.is_err());
            assert_eq!((seen.begun(), seen.cancelled()), (n + 1, n + 1));
        }
        call(&lm, streams, &ask("x"), &terms).await.unwrap();
    }
}

/// All but the cassette, which would have to hold the calls.
fn everything() -> Standard {
    standard()
        .cache(MemoryStore::new(10))
        .circuit(Circuit::default())
        .adaptive(Adaptive::default())
        .concurrency(16)
        .rate_limit(RateLimit::per_minute(1000, 1_000_000))
        .timeouts(
            Timeout::new(SECOND * 60)
                .first_event(SECOND * 30)
                .between_events(SECOND * 30),
        )
}

#[tokio::test(start_paused = true)]
async fn each_layer_hands_on_what_the_model_says_of_itself() {
    let (bare, _) = model_with_limits(30, |_, _| say("x"));
    let dir = tempfile::tempdir().unwrap();
    let cassette = Cassette::open(dir.path().join("c"), CassetteMode::Auto).unwrap();
    let lm = bare.clone().layer(everything().cassette(cassette));
    lm.complete(&ask("a"), &Call::default()).await.unwrap();
    assert!(lm.rate_limits().is_some());
    assert_eq!((lm.rate_limits(), lm.name()), (bare.rate_limits(), bare.name()));
    assert_eq!(
        Cache::memory(1).read_only().wrap(lm.clone()).rate_limits(),
        lm.rate_limits()
    );
}

/// A number that looks random and is the same for the same seed.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

#[tokio::test(start_paused = true)]
async fn in_a_storm_every_call_ends_and_nothing_is_left_behind() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, request| {
            let text = request.turns[0].to_text();
            match mixed(n as u64) % 10 {
                0 => fail(LmErrorKind::Server),
                1 => Step::Fail(LmError::new(LmErrorKind::RateLimit, "slow").with_retry_after(SECOND)),
                2 => Step::Break(LmError::new(LmErrorKind::Transport, "cut")),
                3 => Step::Hang,
                4 => Step::SayAfter(SECOND * 5, text),
                _ => say(text),
            }
        });
        let adaptive = Adaptive::new(4, 64).at_least(16);
        let layers = everything().adaptive(adaptive.clone()).concurrency(40);
        let lm = lm.layer(layers.circuit(Circuit::new(20, 0.9)).timeout(SECOND * 8));
        let (meter, begun) = (Meter::new(Budget::unlimited()), tokio::time::Instant::now());
        let calls = (0..2000_u64).map(|n| {
            let (lm, meter) = (lm.clone(), meter.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(mixed(n) % 60_000)).await;
                // Some ask the same, some give up, some have a deadline.
                let text = format!("question {}", n % 1500);
                let now = tokio::time::Instant::now();
                let terms = Call {
                    meter: Some(meter),
                    deadline: (n % 7 == 0).then(|| (now + SECOND * 20).into_std()),
                    ..Call::default()
                };
                let request = ask(&text);
                let patience = if n % 5 == 0 { SECOND * 2 } else { SECOND * 100_000 };
                let result = tokio::time::timeout(patience, call(&lm, streams, &request, &terms)).await;
                let late = terms
                    .deadline
                    .is_some_and(|at| tokio::time::Instant::now().into_std() > at + SECOND / 100);
                assert!(!late, "{n} ended after its deadline");
                match result {
                    Ok(Ok(answer)) => {
                        assert_eq!(answer.to_text(), text);
                        1
                    }
                    _ => 0,
                }
            }
        });
        let answered: usize = join_all(calls).await.into_iter().sum();
        assert!(answered > 500, "{answered}");
        assert_eq!(meter.spent().calls as usize, seen.begun());
        assert_eq!(seen.in_flight.load(Ordering::SeqCst), 0);
        // All places are free again, so as many calls as the limit go through at once.
        tokio::time::sleep(SECOND * 600).await;
        assert!(begun.elapsed() < SECOND * 100_000);
        let places = format!("{lm:?}");
        assert!(places.contains("permits: 40"), "{places}");
        assert!(
            places.contains(&format!("permits: {}", adaptive.limit())),
            "{places}"
        );
    }
}
