use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dictum_core::lm::layers::{
    Adaptive, Cassette, CassetteMode, Circuit, Fallback, MemoryStore, RateLimit, Retry, Route, standard,
};
use dictum_core::lm::{Lm, LmErrorKind};
use dictum_core::modules::Predict;
use dictum_core::program::Context;
use dictum_core::record;
use dictum_providers::{Providers, Secret};
use dictum_testkit::{FakeServer, Reply};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::{ask, call};

const KEY: &str = "planted-key-7f3a9b";
const HEADER: &str = "planted-header-77aa";

fn builder(server: &FakeServer) -> dictum_providers::openai::Builder {
    Lm::openai("m")
        .base_url(server.url())
        .api_key(KEY)
        .header("x-token", HEADER)
}

fn clean(text: &str) {
    assert!(!text.contains("planted"), "a key shows in: {text}");
}

#[tokio::test]
async fn keys_show_in_no_debug_output_and_no_name() {
    let server = FakeServer::scripted([Reply::text("ok")]);
    let builder = builder(&server);
    clean(&format!("{builder:?}"));
    let lm = builder.build().unwrap();
    clean(&format!("{lm:?} {}", lm.name()));
    assert_eq!(call(&lm, false, &ask("x")).await.unwrap().to_text(), "ok");
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), Some("Bearer planted-key-7f3a9b"));
    assert_eq!(seen[0].header("x-token"), Some(HEADER));
}

#[tokio::test]
async fn servers_that_quote_the_key_do_not_spread_it() {
    let quoting = format!("Key {KEY} with {HEADER} is wrong, see Authorization: Bearer {KEY}");
    let error = json!({ "error": { "message": quoting, "code": "invalid_api_key" } });
    for reply in [
        Reply::json(401, &error),
        Reply::bytes(500, quoting.clone()),
        Reply::json(200, &error),
        Reply::bytes(200, quoting.clone()),
        Reply::chunks([format!("data: {error}\n\n")]),
        Reply::chunks([format!("data: {quoting}\n\n")]),
    ] {
        let server = FakeServer::scripted([reply]);
        for streams in [false, true] {
            let error = call(&builder(&server).build().unwrap(), streams, &ask("x"))
                .await
                .unwrap_err();
            clean(&format!("{error} {error:?}"));
        }
    }
}

#[tokio::test]
async fn failures_to_connect_and_to_set_up_do_not_either() {
    let server = FakeServer::scripted([Reply::text("x")]);
    let builder = builder(&server);
    drop(server);
    let error = call(&builder.clone().build().unwrap(), false, &ask("x"))
        .await
        .unwrap_err();
    clean(&format!("{error} {error:?}"));
    let error = builder
        .clone()
        .api_key(format!("{KEY}\n{KEY}"))
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::InvalidRequest);
    clean(&format!("{error} {error:?}"));
    let error = builder
        .base_url(format!("htp://user:{KEY}@example.com:99999/{KEY}"))
        .build()
        .unwrap_err();
    clean(&format!("{error} {error:?}"));
}

/// Keeps all that is logged by anyone, the HTTP client beneath included, at every level.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<String>>);

impl Visit for Logged {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Logged {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        writeln!(self.0.lock().unwrap(), "span {}", attributes.metadata().name()).unwrap();
        attributes.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An error with all beneath it, as a report shows it.
fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}");
    let mut cause = error.source();
    while let Some(deeper) = cause {
        writeln!(text, "\n{deeper}\n{deeper:?}").unwrap();
        cause = deeper.source();
    }
    text
}

#[tokio::test]
async fn a_planted_key_is_found_nowhere() {
    let quoting = format!("Key {KEY} with {HEADER} is wrong");
    let answer = || Reply::text("[[ ## answer ## ]]\nfine\n\n[[ ## completed ## ]]");
    let quoted = Reply::error(500, "server_error", "x", &quoting).header("x-request-id", KEY);
    // Quoted in an error that is tried again, in one that is not, in a redirect, and in what is no answer at all.
    let server = FakeServer::scripted([
        quoted,
        answer(),
        Reply::error(400, "invalid_request_error", KEY, &quoting),
        Reply::bytes(302, quoting.clone()).header("location", &format!("http://127.0.0.1:1/{KEY}")),
        Reply::bytes(200, quoting.clone()),
        Reply::error(429, "rate_limit_error", "rate_limit_exceeded", &quoting).header("retry-after", "999"),
        answer(),
    ]);
    let logged = Logged::default();
    let guard = dictum_testkit::listen(logged.clone());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.jsonl");

    let url = format!("{}?key={KEY}", server.url());
    let model = || builder(&server).base_url(&url).build().unwrap();
    let layers = standard()
        .cassette(Cassette::open(&path, CassetteMode::Auto).unwrap())
        .cache(MemoryStore::new(10))
        .circuit(Circuit::default())
        .adaptive(Adaptive::default())
        .rate_limit(RateLimit::learned())
        .retry(Retry::new(2).backoff(Duration::from_millis(1), Duration::from_millis(1)));
    let lm = model()
        .layer(layers)
        .layer(Fallback::on(&[LmErrorKind::Billing], model()));
    let lm = Route::by([lm, model()], |_| 0).into_lm();

    let ctx = Context::new(lm.clone());
    let program = Predict::parse("question -> answer").unwrap();
    let mut shown = format!("{lm:?}\n{lm:#?}\n{}\n", lm.name());
    let mut answers = 0;
    for n in 0..6 {
        match program
            .call(&ctx, record! { question: format!("question {n}") })
            .await
        {
            Ok(_) => answers += 1,
            Err(error) => shown.push_str(&whole(&error)),
        }
    }
    assert_eq!(answers, 3);
    for n in 0..6 {
        if let Err(error) = call(&lm, true, &ask(&format!("stream {n}"))).await {
            shown.push_str(&whole(&error));
        }
    }
    drop(guard);
    write!(shown, "{lm:?} {:?} {:?}", ctx.trace(), ctx.trace().steps()).unwrap();
    shown.push_str(&ctx.inspect(20));

    clean(&shown);
    assert!(shown.contains("[redacted]"), "the server did quote it: {shown}");
    let logged = logged.0.lock().unwrap().clone();
    clean(&logged);
    assert!(logged.contains("gen_ai.request.model"), "{logged}");
    let taped = std::fs::read_to_string(&path).unwrap();
    clean(&taped);
    assert!(taped.contains("question 0") && !taped.contains(&server.url()));
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.header("x-token") == Some(HEADER))
    );
}

#[test]
fn a_secret_does_not_show_itself() {
    let secret = Secret::new(KEY);
    clean(&format!("{secret} {secret:?}"));
}
