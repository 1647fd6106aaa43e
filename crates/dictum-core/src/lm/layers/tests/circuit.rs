use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::*;
use crate::lm::layers::{Circuit, Retry};

const SECOND: Duration = Duration::from_secs(1);

/// A model that fails while it is told to, behind a circuit that opens after 4 failures of 8.
fn switched() -> (Lm, Arc<Seen>, Arc<AtomicBool>, Circuit) {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let (lm, seen) = model(move |_, _| {
        if is_down.load(Ordering::SeqCst) {
            fail(LmErrorKind::Server)
        } else {
            say("x")
        }
    });
    let circuit = Circuit::new(8, 0.5).rest(SECOND * 10, SECOND * 35);
    (lm.layer(circuit.clone()), seen, down, circuit)
}

async fn kind(lm: &Lm, streams: bool) -> Option<LmErrorKind> {
    let result = call(lm, streams, &ask("a"), &Call::default()).await;
    result.err().map(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn it_opens_tries_and_closes() {
    for streams in [false, true] {
        let (lm, seen, down, circuit) = switched();
        for _ in 0..4 {
            assert_eq!(kind(&lm, streams).await, Some(LmErrorKind::Server));
        }
        assert!(circuit.is_open());
        assert_eq!(kind(&lm, streams).await, Some(LmErrorKind::Unavailable));
        assert_eq!(seen.begun(), 4, "the model was left alone");

        // Each trial that fails doubles the rest: 10, 20, then the bound of 35.
        for rest in [10, 20, 35, 35] {
            advance(SECOND * rest - SECOND / 10).await;
            assert_eq!(kind(&lm, streams).await, Some(LmErrorKind::Unavailable), "{rest}");
            advance(SECOND / 10).await;
            assert_eq!(kind(&lm, streams).await, Some(LmErrorKind::Server), "{rest}");
        }
        advance(SECOND * 35).await;
        down.store(false, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(kind(&lm, streams).await, None);
        }
        down.store(true, Ordering::SeqCst);
        assert_eq!(
            kind(&lm, streams).await,
            Some(LmErrorKind::Server),
            "it counts anew"
        );
        assert!(!circuit.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn one_trial_at_a_time_and_one_given_up_makes_room() {
    let begun = Instant::now();
    let (lm, seen) = model(move |_, _| match begun.elapsed().as_secs() {
        0..10 => fail(LmErrorKind::Transport),
        10..20 => Step::Hang,
        _ => say("x"),
    });
    let lm = lm.layer(Circuit::new(4, 1.0));
    for _ in 0..2 {
        kind(&lm, false).await;
    }
    advance(SECOND * 10).await;
    let trial = tokio::time::timeout(SECOND, kind(&lm, false));
    let (trial, other) = tokio::join!(trial, kind(&lm, false));
    assert!(trial.is_err(), "it was dropped");
    assert_eq!((other, seen.begun()), (Some(LmErrorKind::Unavailable), 3));
    advance(SECOND * 10).await;
    assert_eq!(kind(&lm, false).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_failure_of_the_model_opens_nothing() {
    for told in [
        LmErrorKind::RateLimit,
        LmErrorKind::ContextWindow,
        LmErrorKind::InvalidRequest,
        LmErrorKind::Budget,
    ] {
        let (lm, _) = model(move |_, _| fail(told));
        let lm = lm.layer(Circuit::new(4, 0.5));
        for _ in 0..20 {
            assert_eq!(kind(&lm, false).await, Some(told));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_not_tried_again() {
    let (lm, seen, _, _) = switched();
    let lm = lm.layer(Retry::new(10).backoff(SECOND, SECOND).seed(1));
    let begun = Instant::now();
    assert_eq!(kind(&lm, false).await, Some(LmErrorKind::Unavailable));
    assert_eq!(seen.begun(), 4);
    assert!(begun.elapsed() < SECOND * 5);
}
