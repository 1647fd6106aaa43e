//! Programs that show what they do: events by path, early ends, slow consumers.

use std::sync::Arc;

use dictum_core::adapter::JsonAdapter;
use dictum_core::lm::layers::{Cache, Cassette, CassetteMode};
use dictum_core::lm::{FinishReason, LmErrorKind, Part, Response, Source};
use dictum_core::modules::{ChainOfThought, Predict};
use dictum_core::parse::stream::FieldEvent;
use dictum_core::program::stream::{
    Event, EventKind, ProgramStream, Seen, Streamed, sse, sse_frame, stream_shared,
};
use dictum_core::program::{
    Context, DynModule, Module, Parameter, ParameterMut, ParameterPath, Parameters, Purpose, Repair,
};
use dictum_core::{Error, Record, record};
use dictum_testkit::CannedLm;
use futures_util::StreamExt;
use serde_json::json;

const ANSWER: &str =
    "[[ ## reasoning ## ]]\nThe mail says so.\n\n[[ ## day ## ]]\n12\n\n[[ ## completed ## ]]";

fn model(answers: &[&str]) -> CannedLm {
    CannedLm::texts(answers.iter().copied()).in_pieces(3)
}

async fn all<O>(mut stream: ProgramStream<'_, O>) -> (Vec<Event>, Result<O, Error>) {
    let mut events = Vec::new();
    let outcome = loop {
        match stream.next().await.expect("a stream ends with its outcome") {
            Ok(Streamed::Event(event)) => events.push(event),
            Ok(Streamed::Finished(output)) => break Ok(output),
            Err(error) => break Err(error),
        }
    };
    assert!(stream.next().await.is_none());
    (events, outcome)
}

/// The events in short, texts of one field joined.
fn brief(events: &[Event]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut last_text = None;
    for event in events {
        let (path, place) = (&event.path, (event.path.clone(), event.call));
        let line = match &event.kind {
            EventKind::Field(FieldEvent::Text { field, text }) => {
                let this = Some((place, field.clone()));
                if last_text == this {
                    lines.last_mut().unwrap().push_str(text);
                    continue;
                }
                last_text = this;
                lines.push(format!("{path} {field}: {text}"));
                continue;
            }
            EventKind::Asked { purpose, .. } => format!("{path} {purpose:?}"),
            EventKind::Field(FieldEvent::Started { field }) => format!("{path} {field}?"),
            EventKind::Field(FieldEvent::Done { field, value }) => format!("{path} {field}={value}"),
            EventKind::Field(FieldEvent::Replaced { field }) => format!("{path} {field} replaced"),
            EventKind::Field(FieldEvent::Failed { field, .. }) => format!("{path} {field} failed"),
            EventKind::Status { message } => format!("{path} says {message}"),
            EventKind::ModuleStarted { module } => format!("{path} {module} starts"),
            EventKind::ModuleEnded { module, failed } => format!("{path} {module} ends {failed:?}"),
            EventKind::Usage { source, .. } => format!("{path} {source:?}"),
            EventKind::Reasoning { text } => format!("{path} thinks {text}"),
            EventKind::ToolCall { name, .. } => format!("{path} calls {name}"),
            other => panic!("{other:?}"),
        };
        last_text = None;
        lines.push(line);
    }
    lines
}

