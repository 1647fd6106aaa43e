//! What is measured in process, by name: criterion takes the time, callgrind counts the instructions.

use std::hint::black_box;

use dictum::cache::DiskStore;
use dictum::lm::layers::Cache;
use dictum::lm::{Call, Lm, Payload, Request, Source};
use dictum::parse::{self, Layout};
use dictum::prelude::*;
use dictum_testkit::CannedLm;
use tokio::runtime::{Builder, Runtime};

use crate::programs::{self, ExtractInput, NESTED_ANSWER, TriageInput};

/// Does the measured work once.
pub type Run = Box<dyn FnMut()>;

/// A name and what makes the case: setting up is no part of the measure.
pub type Case = (&'static str, fn() -> Run);

/// All cases.
pub const ALL: &[Case] = &[
    ("Predict, flat types, 0 demos", || flat(0)),
    ("Predict, flat types, 4 demos", || flat(4)),
    ("Predict, flat types, 64 demos", || flat(64)),
    ("Predict, nested types, 0 demos", || nested(0)),
    ("Predict, nested types, 4 demos", || nested(4)),
    ("Predict, nested types, 64 demos", || nested(64)),
    ("render, flat types, 64 demos", render_flat),
    ("render, nested types, 64 demos", render_nested),
    ("parse 1 KB", || parsed(1 << 10)),
    ("parse 100 KB", || parsed(100 << 10)),
    ("cache hit, memory", || cached(|lm| lm.layer(Cache::memory(1000)))),
    ("cache hit, disk", on_disk),
    ("load a state of 64 demos", state),
];

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn flat(demos: u64) -> Run {
    let (runtime, program) = (runtime(), programs::flat(demos));
    let ctx = Context::new(CannedLm::text(crate::ANSWER).lm());
    let message = "I was charged twice for the same month, please give the money back.";
    Box::new(move || {
        let input = TriageInput {
            message: black_box(message).to_owned(),
        };
        let out = runtime.block_on(program.call(&ctx, input)).unwrap();
        assert!(out.team == "billing" && out.urgency == 2);
    })
}

fn nested(demos: u64) -> Run {
    let (runtime, program) = (runtime(), programs::nested(demos));
    let ctx = Context::new(CannedLm::text(NESTED_ANSWER).lm());
    let letter = programs::letter(7);
    Box::new(move || {
        let input = ExtractInput {
            letter: black_box(&letter).clone(),
        };
        let out = runtime.block_on(program.call(&ctx, input)).unwrap();
        assert!(out.sender.number == 7 && out.others.len() == 2 && out.urgent);
    })
}

fn render_flat() -> Run {
    let program = programs::flat(64);
    let ctx = Context::new(CannedLm::text("").lm());
    Box::new(move || {
        let message = black_box("I was charged twice.").to_owned();
        black_box(program.render(&ctx, TriageInput { message }).unwrap());
    })
}

fn render_nested() -> Run {
    let program = programs::nested(64);
    let ctx = Context::new(CannedLm::text("").lm());
    Box::new(move || {
        let letter = programs::letter(black_box(7));
        black_box(program.render(&ctx, ExtractInput { letter }).unwrap());
    })
}

fn parsed(size: usize) -> Run {
    let signature = "q -> reasoning: str, tags: list[str], score: float, rows: list[dict[str, int]]";
    let spec = SignatureSpec::parse(signature).unwrap();
    let row = r#"{"a": 1, "b": 22, "c": 333}"#;
    let rows = vec![row; (size / 2 / (row.len() + 2)).max(1)].join(", ");
    let reasoning = "The text says so in its second sentence. ".repeat((size / 2 / 41).max(1));
    let text = format!(
        "[[ ## reasoning ## ]]\n{reasoning}\n\n[[ ## tags ## ]]\n[\"a\", \"b\"]\n\n[[ ## score ## ]]\n0.5\n\n[[ ## rows ## ]]\n[{rows}]\n\n[[ ## completed ## ]]\n"
    );
    Box::new(move || {
        let answer = parse::fields(black_box(&text), Layout::Chat, spec.outputs());
        assert!(answer.failures.is_empty());
    })
}

/// A request as the flat program with four demonstrations sends it, to a model whose answer is kept.
fn cached(layer: impl FnOnce(Lm) -> Lm) -> Run {
    let runtime = runtime();
    // With a payload as providers give it: keeping and reading that is most of the work.
    let payload = Payload::from(&serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_741_569_952, "model": "gpt-4o-mini",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": crate::ANSWER, "refusal": null, "annotations": [] },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920 },
    }));
    let model = CannedLm::new(move |_| {
        Ok(Response {
            raw: Some(payload.clone()),
            ..Response::text(crate::ANSWER)
        })
    });
    let lm = layer(model.lm());
    let program = programs::flat(4);
    let input = TriageInput {
        message: programs::message(1),
    };
    let request: Request = program.render(&Context::new(lm.clone()), input).unwrap();
    let call = Call::default();
    let ask = move || runtime.block_on(lm.complete(&request, &call)).unwrap().source;
    assert_eq!(ask(), Source::Model);
    Box::new(move || assert_eq!(ask(), Source::Cache))
}

fn on_disk() -> Run {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path().join("answers.db"));
    let mut run = cached(|lm| lm.layer(Cache::new(store)));
    Box::new(move || {
        // The folder lives as long as the case.
        let _kept = &folder;
        run();
    })
}

fn state() -> Run {
    let json = ProgramState::of(&programs::flat(64)).to_json().unwrap();
    let mut program = programs::flat(0);
    Box::new(move || {
        let report = ProgramState::from_json(black_box(&json))
            .unwrap()
            .apply(&mut program);
        assert!(report.fits());
    })
}

/// The case of this name.
#[must_use]
pub fn make(name: &str) -> Option<Run> {
    let (_, make) = ALL.iter().find(|(own, _)| *own == name)?;
    Some(make())
}
