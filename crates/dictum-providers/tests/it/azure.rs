//! Azure's addresses and keys, for both of OpenAI's dialects.

use dictum_core::lm::Lm;
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Reply};
use serde_json::json;

use crate::{ask, call};

const KEY: &str = "planted-azure-key-0123";

#[tokio::test]
async fn deployments_have_their_address_and_the_key_its_header() {
    let answer = json!({ "status": "completed", "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "ok" }] }] });
    let chat = FakeServer::scripted([Reply::text("ok")]);
    let responses = FakeServer::scripted([Reply::json(200, &answer)]);
    let table = [
        (
            Lm::openai("my-deployment")
                .azure(&chat.root(), "2024-10-21")
                .api_key(KEY)
                .build(),
            &chat,
            "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
        ),
        (
            Lm::openai("my-deployment")
                .azure(&format!("{}/", chat.root()), "v1")
                .api_key(KEY)
                .build(),
            &chat,
            "/openai/v1/chat/completions",
        ),
        (
            Lm::responses("my-deployment")
                .azure(&responses.root())
                .api_key(KEY)
                .build(),
            &responses,
            "/openai/v1/responses",
        ),
    ];
    for (lm, server, path) in table {
        let lm = lm.unwrap();
        assert_eq!(lm.name(), "azure/my-deployment");
        assert!(lm.capabilities().json_schema, "it is OpenAI's model");
        assert!(!format!("{lm:?}").contains("planted"));
        assert_eq!(call(&lm, false, &ask("x")).await.unwrap().to_text(), "ok");
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.path, path);
        assert_eq!(
            (seen.header("api-key"), seen.header("authorization")),
            (Some(KEY), None)
        );
        assert_eq!(seen.body["model"], "my-deployment");
    }
}

#[tokio::test]
async fn instructions_may_be_the_developers() {
    let server = FakeServer::scripted([Reply::text("ok")]);
    let lm = Lm::openai("my-deployment")
        .azure(&server.root(), "v1")
        .reasoning_model(true)
        .developer_role()
        .build()
        .unwrap();
    let mut request = ask("x");
    request
        .turns
        .insert(0, dictum_core::lm::Message::system("Be brief."));
    request.settings.max_tokens = Some(9);
    call(&lm, false, &request).await.unwrap();
    let body = &server.seen()[0].body;
    assert_eq!(
        body["messages"][0],
        json!({ "role": "developer", "content": "Be brief." })
    );
    assert_eq!(body["max_completion_tokens"], 9);
}