#[tokio::test]
async fn a_predictor_tells_its_fields_and_ends_with_what_call_gives() {
    let model = CannedLm::new(|_| {
        let mut response = Response::text(ANSWER);
        response.usage.output_tokens = Some(20);
        response.parts.insert(
            0,
            Part::Reasoning {
                text: "Hm.".into(),
                signature: None,
            },
        );
        Ok(response)
    })
    .in_pieces(3);
    let ctx = Context::new(model.lm());
    let program = ChainOfThought::parse("mail -> day: int").unwrap();
    let (events, outcome) = all(program.stream(&ctx, record! { mail: "x" })).await;
    assert_eq!(
        brief(&events),
        [
            "predict Ask",
            "predict thinks Hm.",
            "predict reasoning?",
            "predict reasoning: The mail says so.",
            "predict reasoning=\"The mail says so.\"",
            "predict day?",
            "predict day=12",
            "predict Model",
        ]
    );
    let texts = events
        .iter()
        .filter(|event| event.text_of("reasoning").is_some())
        .count();
    assert!(texts > 3, "{texts} pieces");
    assert_eq!(
        outcome.unwrap(),
        program.call(&ctx, record! { mail: "x" }).await.unwrap()
    );
    let steps = ctx.trace().steps();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0].outcome, steps[1].outcome);
    let sent = |step: usize| steps[step].calls[0].request.digest("m");
    assert_eq!(sent(0), sent(1));
    assert_eq!(ctx.trace().usage().output_tokens, Some(40));
}

#[tokio::test]
async fn a_failed_field_is_replaced_by_what_the_repair_gives() {
    let broken = "[[ ## label ## ]]\nfar too long a label\n\n[[ ## score ## ]]\n3\n\n[[ ## completed ## ]]";
    let fixed = "[[ ## label ## ]]\nshort\n\n[[ ## completed ## ]]";
    let mut label = dictum_core::signature::FieldSpec::output("label", dictum_core::types::Type::str());
    label = label.with_constraints(dictum_core::types::Constraints {
        max_length: Some(8),
        ..Default::default()
    });
    let fields = [
        dictum_core::signature::FieldSpec::input("text", dictum_core::types::Type::str()),
        label,
        dictum_core::signature::FieldSpec::output("score", dictum_core::types::Type::int()),
    ];
    let program = Predict::from_spec(dictum_core::signature::SignatureSpec::new("", None, fields).unwrap());
    let ctx = Context::new(model(&[broken, fixed]).lm());
    let (events, outcome) = all(program.stream(&ctx, record! { text: "x" })).await;
    assert_eq!(
        brief(&events),
        [
            "self Ask",
            "self label?",
            "self label: far too long a label",
            "self score?",
            "self score=3",
            "self Model",
            "self label failed",
            "self Reask",
            "self label replaced",
            "self label: short",
            "self label=\"short\"",
            "self Model",
        ]
    );
    assert_eq!(outcome.unwrap(), record! { label: "short", score: 3 });
    let step = ctx.trace().steps().remove(0);
    let purposes: Vec<Purpose> = step.calls.iter().map(|call| call.purpose).collect();
    assert_eq!(purposes, [Purpose::Ask, Purpose::Reask]);
}

#[tokio::test]
async fn another_adapter_begins_all_fields_anew() {
    let answers = [
        "[[ ## a ## ]]\nfirst\n\n[[ ## n ## ]]\nmany",
        r#"{"a": "second", "n": 2}"#,
    ];
    let ctx =
        Context::new(model(&answers).lm()).with_repair(Repair::Fallback(Arc::new(JsonAdapter::default())));
    let program = Predict::parse("q -> a, n: int").unwrap();
    let (events, outcome) = all(program.stream(&ctx, record! { q: "x" })).await;
    assert_eq!(
        brief(&events),
        [
            "self Ask",
            "self a?",
            "self a: first",
            "self a=\"first\"",
            "self n?",
            "self Model",
            "self n failed",
            "self Fallback",
            "self a replaced",
            "self n replaced",
            "self a: second",
            "self a=\"second\"",
            "self n=2",
            "self Model",
        ]
    );
    assert_eq!(outcome.unwrap(), record! { a: "second", n: 2 });
}

/// Two predictors with a step of its own between them; drafts are made at once.
struct Team {
    draft: Predict,
    judge: ChainOfThought,
}

impl Parameters for Team {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("draft", |path| self.draft.visit(path, visit));
        path.field("judge", |path| self.judge.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("draft", |path| self.draft.visit_mut(path, visit));
        path.field("judge", |path| self.judge.visit_mut(path, visit));
    }
}

