//! Fine-tuning against a service whose tuned models know their training file and nothing else.

mod crash;
mod data;
mod per_predictor;
mod sequence;
mod service;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dictum_core::data::Example;
use dictum_core::evaluate::{Metric, metric_fn};
use dictum_core::finetune::{FineTuning, Polling};
use dictum_core::lm::layers::Retry;
use dictum_core::lm::{Budget, Usage};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::state::ProgramState;
use dictum_core::{Record, Result, record};
use dictum_optimize::{BootstrapFinetune, Outcome};
use dictum_providers::finetune::{self, OpenAiTuning};
use dictum_testkit::FakeTuner;
use serde_json::Value;

use crate::simulated::{folder, program, unit};

pub const MODEL: &str = "gpt-4.1-nano-2025-04-14";
const COLOURS: [&str; 4] = ["red", "green", "blue", "black"];

/// Questions whose answers follow from a colour. A model that has seen one of each colour answered can answer all.
pub fn examples(name: &str, count: usize, colours: &[&str]) -> Vec<Example> {
    let example = |number: usize| {
        let colour = colours[number % colours.len()];
        let question = format!("who takes {colour} thing {number} with {colour}ish marks of {name}");
        let team = format!("team {}", COLOURS.iter().position(|own| *own == colour).unwrap());
        Example::new(record! { question: question }, record! { answer: team })
    };
    (0..count).map(example).collect()
}

pub fn exact() -> impl Metric + Clone {
    metric_fn("exact", |example, prediction| {
        example.labels().get("answer") == prediction.get("answer")
    })
}

fn content(messages: &[Value]) -> &str {
    messages.last().unwrap()["content"].as_str().unwrap()
}

/// What an untrained model says: it knows colours, and the team of every second question.
fn untrained(messages: &[Value]) -> String {
    let asked = content(messages);
    let (_, rest) = asked.split_once("[[ ## question ## ]]\n").unwrap();
    let question = rest.lines().next().unwrap();
    let colour = COLOURS
        .iter()
        .position(|colour| question.contains(colour))
        .unwrap();
    let (field, said) = if asked.contains("`[[ ## topic ## ]]`") {
        ("topic", COLOURS[colour].to_owned())
    } else if unit(&("untrained", question)) < 0.5 {
        ("answer", format!("team {colour}"))
    } else {
        ("answer", "no team".to_owned())
    };
    format!("[[ ## {field} ## ]]\n{said}\n\n[[ ## completed ## ]]")
}

pub fn server() -> FakeTuner {
    FakeTuner::new(untrained)
}

pub fn service_at(url: &str) -> OpenAiTuning {
    finetune::openai()
        .base_url(url)
        .api_key("sk-tune-0123456789")
        .build()
        .unwrap()
}

pub fn service(server: &FakeTuner) -> OpenAiTuning {
    service_at(&server.url())
}

pub fn context(tuning: &OpenAiTuning) -> Context {
    Context::new(tuning.lm("gpt-4.1-nano").unwrap())
}

pub fn quick() -> Polling {
    Polling {
        first: Duration::from_millis(2),
        most: Duration::from_millis(5),
        ..Polling::default()
    }
}

pub fn tuner(server: &FakeTuner) -> BootstrapFinetune {
    BootstrapFinetune::new()
        .train(service(server), MODEL)
        .polling(quick())
        .suffix("teams")
        .seed(3)
}

/// A topic, then an answer that is told the topic.
pub struct TwoSteps {
    topic: Predict,
    answer: Predict,
}

impl TwoSteps {
    pub fn new() -> Self {
        Self {
            topic: Predict::parse("question -> topic").unwrap(),
            answer: Predict::parse("question, topic -> answer").unwrap(),
        }
    }
}

impl Parameters for TwoSteps {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("topic", |path| self.topic.visit(path, visit));
        path.field("answer", |path| self.answer.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("topic", |path| self.topic.visit_mut(path, visit));
        path.field("answer", |path| self.answer.visit_mut(path, visit));
    }
}

impl Module for TwoSteps {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let topic = self.topic.call(ctx, input.clone()).await?;
        let topic = topic.text("topic").unwrap().to_owned();
        let question = input.text("question").unwrap().to_owned();
        self.answer
            .call(ctx, record! { question: question, topic: topic })
            .await
    }
}

/// A question that only a tuned model can answer, with `team 3`.
pub fn asked() -> Record {
    record! { question: "who takes black thing 99 with blackish marks of new" }
}

