use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;
use crate::lm::layers::Tracing;

/// Keeps the fields of all spans, and of all events, as text.
#[derive(Clone, Default)]
struct Sink {
    fields: Arc<Mutex<BTreeMap<String, String>>>,
    closed: Arc<Mutex<usize>>,
}

impl Visit for Sink {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields
            .lock()
            .unwrap()
            .insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Sink {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
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
    fn try_close(&self, _: Id) -> bool {
        *self.closed.lock().unwrap() += 1;
        true
    }
}

async fn spans_of(streams: bool, step: Step) -> BTreeMap<String, String> {
    spans_under(Tracing::new(), streams, step).await
}

async fn spans_under(layer: Tracing, streams: bool, step: Step) -> BTreeMap<String, String> {
    let sink = Sink::default();
    let (lm, _) = model(move |_, _| step.clone());
    let lm = lm.layer(layer);
    let guard = dictum_testkit::listen(sink.clone());
    let mut request = ask("my secret question");
    request.settings.temperature = Some(0.5);
    request.settings.stop = vec!["END".into()];
    call(&lm, streams, &request, &Call::default()).await.ok();
    drop(guard);
    sink.fields.lock().unwrap().clone()
}

#[tokio::test]
async fn a_span_tells_model_tokens_and_end_and_nothing_that_was_said() {
    for streams in [false, true] {
        let fields = spans_of(streams, say("a private answer")).await;
        let get = |name: &str| fields.get(name).map(String::as_str);
        assert_eq!(get("gen_ai.provider.name"), Some("\"test\""));
        assert_eq!(get("gen_ai.request.model"), Some("\"scripted\""));
        assert_eq!(get("gen_ai.request.temperature"), Some("0.5"));
        assert_eq!(get("gen_ai.request.stop_sequences"), Some("\"[\\\"END\\\"]\""));
        assert_eq!(get("gen_ai.request.stream"), Some(&*streams.to_string()));
        assert_eq!(
            fields.contains_key("gen_ai.response.time_to_first_chunk"),
            streams
        );
        assert_eq!(get("dictum.source"), Some("\"model\""));
        assert_eq!(get("gen_ai.usage.input_tokens"), Some("10"));
        assert_eq!(get("gen_ai.usage.output_tokens"), Some("5"));
        assert_eq!(get("gen_ai.response.finish_reasons"), Some("\"stop\""));
        assert_eq!(get("error.type"), None);
        let all = format!("{fields:?}");
        assert!(!all.contains("secret") && !all.contains("private"), "{all}");
    }
}

#[tokio::test]
async fn a_failure_tells_its_kind() {
    for streams in [false, true] {
        for step in [
            fail(LmErrorKind::RateLimit),
            Step::Break(LmError::new(LmErrorKind::RateLimit, "x")),
        ] {
            let fields = spans_of(streams, step).await;
            assert_eq!(
                fields.get("error.type").map(String::as_str),
                Some("\"rate limit\"")
            );
        }
    }
}

#[tokio::test]
async fn content_is_told_only_when_asked_for_and_within_its_limit() {
    for streams in [false, true] {
        let full = Tracing::new().with_content(1_000);
        let fields = spans_under(full, streams, say("a private answer")).await;
        let (asked, answered) = (
            &fields["gen_ai.input.messages"],
            &fields["gen_ai.output.messages"],
        );
        assert!(
            asked.contains("my secret question") && asked.contains("user"),
            "{asked}"
        );
        assert!(
            answered.contains("a private answer") && answered.contains("stop"),
            "{answered}"
        );

        let short = Tracing::new().with_content(9);
        let fields = spans_under(short, streams, say("a private answer")).await;
        let all = format!("{fields:?}");
        assert!(
            all.contains("my secret... (9 bytes left out)")
                && all.contains("a private... (7 bytes left out)"),
            "{all}"
        );
    }
}
