//! Observers, and traces as files.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use dictum_core::evaluate::rollout;
use dictum_core::lm::{LmError, LmErrorKind, Media, Payload, Response, Source, Usage};
use dictum_core::metrics::exact_match;
use dictum_core::modules::Predict;
use dictum_core::program::{
    CallRecord, Context, Demo, Observer, Overlay, PredictorState, Purpose, RecordedTrace, Step, Trace,
    TraceWriter,
};
use dictum_core::{data::Example, record};
use dictum_testkit::CannedLm;

use crate::support::script;

const ANSWER: &str = "[[ ## b ## ]]\nyes\n\n[[ ## completed ## ]]";
const BAD: &str = "[[ ## b ## ]]\nnot a number";
const NUMBER: &str = "[[ ## b ## ]]\n7";

#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn on_call(&self, path: &str, call: &CallRecord) {
        let note = format!("{path} {:?} {}", call.purpose, call.result.is_ok());
        self.0.lock().unwrap().push(note);
    }

    fn on_step(&self, step: &Arc<Step>) {
        self.0
            .lock()
            .unwrap()
            .push(format!("step of {} calls", step.calls.len()));
    }
}

#[tokio::test]
async fn an_observer_is_told_of_each_call_and_step_in_order() {
    let (told, copy) = (Arc::new(Told::default()), Trace::bounded(1));
    let ctx = Context::new(script(&[BAD, NUMBER]).lm())
        .with_shared_observer(told.clone())
        .with_observer(copy.clone());
    let program = Predict::parse("a -> b: int").unwrap();
    program.call(&ctx, record! { a: "x" }).await.unwrap();
    program.call(&ctx, record! { a: "x" }).await.unwrap_err();
    let told = told.0.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            "a -> b: int Ask true",
            "a -> b: int Reask true",
            "step of 2 calls",
            "a -> b: int Ask false",
            "step of 1 calls",
        ]
    );
    assert_eq!((copy.steps().len(), copy.dropped()), (1, 1));
}

/// Bytes that can be looked at after they were written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn read(&self) -> RecordedTrace {
        RecordedTrace::read_from(Cursor::new(self.text()), "t").unwrap()
    }
}

fn with_demo(ctx: &Context, program: &Predict) -> Context {
    let state = PredictorState {
        demos: vec![Demo::labeled(record! { a: "the demo's input", b: "1" })],
        ..PredictorState::default()
    };
    ctx.with_overlay(program, &Overlay::new().with("self", state))
        .unwrap()
}

#[tokio::test]
async fn a_trace_file_reads_back_with_what_was_said_counted_and_repaired() {
    let model = CannedLm::new(|request| {
        let text = request.turns.last().unwrap().to_text();
        if text.contains("broken") {
            return Err(LmError::new(LmErrorKind::RateLimit, "too many").with_status(429));
        }
        Ok(Response {
            usage: Usage {
                input_tokens: Some(10),
                output_tokens: Some(3),
                ..Usage::default()
            },
            raw: Some(Payload::from(&serde_json::json!({"payload": "of the provider"}))),
            ..Response::text(if text.contains("awkward") {
                "[[ ## b ## ]]\n'7'"
            } else {
                NUMBER
            })
        })
    });
    let out = Shared::default();
    let writer = Arc::new(TraceWriter::new(out.clone()));
    let ctx = Context::new(model.lm())
        .with_shared_observer(writer.clone())
        .with_scope("a test");
    let program = Predict::parse("a -> b: int").unwrap();
    let ctx = with_demo(&ctx, &program);
    for text in ["plain", "awkward", "broken"] {
        program.call(&ctx, record! { a: text }).await.ok();
    }
    let unfinished = out.read();
    assert!(!unfinished.complete && unfinished.steps.len() == 3);
    let written = writer.finish().unwrap();
    assert_eq!((written.steps, written.dropped), (3, 0));
    program.call(&ctx, record! { a: "after the end" }).await.unwrap();

    let trace = out.read();
    assert!(trace.complete && trace.dropped == 0);
    assert_eq!(trace.usage().total_tokens(), Some(26));
    let [plain, awkward, broken] = trace.steps.as_slice() else {
        panic!("{trace:?}")
    };
    assert_eq!(
        (plain.path.as_str(), plain.scope.as_deref()),
        ("self", Some("a test"))
    );
    assert_eq!(plain.inputs, record! { a: "plain" });
    assert_eq!(plain.outputs, Some(record! { b: 7 }));
    let call = &plain.calls[0];
    assert_eq!(call.purpose, Purpose::Ask);
    let sent: Vec<&str> = call
        .messages
        .iter()
        .map(|message| message.role.as_str())
        .collect();
    assert_eq!(sent, ["system", "user", "assistant", "user"]);
    assert_eq!(call.answer.as_ref().unwrap().source, Source::Model);
    assert!(!awkward.repairs.is_empty());
    let error = broken.calls[0].error.as_ref().unwrap();
    assert_eq!((error.kind.as_str(), error.status), ("rate limit", Some(429)));
    assert!(broken.error.as_ref().unwrap().contains("too many") && broken.outputs.is_none());

    // The demonstrations stand there once, the provider's payload not at all.
    assert_eq!(out.text().matches("the demo's input").count(), 1);
    assert!(!out.text().contains("payload"));
}

