//! What the collector is told of a call.

use dictum_core::lm::layers::Tracing;
use dictum_core::lm::{LmError, LmErrorKind, Settings};
use dictum_core::program::{Context, Module};
use dictum_core::record;
use dictum_testkit::CannedLm;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tracing_subscriber::layer::SubscriberExt;

use crate::collector::{Collector, Seen};
use crate::{QUESTION, Qa, calls, model, otlp, traced};

fn by_name<'s>(spans: &'s [Seen], name: &str) -> &'s Seen {
    let found = spans.iter().find(|span| span.0.name == name);
    found.unwrap_or_else(|| panic!("no `{name}` among {:?}", names(spans)))
}

fn names(spans: &[Seen]) -> Vec<&str> {
    spans.iter().map(|span| span.0.name.as_str()).collect()
}

#[tokio::test]
async fn a_call_is_a_tree_of_module_predictor_and_model_with_the_conventions_attributes() {
    let collector = Collector::new();
    let (layer, guard) = otlp(&collector.url).attribute("team", "qa").layer().unwrap();
    let subscriber = dictum_testkit::listen(tracing_subscriber::registry().with(layer));
    let program = Qa::new();
    let ctx = Context::new(traced(&model()))
        .for_program(&program)
        .with_settings(&Settings {
            temperature: Some(0.5),
            top_p: Some(0.9),
            max_tokens: Some(100),
            seed: Some(7),
            stop: vec!["END".into(), "\"".into()],
            ..Settings::default()
        });
    {
        let _outer = tracing::info_span!("request").entered();
        program.call(&ctx, record! { question: QUESTION }).await.unwrap();
    }
    drop(subscriber);
    let delivery = guard.shutdown();
    assert!(delivery.complete() && delivery.spans_delivered == 4, "{delivery}");

    let spans = collector.spans();
    let tree = [
        "request",
        "invoke_workflow Qa",
        "predict answer.predict",
        "chat canned",
    ]
    .map(|name| by_name(&spans, name));
    assert!(tree[0].0.parent_span_id.is_empty());
    for pair in tree.windows(2) {
        assert_eq!(pair[1].0.parent_span_id, pair[0].0.span_id, "{}", pair[1].0.name);
        assert_eq!(pair[1].0.trace_id, pair[0].0.trace_id);
        assert!(pair[1].0.start_time_unix_nano >= pair[0].0.start_time_unix_nano);
    }

    let chat = tree[3];
    assert_eq!(chat.0.kind(), SpanKind::Client);
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "test"),
        ("gen_ai.request.model", "canned"),
        ("gen_ai.request.temperature", "0.5 (double)"),
        ("gen_ai.request.top_p", "0.9 (double)"),
        ("gen_ai.request.max_tokens", "100 (int)"),
        ("gen_ai.request.seed", "7 (int)"),
        ("gen_ai.request.stop_sequences", "[END, \"]"),
        ("gen_ai.request.stream", "false (bool)"),
        ("gen_ai.response.id", "answer-7"),
        ("gen_ai.response.model", "canned-2"),
        ("gen_ai.response.finish_reasons", "[stop]"),
        ("gen_ai.usage.input_tokens", "10 (int)"),
        ("gen_ai.usage.output_tokens", "3 (int)"),
        ("dictum.source", "model"),
        ("dictum.attempts", "1 (int)"),
    ] {
        assert_eq!(chat.get(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(chat.get("error.type"), None);
    assert_eq!(tree[2].get("dictum.adapter").as_deref(), Some("chat"));
    let resource = collector.resource();
    assert_eq!(
        (resource["service.name"].as_str(), resource["team"].as_str()),
        ("test", "qa")
    );

    // Of what was said, nothing: not asked for, not sent.
    assert!(collector.heard("canned-2"));
    assert!(!collector.heard("secret") && !collector.heard("private"));
}

#[tokio::test]
async fn a_failed_call_is_an_error_all_the_way_up_and_its_message_is_not_sent() {
    let collector = Collector::new();
    let model = CannedLm::new(|_| Err(LmError::new(LmErrorKind::ContextWindow, "you said: a secret")));
    calls(otlp(&collector.url), &traced(&model), 1).await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 3, "{:?}", names(&spans));
    for span in &spans {
        assert_eq!(span.get("error.type").as_deref(), Some("context window"));
        assert_eq!(span.0.status.as_ref().unwrap().code(), StatusCode::Error);
    }
    assert!(!collector.heard("secret"));
}

#[tokio::test]
async fn content_is_sent_where_the_layer_asks_for_it() {
    let collector = Collector::new();
    let lm = model().lm().layer(Tracing::new().with_content(10_000));
    calls(otlp(&collector.url), &lm, 1).await;
    let spans = collector.spans();
    let chat = by_name(&spans, "chat canned");
    let asked: serde_json::Value = serde_json::from_str(&chat.get("gen_ai.input.messages").unwrap()).unwrap();
    let last = asked.as_array().unwrap().last().unwrap();
    assert_eq!(last["role"], "user");
    assert!(last["parts"][0]["content"].as_str().unwrap().contains(QUESTION));
    assert!(
        chat.get("gen_ai.output.messages")
            .unwrap()
            .contains("a private answer")
    );
}

#[tokio::test]
async fn a_share_of_no_traces_sends_none_but_counts_all_calls() {
    let collector = Collector::new();
    let delivery = calls(otlp(&collector.url).sample(0.0), &traced(&model()), 3).await;
    assert!(delivery.complete(), "{delivery}");
    assert!(collector.spans().is_empty());
    let metrics = collector.metrics();
    let calls = metrics.iter().find(|point| point.name == "dictum.client.calls");
    assert_eq!(calls.unwrap().count, 3);
}
