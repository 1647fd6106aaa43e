use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::lm::layers::Coalesce;

#[tokio::test(start_paused = true)]
async fn a_hundred_identical_calls_are_one() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| Step::SayAfter(Duration::from_secs(1), format!("answer {n} in words")));
        let lm = lm.layer(Coalesce);
        let meter = Meter::new(Budget::unlimited());
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        let request = ask("a");
        let answers = join_all((0..100).map(|_| call(&lm, streams, &request, &terms))).await;
        let answers: Vec<Response> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!((seen.begun(), meter.spent().calls), (1, 1));
        assert!(
            answers
                .iter()
                .all(|answer| answer.to_text() == "answer 0 in words")
        );
        let models = answers
            .iter()
            .filter(|answer| answer.source == Source::Model)
            .count();
        let attempts: u32 = answers.iter().map(|answer| answer.attempts).sum();
        assert_eq!((models, attempts), (1, 1), "one stands for the call, 99 share");
        assert_eq!(answers[0].source, Source::Model);

        call(&lm, streams, &request, &terms).await.unwrap();
        assert_eq!(seen.begun(), 2, "what has ended is not joined");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn identical_calls_on_several_threads_share_too() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::SayAfter(Duration::from_millis(50), "a b c d".to_owned()));
        let lm = lm.layer(Coalesce);
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let lm = lm.clone();
                tokio::spawn(async move { call(&lm, streams, &ask("a"), &Call::default()).await.unwrap() })
            })
            .collect();
        let mut models = 0;
        for task in tasks {
            models += usize::from(task.await.unwrap().source == Source::Model);
        }
        assert_eq!((seen.begun(), models), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn different_calls_and_calls_past_caches_are_apart() {
    let (lm, seen) = model(|_, _| Step::SayAfter(Duration::from_secs(1), "x".to_owned()));
    let lm = lm.layer(Coalesce);
    let bypass = Call {
        cache: CachePolicy::Bypass,
        ..Call::default()
    };
    let (a, b, usual) = (ask("a"), ask("b"), Call::default());
    let all = [(&a, &usual), (&b, &usual), (&a, &bypass), (&a, &bypass)];
    join_all(all.map(|(request, terms)| lm.complete(request, terms))).await;
    assert_eq!(seen.begun(), 4);
}

#[tokio::test(start_paused = true)]
async fn failures_are_shared() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| fail(LmErrorKind::ContextWindow));
        let lm = lm.layer(Coalesce);
        let (request, terms) = (ask("a"), Call::default());
        let results = join_all((0..5).map(|_| call(&lm, streams, &request, &terms))).await;
        assert!(
            results
                .iter()
                .all(|result| result.as_ref().unwrap_err().kind() == LmErrorKind::ContextWindow)
        );
        assert_eq!(seen.begun(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_first_gives_up_the_others_get_the_answer_of_the_same_call() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::SayAfter(Duration::from_secs(2), "answer in words".to_owned()));
        let lm = lm.layer(Coalesce);
        let (request, terms) = (ask("a"), Call::default());
        let first = tokio::time::timeout(Duration::from_secs(1), call(&lm, streams, &request, &terms));
        let others = join_all((0..3).map(|_| call(&lm, streams, &request, &terms)));
        let (first, others) = tokio::join!(first, others);
        assert!(first.is_err(), "it was dropped");
        let others: Vec<_> = others.into_iter().map(Result::unwrap).collect();
        assert!(others.iter().all(|answer| answer.to_text() == "answer in words"));
        let owners = others
            .iter()
            .filter(|answer| answer.source == Source::Model)
            .count();
        assert_eq!((owners, seen.begun(), seen.cancelled()), (1, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_give_up_the_call_is_cancelled() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::Hang);
        let lm = lm.layer(Coalesce);
        let (request, terms) = (ask("a"), Call::default());
        let all = join_all((0..3).map(|_| call(&lm, streams, &request, &terms)));
        assert!(tokio::time::timeout(Duration::from_secs(1), all).await.is_err());
        assert_eq!((seen.begun(), seen.cancelled()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_stops_reading_holds_no_one_up() {
    let (lm, seen) = model(|_, _| say("one two three"));
    let lm = lm.layer(Coalesce);
    let (request, terms) = (ask("a"), Call::default());
    let mut idle = lm.stream(&request, &terms).await.unwrap();
    idle.next().await.unwrap().unwrap();
    let (text, response) = read(lm.stream(&request, &terms).await).await.unwrap();
    assert_eq!(
        (text.as_str(), response.source),
        ("one two three", Source::Shared)
    );
    let (rest, response) = read(Ok(idle)).await.unwrap();
    assert_eq!(
        (rest.as_str(), response.source, seen.begun()),
        ("two three", Source::Model, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn another_callers_budget_or_deadline_is_not_mine() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::SayAfter(Duration::from_secs(5), "late".to_owned()));
        let lm = lm
            .layer(crate::lm::layers::Timeout::deadline_only())
            .layer(Coalesce);
        let broke = Call {
            meter: Some(Meter::new(Budget::calls(0))),
            ..Call::default()
        };
        let hasty = Call {
            deadline: Some((tokio::time::Instant::now() + Duration::from_secs(1)).into_std()),
            ..Call::default()
        };
        let request = ask("a");
        let patient = Call::default();
        let (broke, hasty, patient) = tokio::join!(
            call(&lm, streams, &request, &broke),
            call(&lm, streams, &request, &hasty),
            call(&lm, streams, &request, &patient),
        );
        assert_eq!(broke.unwrap_err().kind(), LmErrorKind::Budget);
        assert_eq!(hasty.unwrap_err().kind(), LmErrorKind::Timeout);
        assert_eq!(patient.unwrap().to_text(), "late");
        assert_eq!(
            seen.begun(),
            2,
            "the hasty call and the patient one; the refused one never began"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_too_late_for_the_first_is_not_too_late_for_the_others() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| say("x"));
        let limit = crate::lm::layers::RateLimit::requests_per_minute(1);
        let lm = lm.layer(limit).layer(Coalesce);
        call(&lm, streams, &ask("first"), &Call::default()).await.unwrap();
        let hasty = Call {
            deadline: Some((tokio::time::Instant::now() + Duration::from_secs(1)).into_std()),
            ..Call::default()
        };
        let (request, patient) = (ask("a"), Call::default());
        let (hasty, patient) = tokio::join!(
            call(&lm, streams, &request, &hasty),
            call(&lm, streams, &request, &patient),
        );
        assert_eq!(hasty.unwrap_err().kind(), LmErrorKind::Timeout);
        assert_eq!(patient.unwrap().to_text(), "x");
        assert_eq!(seen.begun(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_come_while_an_answer_is_handed_on_get_one_too() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, request| say(request.turns[0].to_text()));
        let lm = lm.layer(Coalesce);
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let lm = lm.clone();
                tokio::spawn(async move {
                    for n in 0..40 {
                        let text = format!("question {}", (n + task / 32) % 3);
                        let answer = call(&lm, streams, &ask(&text), &Call::default()).await.unwrap();
                        assert_eq!(answer.to_text(), text);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(seen.begun() < 64 * 40, "some were shared");
        assert_eq!(seen.in_flight.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_stream_keeps_his_own_deadline_to_its_end() {
    let (lm, seen) = model(|_, _| Step::SayAfter(Duration::from_secs(1), "one two three".to_owned()));
    let lm = lm.layer(Coalesce);
    let hasty = Call {
        deadline: Some((tokio::time::Instant::now() + Duration::from_millis(2500)).into_std()),
        ..Call::default()
    };
    let (request, patient) = (ask("a"), Call::default());
    let (patient, hasty) = tokio::join!(
        call(&lm, true, &request, &patient),
        call(&lm, true, &request, &hasty),
    );
    assert_eq!(patient.unwrap().to_text(), "one two three");
    assert_eq!(hasty.unwrap_err().kind(), LmErrorKind::Timeout);
    assert_eq!((seen.begun(), seen.cancelled()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_stream_late_gets_it_from_its_start_event_by_event() {
    let text = "one two three";
    let (lm, seen) = model(move |_, _| Step::SayAfter(Duration::from_secs(1), text.to_owned()));
    let lm = lm.layer(Coalesce);
    let (request, terms) = (ask("a"), Call::default());
    let mut first = lm.stream(&request, &terms).await.unwrap();
    let mut pieces = vec![first.next().await.unwrap().unwrap()];
    let mut second = lm.stream(&request, &terms).await.unwrap();
    let mut late = Vec::new();
    // In turns, so that now the one and now the other drives the call.
    loop {
        let (one, two) = (second.next().await, first.next().await);
        late.extend(one.clone().map(Result::unwrap));
        pieces.extend(two.clone().map(Result::unwrap));
        if one.is_none() && two.is_none() {
            break;
        }
    }
    let texts = |events: &[StreamEvent]| -> Vec<String> {
        let pieces = events.iter().filter_map(|event| match event {
            StreamEvent::Text(text) => Some(text.clone()),
            _ => None,
        });
        pieces.collect()
    };
    assert!(texts(&pieces).len() > 1, "it came in pieces");
    assert_eq!(texts(&late), texts(&pieces));
    assert_eq!(texts(&late).concat(), text);
    for (events, source) in [(&pieces, Source::Model), (&late, Source::Shared)] {
        let finished = events.iter().filter_map(|event| match event {
            StreamEvent::Finished(response) => Some((response.to_text(), response.source)),
            _ => None,
        });
        assert_eq!(finished.collect::<Vec<_>>(), [(text.to_owned(), source)]);
    }
    assert_eq!(seen.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_breaks_off_for_all_who_read_it() {
    let (lm, seen) = model(|_, _| Step::Break(LmError::new(LmErrorKind::Transport, "cut off")));
    let lm = lm.layer(Coalesce);
    let (request, terms) = (ask("a"), Call::default());
    let (one, two) = tokio::join!(lm.stream(&request, &terms), lm.stream(&request, &terms));
    for stream in [one, two] {
        let events: Vec<_> = stream.unwrap().collect().await;
        assert!(
            matches!(&events[..], [Ok(StreamEvent::Text(_)), Err(error)] if error.kind() == LmErrorKind::Transport),
            "{events:?}"
        );
    }
    assert_eq!(seen.begun(), 1);
    assert!(lm.stream(&request, &terms).await.is_ok());
    assert_eq!(seen.begun(), 2, "what has broken off is not joined");
}