#[tokio::test]
async fn a_trace_file_keeps_within_its_limit_and_says_what_is_missing() {
    let out = Shared::default();
    let writer = Arc::new(TraceWriter::new(out.clone()).max_bytes(3_000));
    let ctx = Context::new(script(&[ANSWER; 20]).lm()).with_shared_observer(writer.clone());
    let program = Predict::parse("a -> b").unwrap();
    for _ in 0..20 {
        program.call(&ctx, record! { a: "x" }).await.unwrap();
    }
    let written = writer.finish().unwrap();
    assert!(out.text().len() <= 3_000, "{}", out.text().len());
    let trace = out.read();
    assert_eq!(trace.steps.len() as u64, written.steps);
    assert!(written.steps > 0 && written.dropped > 0 && written.steps + written.dropped == 20);
    assert_eq!(trace.dropped, written.dropped);
}

#[tokio::test]
async fn a_bounded_trace_is_written_with_what_it_dropped_and_without_the_bytes_of_media() {
    let model = script(&[ANSWER; 3]);
    let ctx = Context::new(model.lm()).with_trace(Trace::bounded(2));
    let program = Predict::parse("a: Image -> b").unwrap();
    let image = Media::base64("image/png", "QUJD".repeat(100));
    for _ in 0..3 {
        let input = record! { a: serde_json::to_value(&image).unwrap() };
        program.call(&ctx, input).await.unwrap();
    }
    let out = Shared::default();
    let written = ctx.trace().write_jsonl(out.clone()).unwrap();
    assert_eq!((written.steps, written.dropped), (2, 1));
    assert_eq!(out.read().dropped, 1);
    assert!(!out.text().contains("QUJDQUJD"), "{}", out.text());
}

#[tokio::test]
async fn a_file_that_breaks_off_reads_and_one_that_is_damaged_or_newer_says_where() {
    let out = Shared::default();
    let ctx = Context::new(script(&[ANSWER; 2]).lm());
    let program = Predict::parse("a -> b").unwrap();
    for _ in 0..2 {
        program.call(&ctx, record! { a: "x" }).await.unwrap();
    }
    ctx.trace().write_jsonl(out.clone()).unwrap();
    let text = out.text();
    let read = |text: &str| RecordedTrace::read_from(Cursor::new(text.to_owned()), "t.jsonl");

    // Killed in the middle of the second step.
    let second = text.rfind("{\"kind\":\"step\"").unwrap();
    let cut = read(text.get(..second + 40).unwrap()).unwrap();
    assert_eq!((cut.steps.len(), cut.complete), (1, false));

    let damaged = text.replacen("\"kind\":\"step\"", "\"kind\":\"step", 1);
    assert!(read(&damaged).unwrap_err().to_string().starts_with("t.jsonl:3: "));
    let newer = text.replacen("\"version\":1", "\"version\":9", 1);
    assert!(read(&newer).unwrap_err().to_string().contains("version 9"));
    assert!(
        read("{\"rows\": 1}\n")
            .unwrap_err()
            .to_string()
            .contains("is no trace")
    );
}

/// Takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::StorageFull, "no space"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_fails_no_call_and_is_told_at_the_end() {
    let writer = Arc::new(TraceWriter::new(Full));
    let ctx = Context::new(script(&[ANSWER; 2]).lm()).with_shared_observer(writer.clone());
    let program = Predict::parse("a -> b").unwrap();
    for _ in 0..2 {
        program.call(&ctx, record! { a: "x" }).await.unwrap();
    }
    let error = writer.finish().unwrap_err().to_string();
    assert!(
        error.contains("no space") && error.contains("2 steps are missing"),
        "{error}"
    );
}

#[tokio::test]
async fn the_steps_of_a_rollout_say_which_example_they_are_part_of() {
    let ctx = Context::new(script(&[ANSWER; 2]).lm());
    let program = Predict::parse("a -> b").unwrap();
    let example = Example::new(record! { a: "x" }, record! { b: "yes" });
    let metric = exact_match("b");
    rollout(&ctx, &program, &example, &metric).await;
    rollout(&ctx.with_scope("candidate 3"), &program, &example, &metric).await;
    let scopes: Vec<String> = ctx
        .trace()
        .steps()
        .iter()
        .map(|step| step.scope.as_deref().unwrap().to_owned())
        .collect();
    let id = example.id();
    assert_eq!(
        scopes,
        [format!("example {id}"), format!("candidate 3 / example {id}")]
    );
}