impl Module for Team {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> dictum_core::Result<Record> {
        let (one, two) =
            futures_util::future::join(self.draft.call(ctx, input.clone()), self.draft.call(ctx, input))
                .await;
        one?;
        two?;
        ctx.status("compare", "comparing 2 drafts").await;
        // A context is a value: events also come from other tasks.
        let (judge, ctx) = (self.judge.clone(), ctx.clone());
        let judged = tokio::spawn(async move { judge.call(&ctx, record! { text: "x" }).await });
        Ok(record! { good: judged.await.unwrap()?.output.get("good").unwrap() })
    }
}

fn team() -> (Team, CannedLm) {
    let model = CannedLm::new(|request| {
        let judging = request
            .messages()
            .any(|message| message.to_text().contains("[[ ## good ## ]]"));
        Ok(Response::text(if judging {
            "[[ ## reasoning ## ]]\nFine.\n\n[[ ## good ## ]]\ntrue\n\n[[ ## completed ## ]]"
        } else {
            "[[ ## text ## ]]\nOnce upon a time.\n\n[[ ## completed ## ]]"
        }))
    });
    let team = Team {
        draft: Predict::parse("topic -> text").unwrap(),
        judge: ChainOfThought::parse("text -> good: bool").unwrap(),
    };
    (team, model.in_pieces(4))
}

#[tokio::test]
async fn every_predictor_of_a_program_is_heard_by_its_path() {
    let (team, model) = team();
    let ctx = Context::new(model.lm());
    let (events, outcome) = all(team.stream(&ctx, record! { topic: "x" })).await;
    assert_eq!(outcome.unwrap(), record! { good: true });
    for call in [0, 1] {
        let text: String = events
            .iter()
            .filter(|event| event.call == call && &*event.path == "draft")
            .filter_map(|event| event.text_of("text"))
            .collect();
        assert_eq!(text, "Once upon a time.");
    }
    let said = events
        .iter()
        .position(|event| matches!(event.kind, EventKind::Status { .. }));
    assert_eq!(&*events[said.unwrap()].path, "compare");
    assert!(
        events[..said.unwrap()]
            .iter()
            .all(|event| &*event.path == "draft")
    );
    // The clone that another task called is another predictor, known by its signature.
    let after: Vec<_> = events[said.unwrap() + 1..].iter().collect();
    assert!(!after.is_empty() && after.iter().all(|event| event.call == 2));
}

#[tokio::test]
async fn a_program_without_types_and_a_shared_one_stream_too() {
    let (team, model) = team();
    let ctx = Context::new(model.lm());
    let erased: Box<dyn DynModule> = Box::new(team);
    let (events, outcome) = all(erased.stream_record(&ctx, record! { topic: "x" })).await;
    assert_eq!(outcome.unwrap(), record! { good: true });
    assert!(events.iter().any(|event| &*event.path == "draft"));
    let shared = stream_shared(Arc::new(erased), &ctx, record! { topic: "x" });
    let task = tokio::spawn(all(shared));
    let (again, outcome) = task.await.unwrap();
    assert_eq!(
        (outcome.unwrap(), again.len()),
        (record! { good: true }, events.len())
    );
}

