use std::time::Duration;

use super::*;
use crate::lm::layers::{Circuit, Fallback, Route, Timeout};

fn failing(kind: LmErrorKind) -> (Lm, Arc<Seen>) {
    model(move |_, _| fail(kind))
}

fn saying(text: &'static str) -> (Lm, Arc<Seen>) {
    model(move |_, _| say(text))
}

async fn text(lm: &Lm, streams: bool, request: &Request) -> Result<String, LmErrorKind> {
    let result = call(lm, streams, request, &Call::default()).await;
    result
        .map(|response| response.to_text())
        .map_err(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn the_others_are_asked_in_order() {
    for streams in [false, true] {
        let ((a, _), (b, second), (c, third)) = (
            failing(LmErrorKind::Server),
            failing(LmErrorKind::RateLimit),
            saying("from c"),
        );
        let lm = a.layer(Fallback::to(b).then(c));
        assert_eq!(text(&lm, streams, &ask("x")).await.unwrap(), "from c");
        assert_eq!((second.begun(), third.begun()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn only_failures_that_another_model_may_not_have() {
    for streams in [false, true] {
        for (kind, asked) in [
            (LmErrorKind::Server, 1),
            (LmErrorKind::Auth, 1),
            (LmErrorKind::Billing, 1),
            (LmErrorKind::Unavailable, 1),
            (LmErrorKind::ContextWindow, 1),
            (LmErrorKind::InvalidRequest, 0),
            (LmErrorKind::ContentFilter, 0),
            (LmErrorKind::Budget, 0),
        ] {
            let ((a, _), (b, seen)) = (failing(kind), saying("b"));
            let result = text(&a.layer(Fallback::to(b)), streams, &ask("x")).await;
            assert_eq!((result.is_ok(), seen.begun()), (asked == 1, asked), "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_for_some_kinds_is_asked_after_those_alone() {
    for streams in [false, true] {
        for (kind, from) in [
            (LmErrorKind::ContextWindow, "large"),
            (LmErrorKind::ContentFilter, "large"),
            (LmErrorKind::Server, "spare"),
        ] {
            let ((a, _), (large, _), (spare, _)) = (failing(kind), saying("large"), saying("spare"));
            let kinds = [LmErrorKind::ContextWindow, LmErrorKind::ContentFilter];
            let lm = a.layer(Fallback::on(&kinds, large).then(spare));
            assert_eq!(text(&lm, streams, &ask("x")).await.unwrap(), from);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_too_small_for_the_request_is_passed_over() {
    let small = Offline::new("test/small", Capabilities::default().with_context_window(50));
    let (large, _) = saying("large");
    let (a, _) = failing(LmErrorKind::Server);
    let lm = a.layer(Fallback::to(Lm::new(small)).then(large));
    assert_eq!(
        text(&lm, false, &ask(&"word ".repeat(100))).await.unwrap(),
        "large"
    );
    assert_eq!(
        text(&lm, false, &ask("word")).await,
        Err(LmErrorKind::Replay),
        "a short one reaches the small model"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_is_not_begun_elsewhere() {
    let (a, _) = model(|_, _| Step::Break(LmError::new(LmErrorKind::Transport, "cut")));
    let (b, seen) = saying("b");
    let lm = a.layer(Fallback::to(b));
    let mut stream = lm.stream(&ask("x"), &Call::default()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(
        stream.next().await.unwrap().unwrap_err().kind(),
        LmErrorKind::Transport
    );
    assert_eq!(seen.begun(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_costs_no_time_and_a_passed_deadline_ends_it() {
    for streams in [false, true] {
        let (a, first) = model(|_, _| Step::SayAfter(Duration::from_secs(60), "late".to_owned()));
        let a = a
            .layer(Timeout::new(Duration::from_secs(5)))
            .layer(Circuit::new(4, 1.0));
        let (b, second) = saying("b");
        let lm = a.layer(Fallback::to(b));
        let hasty = Call {
            deadline: Some((tokio::time::Instant::now() + Duration::from_secs(1)).into_std()),
            ..Call::default()
        };
        let error = call(&lm, streams, &ask("x"), &hasty).await.unwrap_err();
        assert_eq!((error.kind(), second.begun()), (LmErrorKind::Timeout, 0));
        text(&lm, streams, &ask("x")).await.unwrap();
        let begun = tokio::time::Instant::now();
        text(&lm, streams, &ask("x")).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(100));
        assert_eq!((first.begun(), second.begun()), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_counts_once_against_the_budget() {
    let ((a, _), (b, _)) = (failing(LmErrorKind::Server), saying("b"));
    let lm = Route::by([a.layer(Fallback::to(b))], |_| 7).into_lm();
    let meter = Meter::new(Budget::unlimited());
    let terms = Call {
        meter: Some(meter.clone()),
        ..Call::default()
    };
    lm.complete(&ask("x"), &terms).await.unwrap();
    assert_eq!(meter.spent().calls, 2);
}

#[tokio::test(start_paused = true)]
async fn weights_share_out_the_requests_and_each_always_goes_the_same_way() {
    let ((a, first), (b, second), (c, third)) = (saying("a"), saying("b"), saying("c"));
    let lm = Route::weighted([(3.0, a), (1.0, b), (0.0, c)]).into_lm();
    let mut went = Vec::new();
    for n in 0..400 {
        went.push(text(&lm, n % 2 == 0, &ask(&n.to_string())).await.unwrap());
    }
    assert!((250..350).contains(&first.begun()), "{}", first.begun());
    assert_eq!((first.begun() + second.begun(), third.begun()), (400, 0));
    for (n, before) in went.iter().enumerate() {
        assert_eq!(&text(&lm, false, &ask(&n.to_string())).await.unwrap(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn length_chooses_with_room_for_the_answer() {
    let ((a, _), (b, _)) = (saying("small"), saying("large"));
    let lm = Route::by_length([(100, a)], b).into_lm();
    assert_eq!(text(&lm, false, &ask("short")).await.unwrap(), "small");
    assert_eq!(
        text(&lm, false, &ask(&"long ".repeat(100))).await.unwrap(),
        "large"
    );
    let mut talkative = ask("short");
    talkative.settings.max_tokens = Some(500);
    assert_eq!(text(&lm, false, &talkative).await.unwrap(), "large");
    assert_eq!(lm.name(), "route/test/scripted+test/scripted");
}

#[test]
fn together_they_can_do_what_each_can() {
    let lm = |capabilities| Lm::new(Offline::new("a/b", capabilities));
    let one = Capabilities::default()
        .with_json(true, true)
        .with_context_window(10);
    let other = Capabilities::default()
        .with_json(true, false)
        .with_tools()
        .with_context_window(20);
    let both = Capabilities::default()
        .with_json(true, false)
        .with_context_window(20);
    let route = Route::by([lm(one), lm(other)], |_| 0).into_lm();
    assert_eq!(route.capabilities(), both);
    assert_eq!(lm(one).layer(Fallback::to(lm(other))).capabilities(), both);
}
