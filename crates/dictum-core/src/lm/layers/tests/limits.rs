use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::lm::layers::{Concurrency, Timeout};

const SECOND: Duration = Duration::from_secs(1);

fn until(time: Duration) -> Call {
    Call {
        deadline: Some((tokio::time::Instant::now() + time).into_std()),
        ..Call::default()
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_are_in_flight() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::SayAfter(SECOND, "x".to_owned()));
        let lm = lm.layer(Concurrency::new(3));
        let requests: Vec<_> = (0..10).map(|n| ask(&n.to_string())).collect();
        let terms = Call::default();
        join_all(requests.iter().map(|request| call(&lm, streams, request, &terms))).await;
        assert_eq!(
            (seen.begun(), seen.most_in_flight.load(Ordering::SeqCst)),
            (10, 3)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_gives_its_place_back() {
    let (lm, seen) = model(|_, _| Step::Hang);
    let lm = lm.layer(Concurrency::new(1));
    for _ in 0..3 {
        let mut stream = lm.stream(&ask("a"), &Call::default()).await.unwrap();
        stream.next().await.unwrap().unwrap();
    }
    assert_eq!((seen.begun(), seen.cancelled()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_place_ends_at_the_deadline() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::Hang);
        let lm = lm.layer(Concurrency::new(1));
        let (request, terms) = (ask("a"), Call::default());
        let holder = call(&lm, streams, &request, &terms);
        let hasty = until(SECOND);
        let waiter = call(&lm, streams, &request, &hasty);
        tokio::select! {
            biased;
            _ = holder => panic!("it hangs"),
            result = waiter => assert_eq!(result.unwrap_err().kind(), LmErrorKind::Timeout),
        }
        assert_eq!(seen.begun(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_cancelled() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::Hang);
        let lm = lm.layer(Timeout::new(SECOND));
        let begun = tokio::time::Instant::now();
        let error = call(&lm, streams, &ask("a"), &Call::default()).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (LmErrorKind::Timeout, SECOND));
        assert!(error.to_string().contains("within 1 s"), "{error}");
        assert_eq!(seen.cancelled(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_nearer_of_limit_and_deadline_holds() {
    for streams in [false, true] {
        let (lm, _) = model(|_, _| Step::Hang);
        let lm = lm.layer(Timeout::new(SECOND * 10));
        let begun = tokio::time::Instant::now();
        let error = call(&lm, streams, &ask("a"), &until(SECOND * 3))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), begun.elapsed()),
            (LmErrorKind::Timeout, SECOND * 3)
        );
        assert!(error.to_string().contains("deadline"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_words_count_together() {
    let (lm, _) = model(|_, _| Step::SayAfter(SECOND, "one two three four five".to_owned()));
    let lm = lm.layer(Timeout::new(SECOND * 3 + SECOND / 2));
    let mut stream = lm.stream(&ask("a"), &Call::default()).await.unwrap();
    let mut words = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(_) => words += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((words, error.kind()), (3, LmErrorKind::Timeout));
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_must_begin_in_time_and_go_on() {
    // Before each event it takes a second.
    let script = |_: usize, _: &Request| Step::SayAfter(SECOND, "one two three".to_owned());
    for (limits, events, told) in [
        (
            Timeout::deadline_only().first_event(SECOND / 2),
            0,
            "begin within 0.5 s",
        ),
        (
            Timeout::deadline_only().between_events(SECOND / 2),
            1,
            "nothing came for 0.5 s",
        ),
        (
            Timeout::new(SECOND * 2 + SECOND / 2).between_events(SECOND * 2),
            2,
            "whole answer within 2.5 s",
        ),
    ] {
        let (lm, seen) = model(script);
        let mut stream = lm
            .layer(limits)
            .stream(&ask("a"), &Call::default())
            .await
            .unwrap();
        let mut got = 0;
        let error = loop {
            match stream.next().await.unwrap() {
                Ok(_) => got += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), got), (LmErrorKind::Timeout, events), "{told}");
        assert!(error.to_string().contains(told), "{error}");
        assert!(stream.next().await.is_none());
        assert_eq!(seen.cancelled(), 1, "{told}");
    }
    let (lm, _) = model(script);
    let limits = Timeout::new(SECOND * 10)
        .first_event(SECOND * 2)
        .between_events(SECOND * 2);
    let (text, _) = read(lm.layer(limits).stream(&ask("a"), &Call::default()).await)
        .await
        .unwrap();
    assert_eq!(text, "one two three");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_his_time_is_not_the_servers_silence() {
    let (lm, _) = model(|_, _| Step::SayAfter(SECOND, "one two three".to_owned()));
    let limits = Timeout::deadline_only().between_events(SECOND * 2);
    let mut stream = lm
        .layer(limits)
        .stream(&ask("a"), &Call::default())
        .await
        .unwrap();
    let mut events = 0;
    while let Some(event) = stream.next().await {
        event.unwrap();
        events += 1;
        tokio::time::sleep(SECOND * 5).await;
    }
    assert_eq!(events, 4);
}
