//! `dictum serve-lm` with its real models. Where none is, the tests say so and pass.

use std::io::{BufRead, BufReader};
use std::process::Child;

use dictum_core::embed::Embedder as _;
use dictum_core::lm::{Call, Lm, Message, Request, ResponseFormat, StreamEvent};
use dictum_providers::Providers as _;
use futures_util::StreamExt as _;

use super::*;

/// A server, ended with its value.
struct Served {
    child: Child,
    url: String,
    models: Vec<String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves those of the models that are there, if the first is.
fn served(wanted: &[(&str, &str)]) -> Option<Served> {
    let folder = PathBuf::from(std::env::var_os("DICTUM_MODELS")?);
    if !folder.join(wanted[0].1).is_file() {
        eprintln!("SKIPPED: no {} in {}", wanted[0].1, folder.display());
        return None;
    }
    let mut command = dictum(&["serve-lm", "--port", "0", "--json", "--context", "1024"]);
    command
        .arg("--models-dir")
        .arg(&folder)
        .env("GOMP_SPINCOUNT", "1000");
    for (name, file) in wanted {
        if folder.join(file).is_file() {
            command.args(["--model", name]);
        }
    }
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let said: Value = serde_json::from_str(&line).expect("the address, once all is loaded");
    Some(Served {
        child,
        url: said["url"].as_str().unwrap().to_owned(),
        models: said["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect(),
    })
}

const SMALL: (&str, &str) = ("smollm2-135m", "smollm2-135m-instruct-q4_1.gguf");
const EMBEDS: (&str, &str) = ("all-minilm-l6-v2", "all-minilm-l6-v2-f16.gguf");

fn model(served: &Served) -> Lm {
    Lm::openai(SMALL.0).base_url(&served.url).build().unwrap()
}

fn question() -> Request {
    let mut request = Request::new(vec![Message::user("Name three colours.")]);
    request.settings.max_tokens = Some(24);
    request
}

#[tokio::test]
async fn a_served_model_answers_whole_streamed_and_by_a_schema() {
    let Some(served) = served(&[SMALL, EMBEDS]) else {
        return;
    };
    let (lm, call) = (model(&served), Call::default());
    let whole = lm.complete(&question(), &call).await.unwrap();
    assert!(whole.usage.output_tokens.unwrap() > 0 && !whole.to_text().is_empty());

    let mut events = lm.stream(&question(), &call).await.unwrap();
    let mut streamed = String::new();
    while let Some(event) = events.next().await {
        if let StreamEvent::Text(text) = event.unwrap() {
            streamed.push_str(&text);
        }
    }
    assert_eq!(streamed, whole.to_text());

    // Drawn: a seed draws the same again, another something else.
    let drawn = |seed| {
        let (lm, mut request) = (lm.clone(), question());
        request.settings.temperature = Some(1.5);
        request.settings.seed = Some(seed);
        async move { lm.complete(&request, &Call::default()).await.unwrap().to_text() }
    };
    let (one, again, other) = tokio::join!(drawn(1), drawn(1), drawn(2));
    assert_eq!(one, again);
    assert_ne!(one, other);

    // This model could never keep to a schema by itself.
    let mut request = question();
    let schema = json!({"type": "object", "properties": {"warm": {"type": "boolean"}, "name": {"enum": ["red", "blue"]}},
                        "required": ["warm", "name"], "additionalProperties": false});
    request.response_format = Some(std::sync::Arc::new(ResponseFormat::JsonSchema {
        name: "colour".to_owned(),
        schema,
    }));
    let text = lm.complete(&request, &call).await.unwrap().to_text();
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(
        value["warm"].is_boolean() && ["red", "blue"].contains(&value["name"].as_str().unwrap()),
        "{text}"
    );

    // Too long for its context, said as such.
    let long = Request::new(vec![Message::user("word ".repeat(2000))]);
    let error = lm.complete(&long, &call).await.unwrap_err();
    assert_eq!(
        error.kind(),
        dictum_core::lm::LmErrorKind::ContextWindow,
        "{error}"
    );

    if served.models.iter().any(|name| name == EMBEDS.0) {
        let remote = dictum_providers::embed::openai(EMBEDS.0).base_url(&served.url);
        let remote = remote.build().unwrap();
        let texts = ["It rains.", "The weather is wet.", "A prime number."].map(str::to_owned);
        let vectors = remote.embed(&texts, &call).await.unwrap().vectors;
        let cosine = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.2);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_finishes_what_is_under_way_and_ends_well() {
    let Some(mut served) = served(&[SMALL]) else {
        return;
    };
    let lm = model(&served);
    let mut events = lm.stream(&question(), &Call::default()).await.unwrap();
    events.next().await.unwrap().unwrap();
    let interrupt = Command::new("kill")
        .args(["-INT", &served.child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let mut finished = false;
    while let Some(event) = events.next().await {
        finished = matches!(event.unwrap(), StreamEvent::Finished(_));
    }
    assert!(finished, "the answer under way was cut off");
    let status = tokio::task::spawn_blocking(move || served.child.wait().unwrap());
    let status = tokio::time::timeout(Duration::from_secs(20), status)
        .await
        .expect("it ended");
    assert_eq!(status.unwrap().code(), Some(0));
}

#[test]
fn what_it_cannot_serve_shows_at_once() {
    let nowhere = TempDir::new().unwrap();
    let dir = nowhere.path().to_str().unwrap();
    let serve = |more: &[&str]| run(&[&["serve-lm", "--port", "0", "--models-dir", dir], more].concat());
    fails(&serve(&["--model", "gpt-9"]), 2, "gpt-9");
    fails(
        &serve(&["--model", SMALL.0]),
        1,
        "dictum models fetch smollm2-135m",
    );
    fails(
        &serve(&["--model", EMBEDS.0]),
        1,
        "dictum models fetch all-minilm-l6-v2",
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&["serve-lm", "--port", &port, "--models-dir", dir]);
    fails(&output, 1, &format!("can't listen at 127.0.0.1:{port}"));
}
