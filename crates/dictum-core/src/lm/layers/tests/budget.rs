use std::time::Duration;

use super::*;
use crate::lm::layers::{Timeout, standard};

const SECOND: Duration = Duration::from_secs(1);

fn metered(budget: Budget) -> (Call, Meter, Meter) {
    let parent = Meter::new(Budget::unlimited());
    let meter = parent.child(budget);
    let call = Call {
        meter: Some(meter.clone()),
        ..Call::default()
    };
    (call, meter, parent)
}

#[tokio::test(start_paused = true)]
async fn a_streams_usage_counts_at_its_end_here_and_above() {
    let (lm, _) = model(|_, _| say("a few words"));
    let (terms, meter, parent) = metered(Budget::unlimited());
    let mut stream = lm.stream(&ask("a"), &terms).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!((meter.spent().calls, meter.spent().tokens), (1, 0));
    read(Ok(stream)).await.unwrap();
    assert_eq!(
        (meter.spent().tokens, parent.spent().tokens),
        (15, 15),
        "once, not twice"
    );
}

#[tokio::test(start_paused = true)]
async fn ending_streams_early_is_no_way_around_the_budget() {
    for layered in [false, true] {
        let (lm, seen) = model(|_, _| say("word ".repeat(100)));
        let lm = if layered { lm.layer(standard()) } else { lm };
        let (terms, meter, parent) = metered(Budget::default().and_tokens(1000));
        let question = "word ".repeat(400);
        let refused = loop {
            let mut stream = match lm.stream(&ask(&question), &terms).await {
                Ok(stream) => stream,
                Err(error) => break error,
            };
            for _ in 0..20 {
                stream.next().await.unwrap().unwrap();
            }
        };
        assert_eq!(refused.kind(), LmErrorKind::Budget);
        // Each sent about 500 tokens and got about 25.
        assert_eq!((seen.begun(), seen.cancelled()), (2, 2));
        assert!((1000..1200).contains(&meter.spent().tokens), "{meter:?}");
        assert_eq!(parent.spent().tokens, meter.spent().tokens);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_costs_what_came() {
    let (lm, _) = model(|_, _| Step::Break(LmError::new(LmErrorKind::Transport, "cut")));
    let (terms, meter, _) = metered(Budget::unlimited());
    read(lm.stream(&ask("a question of some length"), &terms).await)
        .await
        .unwrap_err();
    assert!((5..20).contains(&meter.spent().tokens), "{meter:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_began_costs_a_call_and_no_tokens() {
    for layered in [false, true] {
        let (lm, _) = model(|_, _| Step::SayAfter(SECOND * 60, "late".to_owned()));
        let lm = lm.layer(Timeout::new(SECOND));
        let lm = if layered {
            lm.layer(standard().without_retry())
        } else {
            lm
        };
        let (terms, meter, _) = metered(Budget::unlimited());
        read(lm.stream(&ask("a"), &terms).await).await.unwrap_err();
        assert_eq!((meter.spent().calls, meter.spent().tokens), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn every_limit_of_every_level_refuses_with_a_typed_error() {
    for streams in [false, true] {
        for (budget, calls, told) in [
            (Budget::calls(2), 2, "all 2 calls"),
            (Budget::default().and_tokens(20), 2, "30 of 20 tokens"),
            (Budget::default().and_usd(0.0), 0, "$0.0000"),
            (
                Budget::default().and_time(Duration::ZERO),
                0,
                "the time of the budget",
            ),
        ] {
            for nested in [false, true] {
                let (lm, seen) = model(|_, _| say("x"));
                let lm = lm.layer(standard());
                let meter = Meter::new(budget);
                let meter = if nested {
                    meter.child(Budget::calls(100)).child(Budget::unlimited())
                } else {
                    meter
                };
                let terms = Call {
                    meter: Some(meter),
                    ..Call::default()
                };
                let mut made = 0;
                let error = loop {
                    match call(&lm, streams, &ask(&made.to_string()), &terms).await {
                        Ok(_) => made += 1,
                        Err(error) => break error,
                    }
                };
                assert_eq!(
                    (error.kind(), made, seen.begun()),
                    (LmErrorKind::Budget, calls, calls)
                );
                assert!(error.to_string().contains(told), "{error}");
                assert!(!error.retryable());
            }
        }
    }
}