#[tokio::test]
async fn a_guard_ends_a_call_and_says_what_was_done() {
    let essay = "word ".repeat(2_000);
    let answer = format!("[[ ## title ## ]]\nWords\n\n[[ ## essay ## ]]\n{essay}\n\n[[ ## completed ## ]]");
    let model = CannedLm::text(answer).in_pieces(5);
    let program = Predict::parse("topic -> title, essay").unwrap();
    let ctx = Context::new(model.lm()).with_guard("at most 50 words", |part| match part.value {
        Seen::Text(text) if part.field == "essay" && text.split_whitespace().count() > 50 => {
            Err(format!("{} has too many words", part.path))
        }
        _ => Ok(()),
    });
    for streamed in [true, false] {
        let before = model.pieces();
        let outcome = if streamed {
            program.stream(&ctx, record! { topic: "x" }).output().await
        } else {
            program.call(&ctx, record! { topic: "x" }).await
        };
        let Err(Error::Stopped(stopped)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(stopped.by, "at most 50 words");
        assert!(stopped.reason.ends_with("has too many words"));
        assert_eq!(stopped.field, "essay");
        assert_eq!(stopped.fields, record! { title: "Words" });
        let words = stopped.text.matches("wor").count();
        assert!((50..55).contains(&words), "{words}");
        let read = model.pieces() - before;
        assert!(read < 80, "{read} pieces of 2000 were read");
    }
    let steps = ctx.trace().steps();
    assert_eq!(steps.len(), 2);
    assert!(
        steps[0]
            .outcome
            .as_ref()
            .unwrap_err()
            .contains("stopped by `at most 50 words`")
    );
    let response = steps[0].calls[0].result.as_ref().unwrap();
    assert_eq!(
        response.finish,
        FinishReason::Other("stopped by `at most 50 words`".into())
    );
    assert!(response.to_text().starts_with("[[ ## title ## ]]\nWords"));
    assert_eq!(response.usage.total_tokens(), None);
}

#[tokio::test]
async fn a_guard_sees_structured_fields_grow_and_whole() {
    let answer = "[[ ## rows ## ]]\n[{\"n\": 1}, {\"n\": 2}, {\"n\": 3}, {\"n\": 4}, {\"n\": 5}]\n\n[[ ## completed ## ]]";
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = seen.clone();
    let ctx = Context::new(CannedLm::text(answer).in_pieces(2).lm()).with_guard("look", move |part| {
        let value = match part.value {
            Seen::Partial(value) => value.clone(),
            Seen::Whole(value) => json!({ "whole": value }),
            other => panic!("{other:?}"),
        };
        keep.lock().unwrap().push(value);
        Ok(())
    });
    let program = Predict::parse("q -> rows: list[dict[str, int]]").unwrap();
    program.call(&ctx, record! { q: "x" }).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 3, "{seen:?}");
    assert_eq!(seen[0][0], json!({ "n": 1 }));
    assert_eq!(seen.last().unwrap()["whole"].as_array().unwrap().len(), 5);
}

fn long_answer() -> CannedLm {
    let text = "word ".repeat(5_000);
    CannedLm::text(format!("[[ ## text ## ]]\n{text}\n\n[[ ## completed ## ]]")).in_pieces(5)
}

#[tokio::test]
async fn a_slow_consumer_makes_the_model_wait() {
    let model = long_answer();
    let program = Predict::parse("q -> text").unwrap();
    let ctx = Context::new(model.lm());
    let mut stream = program.stream(&ctx, record! { q: "x" });
    assert_eq!(model.calls(), 0);
    for taken in 1..200 {
        stream.next().await.unwrap().unwrap();
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        assert!(
            model.pieces() <= taken + 80,
            "{} pieces after {taken} events",
            model.pieces()
        );
    }
}

#[tokio::test]
async fn dropping_the_stream_cancels_the_call_also_in_other_tasks() {
    struct Elsewhere(Arc<Predict>);
    impl Parameters for Elsewhere {
        fn visit<'a>(
            &'a self,
            path: &mut ParameterPath,
            visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>),
        ) {
            self.0.visit(path, visit);
        }
        fn visit_mut(&mut self, _: &mut ParameterPath, _: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>)) {}
    }
    impl Module for Elsewhere {
        type Input = tokio::sync::oneshot::Sender<dictum_core::Result<Record>>;
        type Output = ();
        async fn forward(&self, ctx: &Context, tell: Self::Input) -> dictum_core::Result<()> {
            let (inner, ctx) = (self.0.clone(), ctx.clone());
            tokio::spawn(async move { tell.send(inner.call(&ctx, record! { q: "x" }).await) });
            std::future::pending().await
        }
    }
    let model = long_answer();
    let program = Elsewhere(Arc::new(Predict::parse("q -> text").unwrap()));
    let ctx = Context::new(model.lm());
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut stream = program.stream(&ctx, tell);
    for _ in 0..10 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    let Error::Lm(error) = told.await.unwrap().unwrap_err() else {
        panic!("another error")
    };
    assert_eq!(error.kind(), LmErrorKind::Cancelled);
    assert!(model.pieces() < 200, "{}", model.pieces());
}