/// A program with the state that was saved in this run's folder.
pub fn loaded<P: Parameters>(mut program: P, dir: &Path) -> P {
    let state = ProgramState::load(dir.join("run/program.json")).unwrap();
    state.apply_strict(&mut program).unwrap();
    program
}

/// It answers where the tuned models are, and says which it wants where they are not.
pub async fn wants<P: Module<Input = Record, Output = Record>>(
    program: &P,
    there: &Context,
    elsewhere: &Context,
    lm: &str,
) {
    let out = program.call(there, asked()).await.unwrap();
    assert_eq!(out.text("answer").unwrap(), "team 3");
    let error = program.call(elsewhere, asked()).await.unwrap_err().to_string();
    assert!(error.contains(&format!("wants the model `{lm}`")), "{error}");
}

#[tokio::test]
async fn a_model_trained_on_what_passed_is_better_and_is_kept() {
    let server = server();
    let tuning = service(&server);
    let ctx = context(&tuning);
    let dir = folder("finetune-better");
    let (train, test) = (examples("train", 60, &COLOURS), examples("test", 60, &COLOURS));
    let tuned = tuner(&server)
        .run_dir(dir.join("run"))
        .confirm_on(&test)
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    let report = &tuned.compiled.report;
    assert_eq!(tuned.compiled.outcome, Outcome::Improved, "{report}");
    assert!(tuned.kept());
    let pair = report.test.as_ref().unwrap();
    let (before, after) = (pair.baseline.mean().unwrap(), pair.best.mean().unwrap());
    assert!((0.3..0.7).contains(&before), "{before}");
    assert!((after - 1.0).abs() < 1e-9, "{after}");

    // What was uploaded is the file, and holds what passed: none of the wrong answers.
    let files = server.files();
    assert_eq!(files.len(), 1);
    let (name, content) = &files[0];
    assert!(
        name.starts_with("dictum-") && name.ends_with("-train.jsonl"),
        "{name}"
    );
    assert_eq!(
        content,
        &std::fs::read_to_string(dir.join("run/train.jsonl")).unwrap()
    );
    assert_eq!(content.lines().count(), tuned.data.passed);
    assert!(
        (20..40).contains(&tuned.data.passed) && !content.contains("no team"),
        "{content}"
    );

    let order = &server.jobs()[0];
    assert_eq!(order["model"], MODEL);
    assert_eq!((&order["seed"], &order["suffix"]), (&3.into(), &"teams".into()));
    let model = &tuned.models[0];
    assert_eq!(model.model, format!("ft:{MODEL}:test:teams:1"));
    assert_eq!(
        (model.job.as_str(), model.trained_tokens),
        ("ftjob-1", Some(5_768))
    );

    // The state names the model, and holds no address and no key.
    let name = format!("openai/{}", model.model);
    assert_eq!(tuned.lms().map(|(name, _)| name).collect::<Vec<_>>(), [&name]);
    for file in [
        "program.json",
        "tuning.json",
        "run.json",
        "journal.jsonl",
        "report.json",
    ] {
        let text = std::fs::read_to_string(dir.join("run").join(file)).unwrap();
        assert!(
            !text.contains("sk-tune") && !text.contains("127.0.0.1"),
            "{file}: {text}"
        );
    }
    // Loaded elsewhere, it is called with the tuned model where the context has that, and says what it wants where not.
    let there = context(&tuning).with_lms([(name.clone(), tuning.lm(&model.model).unwrap())]);
    let loaded = loaded(program(), &dir);
    for there in [&tuned.context(&ctx), &there] {
        wants(&loaded, there, &ctx, &name).await;
    }
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("tokens trained: 5768")),
        "{:?}",
        report.notes
    );
}

