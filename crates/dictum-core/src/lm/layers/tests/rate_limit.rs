use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::lm::layers::{RateLimit, Retry};

const SECOND: Duration = Duration::from_secs(1);

async fn all(lm: &Lm, streams: bool, requests: &[Request]) -> Duration {
    let begun = Instant::now();
    let terms = Call::default();
    for result in join_all(requests.iter().map(|request| call(lm, streams, request, &terms))).await {
        result.unwrap();
    }
    begun.elapsed()
}

fn asks(n: usize) -> Vec<Request> {
    (0..n).map(|n| ask(&n.to_string())).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_a_minute_are_kept() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| say("x"));
        let lm = lm.layer(RateLimit::requests_per_minute(60));
        // A minute's worth at once, then one a second.
        let time = all(&lm, streams, &asks(90)).await;
        assert!(time >= SECOND * 30 && time < SECOND * 31, "{time:?}");
        assert_eq!(seen.begun(), 90);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_by_estimate_and_corrected_by_usage() {
    for streams in [false, true] {
        // The model uses 15 tokens a call; the estimate says about 1000.
        let (lm, _) = model(|_, _| say("x"));
        let lm = lm.layer(RateLimit::tokens_per_minute(1100));
        let mut requests = asks(40);
        for request in &mut requests {
            request.settings.max_tokens = Some(1000);
        }
        // One at a time, because each reserves nearly all; but not one a minute, because each gives back what it did not use.
        // 600 tokens are used, of which 95 are to spare at first; the others come back at 1100 a minute.
        let time = all(&lm, streams, &requests).await;
        assert!(time > SECOND * 26 && time < SECOND * 30, "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_used_than_reserved_is_paid_back() {
    for streams in [false, true] {
        let (lm, _) = model(|_, _| say("x"));
        let lm = lm.layer(RateLimit::tokens_per_minute(60));
        let mut requests = asks(5);
        for request in &mut requests {
            request.settings.max_tokens = Some(1);
        }
        all(&lm, streams, &requests[..4]).await;
        // Four calls reserve 24 tokens and use all 60; the fifth waits for its 6.
        let time = all(&lm, streams, &requests[4..]).await;
        assert!(time > SECOND * 5 && time < SECOND * 7, "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_up_all_calls() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| match n {
            0 => Step::Fail(LmError::new(LmErrorKind::RateLimit, "slow").with_retry_after(SECOND * 20)),
            _ => say("x"),
        });
        let lm = lm
            .layer(RateLimit::learned())
            .layer(Retry::new(2).backoff(SECOND, SECOND));
        let requests = asks(10);
        let terms = Call::default();
        let first = call(&lm, streams, &requests[0], &terms);
        let others = async {
            tokio::time::sleep(SECOND).await;
            assert_eq!(seen.begun(), 1);
            all(&lm, streams, &requests[1..]).await
        };
        let (first, others) = tokio::join!(first, others);
        first.unwrap();
        assert!(others >= SECOND * 19 && others < SECOND * 22, "{others:?}");
        assert_eq!(seen.begun(), 11);
    }
}

#[tokio::test(start_paused = true)]
async fn limits_are_learned_from_what_the_provider_says() {
    for streams in [false, true] {
        let (lm, seen) = model_with_limits(30, |_, _| say("x"));
        let lm = lm.layer(RateLimit::learned());
        call(&lm, streams, &ask("a"), &Call::default()).await.unwrap();
        // 29 are left, and half of one comes back a second.
        let time = all(&lm, streams, &asks(49)).await;
        assert!(time >= SECOND * 40 && time < SECOND * 45, "{time:?}");
        assert_eq!((seen.begun(), seen.refused.load(Ordering::SeqCst)), (50, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_fails_at_once() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| say("x"));
        let lm = lm.layer(RateLimit::requests_per_minute(1));
        call(&lm, streams, &ask("a"), &Call::default()).await.unwrap();
        let begun = Instant::now();
        let hasty = Call {
            deadline: Some((begun + SECOND * 10).into_std()),
            ..Call::default()
        };
        let error = call(&lm, streams, &ask("b"), &hasty).await.unwrap_err();
        assert_eq!(
            (error.kind(), begun.elapsed()),
            (LmErrorKind::Timeout, Duration::ZERO)
        );
        assert!(error.retry_after().unwrap() > SECOND * 50, "{error:?}");
        assert_eq!(seen.begun(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_who_gives_up_lets_the_next_one_go() {
    for streams in [false, true] {
        let (lm, _) = model(|_, _| say("x"));
        let lm = lm.layer(RateLimit::requests_per_minute(6));
        all(&lm, streams, &asks(6)).await;
        let (request, terms) = (ask("a"), Call::default());
        let begun = Instant::now();
        let first = tokio::time::timeout(SECOND, call(&lm, streams, &request, &terms));
        let (first, second) = tokio::join!(first, call(&lm, streams, &request, &terms));
        assert!(first.is_err() && second.is_ok());
        assert!(begun.elapsed() < SECOND * 11, "{:?}", begun.elapsed());
    }
}
