use std::time::Duration;

use dictum_core::lm::{Call, Lm, LmErrorKind};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Fault, Garble, Reply};
use futures_util::StreamExt;
use serde_json::json;

use crate::{ask, call, lm};

#[tokio::test]
async fn faults_are_typed_errors() {
    let sse = |text: &str| Reply::chunks([text.to_owned()]);
    let table = [
        (Reply::rate_limited("2"), LmErrorKind::RateLimit, true),
        (Reply::out_of_quota(), LmErrorKind::Billing, false),
        (Reply::server_error(), LmErrorKind::Server, true),
        (Reply::bad_gateway(), LmErrorKind::Server, true),
        (
            Reply::error(
                401,
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided: sk-test*******6789.",
            ),
            LmErrorKind::Auth,
            false,
        ),
        (
            Reply::bytes(307, "").header("location", "http://127.0.0.1:1/v1"),
            LmErrorKind::InvalidRequest,
            false,
        ),
        (
            Reply::text("half of a long answer").broken(Fault::Reset(2)),
            LmErrorKind::Transport,
            true,
        ),
        (
            Reply::json(
                200,
                &json!({ "error": { "message": "no upstream", "code": 502 } }),
            ),
            LmErrorKind::Server,
            true,
        ),
        (
            sse("data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n"),
            LmErrorKind::Server,
            true,
        ),
        (sse("data: {not json}\n\n"), LmErrorKind::Decode, true),
    ];
    for (at, (reply, kind, retryable)) in table.into_iter().enumerate() {
        let server = FakeServer::scripted([reply]);
        for streams in [false, true] {
            let error = match call(&lm(&server), streams, &ask("x")).await {
                Err(error) => error,
                Ok(response) => panic!("{at} gave {response:?}"),
            };
            // An event stream where JSON was asked for, and the other way round, can't be read.
            let kind = match (at, streams) {
                (8, false) => LmErrorKind::Decode,
                (7, true) => LmErrorKind::Transport,
                _ => kind,
            };
            assert_eq!(
                (error.kind(), error.retryable()),
                (kind, retryable),
                "{at} {streams}: {error}"
            );
            let text = error.to_string();
            assert!(text.starts_with("openai/gpt-4o-mini: "), "{text}");
            assert!(
                !text.contains("sk-test") && !text.contains('<') && !text.contains(&server.url()),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn no_server_is_a_transport_error_that_says_why() {
    let server = FakeServer::scripted([Reply::text("x")]);
    let url = server.url();
    drop(server);
    let host = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let lm = Lm::openai("x")
        .base_url(format!("http://who:word@{host}/v1?token=secret"))
        .build()
        .unwrap();
    for streams in [false, true] {
        let error = call(&lm, streams, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Transport);
        let text = error.to_string();
        // Host and port, and neither path nor query nor who asks.
        let says = format!("openai/x: transport: {host} can't be reached: Connection refused");
        assert!(text.starts_with(&says), "{text}");
        assert!(text.contains("is the server running there?"), "{text}");
        assert!(!text.contains("v1") && !text.contains("word"), "{text}");
    }
}

#[tokio::test]
async fn refusals_that_the_setup_is_to_blame_for_say_what_to_look_at() {
    let replies = || {
        [
            Reply::error(404, "", "", "The model `x` does not exist."),
            Reply::bytes(404, "<html>nginx</html>"),
            Reply::error(401, "", "", "Who are you?"),
        ]
    };
    let server = FakeServer::scripted(replies().into_iter().chain(replies()));
    let lm = lm(&server);
    for streams in [false, true] {
        for (said, advice) in [
            ("does not exist", "the model's name right, and the base URL"),
            ("nginx", "the model's name right, and the base URL"),
            ("Who are you?", "is the key the right one"),
        ] {
            let text = call(&lm, streams, &ask("x")).await.unwrap_err().to_string();
            assert!(text.contains(said) && text.contains(advice), "{text}");
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = FakeServer::scripted([Reply::text("x".repeat(100_000))]);
    let lm = Lm::openai("x")
        .base_url(server.url())
        .max_body(50_000)
        .build()
        .unwrap();
    for streams in [false, true] {
        let error = call(&lm, streams, &ask("x")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retryable()),
            (LmErrorKind::Unsupported, false),
            "{error}"
        );
        assert!(error.to_string().contains("50000 bytes"), "{error}");
    }
}

#[tokio::test]
async fn a_body_told_to_be_beyond_the_limit_is_refused_before_it_comes() {
    // Nothing comes after the headers: whoever waits for it waits for ever.
    let server = FakeServer::scripted([Reply::long(100_000_000, true).broken(Fault::Stall(0))]);
    let lm = lm(&server);
    let request = ask("x");
    let refused = tokio::time::timeout(Duration::from_secs(10), call(&lm, false, &request));
    let error = refused.await.expect("it is refused at once").unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Unsupported, "{error}");
}

#[tokio::test]
async fn an_answer_compressed_unasked_is_told_as_such_and_one_that_only_says_so_is_read() {
    for streams in [false, true] {
        let server = FakeServer::scripted([
            Reply::text("x").garbled(Garble::Gzip),
            Reply::text("fine").garbled(Garble::SaysGzip),
        ]);
        let lm = lm(&server);
        let error = call(&lm, streams, &ask("x")).await.unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Decode);
        assert!(error.message().contains("compressed (gzip)"), "{error}");
        assert_eq!(call(&lm, streams, &ask("x")).await.unwrap().to_text(), "fine");
    }
}

#[tokio::test]
async fn dropping_a_call_closes_its_connection() {
    let server = FakeServer::programmed(|n, _| match n {
        0 => Reply::text("too late").after(Duration::from_secs(600)),
        1 => Reply::text("a long answer that stops in the middle").broken(Fault::Stall(20)),
        _ => Reply::text("a long answer that stops in the middle").broken(Fault::Stall(3)),
    });
    let lm = lm(&server);
    for n in 1..=2 {
        let request = ask("x");
        let hasty = tokio::time::timeout(Duration::from_millis(200), call(&lm, false, &request));
        assert!(hasty.await.is_err());
        assert!(server.saw_disconnects(n).await, "the server saw call {n} go away");
    }
    let mut stream = lm.stream(&ask("x"), &Call::default()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    assert_eq!(server.disconnects(), 2);
    drop(stream);
    assert!(
        server.saw_disconnects(3).await,
        "the server saw the stream's reader go away"
    );
}

#[tokio::test]
async fn the_calls_deadline_holds_without_any_layer() {
    let server = FakeServer::scripted([Reply::text("a long answer").broken(Fault::Stall(2))]);
    let lm = lm(&server);
    for streams in [false, true] {
        let terms = Call {
            deadline: Some(std::time::Instant::now() + Duration::from_millis(300)),
            ..Call::default()
        };
        let request = ask("x");
        let result = if streams {
            crate::read(lm.stream(&request, &terms).await).await.map(drop)
        } else {
            lm.complete(&request, &terms).await.map(drop)
        };
        assert_eq!(result.unwrap_err().kind(), LmErrorKind::Timeout);
    }
    assert!(server.saw_disconnects(2).await);
}

#[tokio::test]
async fn a_guard_that_ends_a_call_closes_its_connection() {
    use dictum_core::program::stream::Seen;
    use dictum_core::{Error, modules::Predict, program::Context, record};

    let answer = format!("[[ ## text ## ]]\n{}", "one two three ".repeat(50));
    let server = FakeServer::programmed(move |_, _| Reply::text(answer.clone()).broken(Fault::Stall(60)));
    let ctx = Context::new(lm(&server)).with_guard("brief", |part| match part.value {
        Seen::Text(text) if text.len() > 20 => Err("too long".into()),
        _ => Ok(()),
    });
    let program = Predict::parse("q -> text").unwrap();
    let Err(Error::Stopped(stopped)) = program.call(&ctx, record! { q: "x" }).await else {
        panic!("the guard did not end the call")
    };
    assert!(stopped.text.len() < 100, "{stopped:?}");
    assert!(server.saw_disconnects(1).await, "the server saw the call go away");
}
