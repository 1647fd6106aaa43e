use std::time::Duration;

use super::*;
use crate::lm::layers::Retry;

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> Retry {
    Retry::new(4).backoff(SECOND, SECOND * 30).seed(7)
}

#[tokio::test(start_paused = true)]
async fn tries_until_it_works_and_every_try_counts() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| {
            if n < 2 {
                fail(LmErrorKind::Server)
            } else {
                say("at last")
            }
        });
        let lm = lm.layer(rules());
        let meter = Meter::new(Budget::unlimited());
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        let response = call(&lm, streams, &ask("a"), &terms).await.unwrap();
        assert_eq!((response.to_text().as_str(), response.attempts), ("at last", 3));
        assert_eq!((seen.begun(), meter.spent().calls), (3, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn the_budget_ends_the_tries() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| fail(LmErrorKind::Server));
        let lm = lm.layer(rules());
        let terms = Call {
            meter: Some(Meter::new(Budget::calls(2))),
            ..Call::default()
        };
        let error = call(&lm, streams, &ask("a"), &terms).await.unwrap_err();
        assert_eq!((error.kind(), seen.begun()), (LmErrorKind::Budget, 2));
        // And what it went to is told.
        assert_eq!(error.earlier().unwrap().kind(), LmErrorKind::Server);
        let says = "all 2 calls of the budget are spent, after a failure: server: told to";
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_the_last_attempt_and_on_what_no_retry_helps() {
    for streams in [false, true] {
        for (kind, attempts) in [
            (LmErrorKind::RateLimit, 4),
            (LmErrorKind::Transport, 4),
            (LmErrorKind::Auth, 1),
            (LmErrorKind::Billing, 1),
            (LmErrorKind::ContextWindow, 1),
            (LmErrorKind::InvalidRequest, 1),
        ] {
            let (lm, seen) = model(move |_, _| fail(kind));
            let error = call(&lm.layer(rules()), streams, &ask("a"), &Call::default())
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), seen.begun(), error.attempts()),
                (kind, attempts, attempts as u32)
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_are_jittered_bounded_and_the_same_for_a_seed() {
    let waits = async |seed| {
        let (lm, _) = model(|_, _| fail(LmErrorKind::Server));
        let lm = lm.layer(Retry::new(40).backoff(SECOND, SECOND * 8).seed(seed));
        let begun = tokio::time::Instant::now();
        lm.complete(&ask("a"), &Call::default()).await.unwrap_err();
        begun.elapsed()
    };
    let (one, again, other) = (waits(1).await, waits(1).await, waits(2).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    // 39 waits, bounded by 1, 2, 4 and then 8 s; without jitter they would take 295 s, with full jitter about half.
    assert!(one > SECOND * 90 && one < SECOND * 210, "{one:?}");
}

#[tokio::test(start_paused = true)]
async fn the_providers_wish_is_honoured_up_to_a_cap() {
    for streams in [false, true] {
        for (asked, tries) in [(SECOND * 20, 2), (SECOND * 500, 1)] {
            let (lm, seen) = model(move |n, _| match n {
                0 => Step::Fail(LmError::new(LmErrorKind::RateLimit, "slow down").with_retry_after(asked)),
                _ => say("ok"),
            });
            let begun = tokio::time::Instant::now();
            let result = call(&lm.layer(rules()), streams, &ask("a"), &Call::default()).await;
            assert_eq!((seen.begun(), result.is_ok()), (tries, tries == 2));
            if tries == 2 {
                let waited = begun.elapsed();
                assert!(waited >= asked && waited <= asked + SECOND * 2, "{waited:?}");
            } else {
                assert!(begun.elapsed() < SECOND, "it does not wait");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_wait_passes_the_deadline() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| {
            Step::Fail(LmError::new(LmErrorKind::RateLimit, "slow down").with_retry_after(SECOND * 5))
        });
        let begun = tokio::time::Instant::now();
        let terms = Call {
            deadline: Some((begun + SECOND * 8).into_std()),
            ..Call::default()
        };
        let error = call(&lm.layer(rules()), streams, &ask("a"), &terms)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), seen.begun()),
            (LmErrorKind::RateLimit, 2),
            "the cause is told, not a timeout"
        );
        assert!(begun.elapsed() < SECOND * 8);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_begun_again_after_its_first_event() {
    let (lm, seen) = model(|_, _| Step::Break(LmError::new(LmErrorKind::Transport, "cut")));
    let mut stream = lm
        .layer(rules())
        .stream(&ask("a"), &Call::default())
        .await
        .unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        StreamEvent::Text("half".to_owned())
    );
    assert_eq!(
        stream.next().await.unwrap().unwrap_err().kind(),
        LmErrorKind::Transport
    );
    assert_eq!(seen.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_at_a_later_attempt_says_at_which() {
    let (lm, seen) = model(|n, _| match n {
        0 | 1 => fail(LmErrorKind::Server),
        _ => Step::Break(LmError::new(LmErrorKind::Transport, "cut")),
    });
    let error = call(&lm.layer(rules()), true, &ask("a"), &Call::default())
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (LmErrorKind::Transport, 3));
    assert_eq!(seen.begun(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_amplified() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| fail(LmErrorKind::Server));
        let lm = lm.layer(rules().budget(0.1, 20));
        let mut last = None;
        for n in 0..1000 {
            last = call(&lm, streams, &ask(&n.to_string()), &Call::default())
                .await
                .err();
        }
        // 1000 calls, a burst of 20, and one retry for ten calls.
        assert!((1100..=1120).contains(&seen.begun()), "{}", seen.begun());
        let last = last.unwrap();
        assert_eq!(last.kind(), LmErrorKind::Server);
        assert!(last.to_string().contains("not tried again"), "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_there_are_retries_again() {
    let (lm, seen) = model(|n, _| {
        // Down for 200 calls, then every fifth fails once.
        if n < 200 || n % 5 == 0 {
            fail(LmErrorKind::Transport)
        } else {
            say("x")
        }
    });
    let lm = lm.layer(rules().budget(0.3, 10));
    let mut failed_late = 0;
    for n in 0..1000 {
        let result = lm.complete(&ask(&n.to_string()), &Call::default()).await;
        failed_late += usize::from(result.is_err() && seen.begun() > 300);
    }
    assert_eq!(failed_late, 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_the_provider_asked_for_is_free_and_a_tiny_one_of_a_broken_server_is_not() {
    for (kind, asked, retried) in [
        (LmErrorKind::RateLimit, SECOND / 100, true),
        (LmErrorKind::Server, SECOND * 2, true),
        (LmErrorKind::Server, SECOND / 100, false),
    ] {
        let (lm, seen) =
            model(move |_, _| Step::Fail(LmError::new(kind, "slow down").with_retry_after(asked)));
        let lm = lm.layer(rules().budget(0.0, 0));
        lm.complete(&ask("a"), &Call::default()).await.unwrap_err();
        assert_eq!(seen.begun(), if retried { 4 } else { 1 }, "{kind:?} {asked:?}");
    }
}