#[tokio::test]
async fn a_model_that_learned_too_little_is_not_kept() {
    let server = server();
    let tuning = service(&server);
    let ctx = context(&tuning);
    // Of one colour only: it sends everything to one team.
    let (train, test) = (examples("train", 60, &["red"]), examples("test", 80, &COLOURS));
    let tuned = tuner(&server)
        .confirm_on(&test)
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    let report = &tuned.compiled.report;
    assert_eq!(tuned.compiled.outcome, Outcome::Worse, "{report}");
    assert!(
        report.summary.contains("The program stays as it was"),
        "{}",
        report.summary
    );
    assert!(!tuned.kept() && tuned.lms().count() == 1);
    // The program is bound to no model, and is called as ever where the tuned one is in the roster.
    let mut same = program();
    tuned.compiled.apply(&mut same).unwrap();
    let asked = record! { question: "who takes green thing 0 with greenish marks of test" };
    let calls = server.count("POST", "/chat/completions");
    let outs = [
        same.call(&ctx, asked.clone()).await.unwrap(),
        same.call(&tuned.context(&ctx), asked).await.unwrap(),
    ];
    assert_eq!(outs[0], outs[1]);
    assert!(server.seen()[server.seen().len() - 2..].iter().all(|seen| {
        let asked: Value = serde_json::from_slice(&seen.bytes).unwrap();
        asked["model"] == "gpt-4.1-nano"
    }));
    assert_eq!(server.count("POST", "/chat/completions"), calls + 2);
    let mean = report.test.as_ref().unwrap().best.mean().unwrap();
    assert!(
        (mean - 0.25).abs() < 1e-9,
        "what it learned is what it knows: {mean}"
    );
}

#[tokio::test]
async fn a_program_of_two_steps_learns_both_from_a_large_model_within_its_budget() {
    let server = server();
    let tuning = service(&server);
    let ctx = context(&tuning);
    // A teacher that is always right, at another service.
    let large = FakeTuner::new(|messages| untrained(messages).replace("no team", "team 2"));
    let teacher = context(&service(&large));
    let (train, val) = (
        examples("train", 40, &["red", "blue"]),
        examples("val", 20, &["red", "blue"]),
    );
    let budget = 40 * 2 + 20 * 2 * 2;
    let tuned = tuner(&server)
        .teacher_context(&teacher)
        .budget(Budget::calls(budget))
        .calls_per_rollout(2)
        .compile(&ctx, &TwoSteps::new(), &train, &val, exact())
        .await
        .unwrap();
    let report = &tuned.compiled.report;
    assert_eq!(tuned.compiled.outcome, Outcome::Improved, "{report}");
    let file = &tuned.data.files[0];
    assert_eq!(file.predictors, ["topic", "answer"]);
    assert_eq!(file.training.examples, 2 * tuned.data.passed);
    let asked = |server: &FakeTuner| server.count("POST", "/chat/completions") as u64;
    assert_eq!(asked(&server) + asked(&large), budget);
    assert_eq!(report.spent.calls, budget);
    assert_eq!(asked(&large), 80);
    assert_eq!(report.test, None);
    assert!(report.validation.as_ref().unwrap().best.mean().unwrap() > 0.9);
}

#[tokio::test]
async fn a_dry_run_tells_the_calls_and_makes_none() {
    let server = server();
    let ctx = context(&service(&server));
    let (train, val) = (examples("train", 40, &COLOURS), examples("val", 10, &COLOURS));
    let forecast = tuner(&server)
        .confirm_on(&examples("test", 15, &COLOURS))
        .dry_run(&ctx, &TwoSteps::new(), &train, &val)
        .await
        .unwrap();
    assert_eq!(forecast.calls, 2 * (40 + 10 + 10 + 15 + 15));
    // What the tuned model would use is told apart: its price is another.
    let tuned = &forecast.by_model["the tuned model"];
    let tokens = |usage: &Usage| usage.total_tokens().unwrap();
    let all: u64 = forecast.by_model.values().map(tokens).sum();
    assert_eq!(all, tokens(&forecast.usage));
    assert!(
        (0.2..0.35).contains(&(tokens(tuned) as f64 / all as f64)),
        "{forecast:?}"
    );
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn any_model_can_be_called_in_any_way() {
    let server = server();
    let ctx = context(&service(&server));
    let url = server.url();
    let made = Arc::new(AtomicUsize::new(0));
    let asked = made.clone();
    let tuned = tuner(&server)
        .call_with(move |model| {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(service_at(&url).lm(model)?.layer(Retry::new(2)))
        })
        .compile(&ctx, &program(), &examples("train", 40, &COLOURS), &[], exact())
        .await
        .unwrap();
    // Nothing to measure on: it is kept, and called unmeasured.
    assert_eq!(tuned.compiled.outcome, Outcome::Unmeasured);
    assert!(tuned.kept());
    assert_eq!(
        made.load(Ordering::SeqCst),
        2,
        "the model to be trained, and the one made of it"
    );
    let named = tuned.compiled.overlay.iter().map(|(_, state)| state.lm.clone());
    let name = format!("openai/ft:{MODEL}:test:teams:1");
    assert_eq!(named.collect::<Vec<_>>(), [Some(name)]);
}
