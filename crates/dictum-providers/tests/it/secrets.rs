use dictum_core::lm::layers::{Cassette, CassetteMode};
use dictum_core::lm::{Lm, LmErrorKind};
use dictum_providers::{Providers, Secret};
use dictum_testkit::{FakeServer, Reply};
use serde_json::json;

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

#[tokio::test]
async fn cassettes_hold_no_key() {
    let dir = std::env::temp_dir().join(format!("dictum-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("calls.jsonl");
    let server = FakeServer::scripted([Reply::text("ok")]);
    let lm = builder(&server)
        .build()
        .unwrap()
        .layer(Cassette::open(&path, CassetteMode::Record).unwrap());
    for streams in [false, true] {
        call(&lm, streams, &ask("x")).await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_dir_all(&dir).ok();
    assert!(text.lines().count() == 2);
    clean(&text);
    assert!(!text.contains(&server.url()));
}

#[test]
fn a_secret_does_not_show_itself() {
    let secret = Secret::new(KEY);
    clean(&format!("{secret} {secret:?}"));
}
