use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::lm::layers::{Adaptive, Retry};

const TURN: Duration = Duration::from_millis(500);

/// A server that refuses more than a hidden number of calls at once. Says how long so many calls take, and how many were refused.
async fn through(hidden: usize, calls: usize, streams: bool) -> (Duration, usize, Adaptive) {
    let (lm, seen) = model_that_refuses_beyond(hidden, TURN);
    let limit = Adaptive::default();
    let lm = lm
        .layer(limit.clone())
        .layer(Retry::new(8).backoff(TURN, TURN * 4).seed(1).without_budget());
    let requests: Vec<_> = (0..calls).map(|n| ask(&n.to_string())).collect();
    let terms = Call::default();
    let begun = Instant::now();
    for answer in join_all(requests.iter().map(|request| call(&lm, streams, request, &terms))).await {
        answer.unwrap();
    }
    (begun.elapsed(), seen.refused.load(Ordering::SeqCst), limit)
}

#[tokio::test(start_paused = true)]
async fn it_finds_the_servers_limit_and_stays_just_below() {
    for streams in [false, true] {
        for hidden in [5, 20, 64] {
            let calls = hidden * 100;
            let (time, refused, limit) = through(hidden, calls, streams).await;
            // A stream of the test's model takes a turn for each of its two events, and two ticks.
            let turn = if streams { TURN * 2 } else { TURN }.as_secs_f64();
            let best = turn * calls as f64 / hidden as f64;
            let share = best / time.as_secs_f64();
            assert!(share > 0.85, "{hidden}: {share:.3} of the best throughput");
            assert!(refused * 50 < calls, "{hidden}: {refused} of {calls} refused");
            let found = limit.limit();
            assert!(
                found <= hidden + 1 && found * 10 >= hidden * 8,
                "{found} of {hidden}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_does_not_grow() {
    let (lm, _) = model(|_, _| say("x"));
    let limit = Adaptive::new(8, 100);
    let lm = lm.layer(limit.clone());
    for n in 0..50 {
        lm.complete(&ask(&n.to_string()), &Call::default()).await.unwrap();
    }
    assert_eq!(limit.limit(), 8);
}

#[tokio::test(start_paused = true)]
async fn one_overload_is_one_fall_and_refusals_of_other_kinds_are_none() {
    for (kind, left) in [
        (LmErrorKind::RateLimit, 18),
        (LmErrorKind::Timeout, 18),
        (LmErrorKind::InvalidRequest, 20),
        (LmErrorKind::Server, 20),
    ] {
        let (lm, _) = model(move |_, _| fail(kind));
        let limit = Adaptive::new(20, 100);
        let lm = lm.layer(limit.clone());
        let requests: Vec<_> = (0..20).map(|n| ask(&n.to_string())).collect();
        let terms = Call::default();
        join_all(requests.iter().map(|request| lm.complete(request, &terms))).await;
        assert_eq!(limit.limit(), left, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_does_not_fall_below_its_least() {
    let (lm, seen) = model(|_, _| fail(LmErrorKind::Timeout));
    let limit = Adaptive::new(4, 100).at_least(8);
    let lm = lm.layer(limit.clone());
    for round in 0..5 {
        let requests: Vec<_> = (0..20).map(|n| ask(&format!("{round} {n}"))).collect();
        let terms = Call::default();
        join_all(requests.iter().map(|request| lm.complete(request, &terms))).await;
    }
    assert_eq!(
        (limit.limit(), seen.most_in_flight.load(Ordering::SeqCst)),
        (8, 8)
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_calls_and_streams_give_their_places_back() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::Hang);
        let lm = lm.layer(Adaptive::new(1, 1));
        let (request, terms) = (ask("a"), Call::default());
        for _ in 0..3 {
            let work = call(&lm, streams, &request, &terms);
            assert!(tokio::time::timeout(TURN, work).await.is_err());
        }
        assert_eq!((seen.begun(), seen.cancelled()), (3, 3));
    }
}
