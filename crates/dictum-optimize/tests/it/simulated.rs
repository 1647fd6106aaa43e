//! A simulated model with a known optimum, and a task for it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dictum_core::data::Example;
use dictum_core::evaluate::{Metric, metric_fn};
use dictum_core::lm::{
    Call, Capabilities, Digest, LanguageModel, Lm, LmError, LmErrorKind, Message, Request, Response, Role,
    Settings, Usage,
};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::{Record, Result, record};
use futures_util::future::BoxFuture;

use crate::facts::{self, World};

/// The share of questions it answers right without demonstrations.
pub const BASE: f64 = 0.3;

/// Answers questions of [`examples`]. It knows every answer, and gives it with a probability that follows from the
/// demonstrations in the prompt: each has a hidden quality between 0 and 1, and their mean is what counts. What it answers
/// follows from the request alone.
#[derive(Debug, Clone)]
pub struct Simulated(Arc<Inner>, Option<&'static str>);

#[derive(Debug, Default)]
struct Inner {
    noise_only: bool,
    jitter: bool,
    log: Option<Mutex<std::fs::File>>,
    calls: AtomicU64,
    in_flight: AtomicUsize,
    fail: Option<(LmErrorKind, u64)>,
    prompts: Mutex<Vec<Vec<Message>>>,
    settings: Settings,
    facts: Option<World>,
}

impl Simulated {
    pub fn new() -> Self {
        Self(Arc::default(), None)
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::into_inner(self.0).unwrap();
        change(&mut inner);
        Self(Arc::new(inner), self.1)
    }

    /// Demonstrations don't matter: it is right half of the time.
    pub fn noise_only(self) -> Self {
        self.with(|inner| inner.noise_only = true)
    }

    /// Does the task of two steps of [`crate::facts`], and proposes instructions.
    pub fn facts(self, world: World) -> Self {
        self.with(|inner| inner.facts = Some(world))
    }

    /// Answers take up to 3 ms, so that they end in another order than they began.
    pub fn jitter(self) -> Self {
        self.with(|inner| inner.jitter = true)
    }

    /// Appends a line to this file as each call begins.
    pub fn log(self, path: PathBuf) -> Self {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        self.with(|inner| inner.log = Some(Mutex::new(file)))
    }

    /// All calls after the first so many fail like this.
    pub fn failing_after(self, calls: u64, kind: LmErrorKind) -> Self {
        self.with(|inner| inner.fail = Some((kind, calls)))
    }

    /// Its default temperature, which changes nothing.
    pub fn temperature(self, temperature: f64) -> Self {
        self.with(|inner| inner.settings.temperature = Some(temperature))
    }

    /// What a training makes of it, under this name: steps are as right as with the best demonstrations, and none are needed.
    /// Its calls are counted with those of the model it was made of.
    pub fn trained(&self, name: &'static str) -> Self {
        Self(self.0.clone(), Some(name))
    }

    /// Calls begun so far.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// The messages of all calls.
    pub fn prompts(&self) -> Vec<Vec<Message>> {
        self.0.prompts.lock().unwrap().clone()
    }

    pub fn context(&self) -> Context {
        Context::new(Lm::new(self.clone())).with_lms([("again", Lm::new(self.clone()))])
    }
}

/// A number in [0, 1) that follows from a value.
pub fn unit(value: &impl serde::Serialize) -> f64 {
    (Digest::of(value).to_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The question in a user turn.
pub fn question(message: &Message) -> String {
    let text = message.to_text();
    let rest = text.split("[[ ## question ## ]]\n").nth(1).unwrap();
    rest.lines().next().unwrap().to_owned()
}

/// The mean of the hidden qualities of the demonstrations in a prompt; `None` without any.
pub fn demo_quality(messages: &[Message]) -> Option<f64> {
    let shown = shown(messages);
    let sum: f64 = shown.iter().map(|demo| unit(&("quality", demo))).sum();
    (!shown.is_empty()).then(|| sum / shown.len() as f64)
}

/// The questions of the demonstrations in a prompt.
pub fn shown(messages: &[Message]) -> Vec<String> {
    let turns = messages.iter().filter(|message| message.role == Role::User);
    let mut questions: Vec<String> = turns.map(question).collect();
    questions.pop();
    questions
}

fn answer(question: &str) -> String {
    format!("kind {}", Digest::of(question).to_u64() % 4)
}

impl Inner {
    /// The answer to a question, by the demonstrations.
    fn respond(&self, messages: &[Message], digest: Digest) -> String {
        let asked = question(messages.last().unwrap());
        let careless = messages[0].to_text().contains("carelessly");
        let right = match demo_quality(messages) {
            _ if careless => 0.0,
            _ if self.noise_only => 0.5,
            None => BASE,
            Some(quality) => BASE + 0.65 * quality,
        };
        let known = answer(&asked);
        let said = if unit(&("luck", digest)) < right {
            known
        } else {
            "kind of".to_owned()
        };
        format!("[[ ## answer ## ]]\n{said}\n\n[[ ## completed ## ]]")
    }
}

impl LanguageModel for Simulated {
    fn name(&self) -> &str {
        self.1.unwrap_or("test/simulated")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn default_settings(&self) -> Option<&Settings> {
        Some(&self.0.settings)
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let inner = &*self.0;
            let begun = inner.calls.fetch_add(1, Ordering::SeqCst);
            inner.in_flight.fetch_add(1, Ordering::SeqCst);
            let messages: Vec<Message> = request.messages().cloned().collect();
            inner.prompts.lock().unwrap().push(messages.clone());
            let digest = request.digest(self.name());
            if let Some(log) = &inner.log {
                log.lock()
                    .unwrap()
                    .write_all(format!("{digest}\n").as_bytes())
                    .unwrap();
            }
            if inner.jitter {
                tokio::time::sleep(Duration::from_micros(
                    (unit(&("jitter", digest, begun)) * 3_000.0) as u64,
                ))
                .await;
            }
            inner.in_flight.fetch_sub(1, Ordering::SeqCst);
            if let Some((kind, after)) = inner.fail
                && begun >= after
            {
                return Err(LmError::new(kind, "simulated failure"));
            }
            let said = match inner.facts {
                Some(_) if inner.noise_only => facts::noise(&messages, digest),
                Some(world) => {
                    let demos = world.demos && self.1.is_none();
                    facts::respond(World { demos, ..world }, &messages, digest)
                }
                // What is no question of the task asks for a proposal.
                None if !messages
                    .last()
                    .unwrap()
                    .to_text()
                    .contains("[[ ## question ## ]]\n") =>
                {
                    let world = World {
                        seed: 0,
                        demos: false,
                    };
                    facts::respond(world, &messages, digest)
                }
                None => inner.respond(&messages, digest),
            };
            let mut response = Response::text(said);
            response.usage = Usage {
                input_tokens: Some(100),
                output_tokens: Some(5),
                ..Usage::default()
            };
            Ok(response)
        })
    }
}

/// Questions with their answers, other ones for other names.
pub fn examples(name: &str, count: usize) -> Vec<Example> {
    let example = |number| {
        let question = format!("question {number} of {name}");
        let answer = answer(&question);
        Example::new(record! { question: question }, record! { answer: answer })
    };
    (0..count).map(example).collect()
}

pub fn program() -> Predict {
    Predict::parse("question -> answer").unwrap()
}

pub fn exact() -> impl Metric + Clone {
    metric_fn("exact", |example, prediction| {
        example.labels().get("answer") == prediction.get("answer")
    })
}

/// A fresh folder below cargo's for this test.
pub fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// One to three guesses, by the question, then the answer, sometimes twice: rollouts of 2 to 5 calls. The guesses have no labels.
#[derive(Debug)]
pub struct Steps {
    guess: Predict,
    answer: Predict,
}

impl Steps {
    pub fn new() -> Self {
        Self {
            guess: program(),
            answer: program(),
        }
    }
}

impl Parameters for Steps {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("guess", |path| self.guess.visit(path, visit));
        path.field("answer", |path| self.answer.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("guess", |path| self.guess.visit_mut(path, visit));
        path.field("answer", |path| self.answer.visit_mut(path, visit));
    }
}

impl Module for Steps {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let question = input.text("question").unwrap().to_owned();
        for turn in 0..=Digest::of(&question).to_u64() % 3 {
            let question = format!("{question} turn {turn}");
            self.guess.call(ctx, record! { question: question }).await?;
        }
        // The same call twice in one rollout, now and then.
        if unit(&question) < 0.2 {
            self.answer.call(ctx, input.clone()).await?;
        }
        self.answer.call(ctx, input).await
    }
}