#[tokio::test]
async fn an_answer_from_a_cache_or_a_cassette_streams_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let program = ChainOfThought::parse("mail -> day: int").unwrap();
    let asked = model(&[ANSWER]);
    let recorded = asked
        .lm()
        .layer(Cassette::open(file.path(), CassetteMode::Record).unwrap());
    let ctx = Context::new(recorded.layer(Cache::memory(8)));
    let mut sources = Vec::new();
    for take in 0..3 {
        let ctx = match take {
            2 => {
                let replay = Cassette::open(file.path(), CassetteMode::Replay).unwrap();
                Context::new(model(&[]).lm().layer(replay))
            }
            _ => ctx.clone(),
        };
        let (events, outcome) = all(program.stream(&ctx, record! { mail: "x" })).await;
        assert_eq!(outcome.unwrap().reasoning, "The mail says so.");
        let text: String = events
            .iter()
            .filter_map(|event| event.text_of("reasoning"))
            .collect();
        assert_eq!(text, "The mail says so.");
        sources.extend(events.iter().filter_map(|event| match &event.kind {
            EventKind::Usage { source, .. } => Some(*source),
            _ => None,
        }));
    }
    assert_eq!(sources, [Source::Model, Source::Cache, Source::Replay]);
    assert_eq!(asked.calls(), 1);
}

#[tokio::test]
async fn a_bad_input_and_a_failing_model_end_the_stream_with_the_error() {
    let ctx = Context::new(model(&[]).lm());
    let program = Predict::parse("q -> text").unwrap();
    let (events, outcome) = all(program.stream(&ctx, record! { nope: 1 })).await;
    assert!(events.is_empty() && matches!(outcome, Err(Error::Input(_))));
    let (events, outcome) = all(program.stream(&ctx, record! { q: "x" })).await;
    assert_eq!(brief(&events), ["self Ask"]);
    assert!(matches!(outcome, Err(Error::Lm(_))));
    assert_eq!(ctx.trace().steps().len(), 1);
}

#[tokio::test]
async fn events_become_frames_for_a_browser() {
    let answer = "[[ ## text ## ]]\ntwo\nlines: \"é\"\n\n[[ ## n ## ]]\n2\n\n[[ ## completed ## ]]";
    let ctx = Context::new(CannedLm::text(answer).lm());
    let program = Predict::parse("q -> text, n: int").unwrap();
    let frames: Vec<Vec<u8>> = sse(program.stream(&ctx, record! { q: "x" }))
        .map(Result::unwrap)
        .collect()
        .await;
    let body = String::from_utf8(frames.concat()).unwrap();
    insta::assert_snapshot!(body);
    // One event and one line of data per frame, whatever is in it.
    for frame in body.trim_end().split("\n\n") {
        let lines: Vec<&str> = frame.lines().collect();
        assert!(lines.len() == 2 && lines[0].starts_with("event: "), "{frame}");
        let data = lines[1].strip_prefix("data: ").unwrap();
        assert!(
            serde_json::from_str::<serde_json::Value>(data)
                .unwrap()
                .is_object()
        );
    }
    let stopped = Error::Stopped(Box::new(dictum_core::program::stream::Stopped {
        by: "guard".into(),
        reason: "no".into(),
        path: "self".into(),
        field: "n".into(),
        fields: record! { text: "a" },
        text: String::new(),
    }));
    insta::assert_snapshot!(sse_frame::<Record>(Err(stopped)));
}
