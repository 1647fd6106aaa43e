//! Models by their names, against the fake server.

use dictum_core::lm::{Lm, LmErrorKind, Message, Part, Role};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Reply};
use serde_json::json;

use crate::{ask, call};

#[tokio::test]
async fn a_service_is_called_in_its_dialect_with_its_key() {
    let server = FakeServer::programmed(|_, _| Reply::bytes(500, ""));
    for (name, path, header, value) in [
        (
            "groq/a/b",
            "/v1/chat/completions",
            "authorization",
            "Bearer the-key",
        ),
        ("responses/m", "/v1/responses", "authorization", "Bearer the-key"),
        ("anthropic/m", "/v1/messages", "x-api-key", "the-key"),
        (
            "gemini/m",
            "/v1/models/m:generateContent",
            "x-goog-api-key",
            "the-key",
        ),
    ] {
        let lm = Lm::parse(name)
            .unwrap()
            .base_url(server.url())
            .api_key("the-key")
            .build()
            .unwrap();
        let error = call(&lm, false, &ask("x")).await.unwrap_err();
        assert_eq!((error.kind(), error.model()), (LmErrorKind::Server, name));
        let seen = server.seen().pop().unwrap();
        assert_eq!(
            (seen.path.as_str(), seen.header(header)),
            (path, Some(value)),
            "{name}"
        );
    }
    assert_eq!(server.seen()[0].body["model"], "a/b");
}

#[tokio::test]
async fn what_mistral_refuses_is_not_sent() {
    let server = FakeServer::scripted([Reply::text("ok")]);
    let mut request = ask("x");
    request.settings.seed = Some(7);
    let thought = Part::Reasoning {
        text: "hm".to_owned(),
        signature: None,
    };
    request.turns.push(Message {
        role: Role::Assistant,
        parts: vec![thought, Part::text("y")],
    });
    for name in ["mistral/m", "ollama/m"] {
        let lm = Lm::parse(name).unwrap().base_url(server.url()).build().unwrap();
        call(&lm, true, &request).await.unwrap();
    }
    let [mistral, ollama] = <[_; 2]>::try_from(server.seen()).unwrap().map(|seen| seen.body);
    assert_eq!(
        mistral,
        json!({
            "model": "m",
            "messages": [{ "role": "user", "content": "x" }, { "role": "assistant", "content": "y" }],
            "stream": true,
            "random_seed": 7,
        })
    );
    assert_eq!(
        (&ollama["seed"], &ollama["messages"][1]["reasoning_content"]),
        (&json!(7), &json!("hm"))
    );
    assert_eq!(ollama["stream_options"]["include_usage"], true);
}
