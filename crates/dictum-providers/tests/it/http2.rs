//! Calls in HTTP/2, which is what most providers speak.

use std::time::Duration;

use dictum_core::lm::{Lm, LmErrorKind};
use dictum_providers::Providers;
use dictum_testkit::{Authority, FakeServer, Reply, TlsServer};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::{ask, call};

/// A model behind this server, in HTTP/2 over TLS.
fn lm(server: &FakeServer) -> (Lm, TlsServer) {
    let authority = Authority::new().unwrap();
    let tls = TlsServer::before_in_http2(server.port(), &authority).unwrap();
    let lm = Lm::openai("gpt-4o-mini")
        .base_url(tls.url())
        .api_key("sk-test-0123456789")
        .root_certificate(authority.root())
        .build()
        .unwrap();
    (lm, tls)
}

#[tokio::test]
async fn calls_at_once_whole_and_streamed_share_one_connection() {
    let server = FakeServer::programmed(|_, _| Reply::text("Both.").after(Duration::from_millis(50)));
    let (lm, _tls) = lm(&server);
    call(&lm, false, &ask("The connection is made.")).await.unwrap();
    let questions: Vec<_> = (0..16).map(|n| ask(&format!("Number {n}?"))).collect();
    let calls = questions
        .iter()
        .enumerate()
        .map(|(n, question)| call(&lm, n % 2 == 0, question));
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap().to_text(), "Both.");
    }
    assert_eq!((server.requests(), server.connections()), (17, 1));
    assert!(server.most_in_flight() > 8, "{}", server.most_in_flight());
    let seen = server.seen();
    assert_eq!(seen[1].header("authorization"), Some("Bearer sk-test-0123456789"));
}

#[tokio::test]
async fn a_dropped_call_ends_its_stream_and_leaves_the_connection_to_others() {
    let server = FakeServer::programmed(|n, _| match n {
        0 => Reply::text("Never.").after(Duration::from_secs(3600)),
        _ => Reply::text("Still here."),
    });
    let (lm, _tls) = lm(&server);
    let question = ask("Hello?");
    let dropped = timeout(Duration::from_millis(300), call(&lm, false, &question)).await;
    assert!(dropped.is_err());
    assert!(server.saw_disconnects(1).await);
    let answer = call(&lm, false, &question).await.unwrap();
    assert_eq!(answer.to_text(), "Still here.");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_typed_error_and_the_next_call_makes_another() {
    let server = FakeServer::programmed(|_, _| Reply::text("Late.").after(Duration::from_millis(300)));
    let port = server.port();
    let (lm, _tls) = lm(&server);
    let question = ask("Hello?");
    let broken = {
        let call = call(&lm, false, &question);
        tokio::pin!(call);
        assert!(timeout(Duration::from_millis(100), &mut call).await.is_err());
        drop(server);
        call.await.unwrap_err()
    };
    assert_eq!(broken.kind(), LmErrorKind::Transport, "{broken}");
    let server = FakeServer::answering(port, |_| Reply::text("Back.")).unwrap();
    let answer = call(&lm, false, &question).await.unwrap();
    assert_eq!((answer.to_text().as_str(), server.requests()), ("Back.", 1));
}
