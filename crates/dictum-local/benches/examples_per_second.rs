//! What the engine gains over driving the same library naively, on a classification task with four demonstrations.
//!
//! Naive means: one call at a time, decoded freely, nothing kept between calls. Both ways run in turn on the same examples, so
//! that a machine that is busy with something else slows both. Arguments after `--`: number of examples (default 24), threads
//! (default all cores).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dictum_core::lm::{Call, Capabilities, LanguageModel, Lm, LmError, Message, Prefix, Request, Response};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Demo, PredictorState};
use dictum_core::{Record, record};
use dictum_local::models::{Models, find};
use dictum_local::{LocalBuilder, LocalLm};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

const SIGNATURE: &str = "question -> kind: Literal['person', 'place', 'number', 'thing', 'explanation']";
const DEMOS: [(&str, &str); 4] = [
    ("Who painted the ceiling of the Sistine Chapel?", "person"),
    ("In which town does the Rhine reach the sea?", "place"),
    ("How many strings does a cello have?", "number"),
    ("Why do leaves turn red in autumn?", "explanation"),
];
const QUESTIONS: [&str; 24] = [
    "Who wrote the first computer program?",
    "Which country has the longest coastline?",
    "How deep is the deepest lake on Earth?",
    "What do bees make besides honey?",
    "Why is the sky dark at night?",
    "Who was the first woman in space?",
    "Where were the first modern Olympic Games held?",
    "How many bones has an adult human?",
    "What instrument measures air pressure?",
    "How does a refrigerator keep food cold?",
    "Which composer went deaf late in life?",
    "What is the capital of Mongolia?",
    "In what year did the Berlin Wall fall?",
    "What is the hardest natural mineral?",
    "Why do cats purr?",
    "Who invented the telephone?",
    "Where do emperor penguins breed?",
    "How many minutes are there in a week?",
    "What gas do plants take from the air?",
    "How do vaccines work?",
    "Which explorer first sailed around the Cape of Good Hope?",
    "On which river does Cairo lie?",
    "What is the boiling point of water on Mount Everest?",
    "What tool do carpenters use to smooth wood?",
];

/// The same library without what it is good at: no layout, nothing shared between calls.
#[derive(Debug)]
struct Naive {
    inner: LocalLm,
    calls: AtomicUsize,
}

impl LanguageModel for Naive {
    fn name(&self) -> &str {
        "naive"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let mut request = request.clone();
            // Prompts that begin differently have nothing to share; a few tokens more don't matter beside the rest.
            let mut messages: Vec<Message> = request.messages().cloned().collect();
            let unlike = format!("({}) ", self.calls.fetch_add(1, Ordering::Relaxed));
            if let Some(first) = messages.first_mut() {
                *first = Message::text(first.role, unlike + &first.to_text());
            }
            request.prefix = Arc::new(Prefix::default());
            request.turns = messages;
            request.output = None;
            request.response_format = None;
            self.inner.complete(&request, call).await
        })
    }
}

/// Answers all questions, `concurrency` at a time; returns how long it took and how many answers could be read.
async fn run(program: &Predict, ctx: &Context, questions: &[&str], concurrency: usize) -> (Duration, usize) {
    let start = Instant::now();
    let read = futures_util::stream::iter(questions)
        .map(|question| async move {
            let input: Record = record! { question: *question };
            program.call(ctx, input).await.is_ok()
        })
        .buffer_unordered(concurrency)
        .filter(|read| std::future::ready(*read))
        .count()
        .await;
    (start.elapsed(), read)
}

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let spec = find(None).unwrap();
    let models = Models::from_env().expect("a folder for models");
    if !models.path(spec).is_file() {
        println!(
            "SKIPPED: no model in {}; fetch it with `dictum models fetch {}`",
            models.dir().display(),
            spec.name
        );
        return;
    }
    let mut builder = LocalBuilder::default().models_dir(models.dir());
    if let Some(threads) = numbers.get(1) {
        builder = builder.threads(*threads);
    }
    let local = builder.build_local().expect("the model loads");
    let questions: Vec<&str> = QUESTIONS
        .into_iter()
        .cycle()
        .take(numbers.first().copied().unwrap_or(24))
        .collect();

    let mut program = Predict::parse(SIGNATURE).unwrap();
    let demos = DEMOS
        .map(|(question, kind)| Demo::labeled(record! { question: question, kind: kind }))
        .to_vec();
    program.predictor_mut().set_state(PredictorState {
        demos,
        ..PredictorState::default()
    });

    let quick = Context::new(Lm::new(local.clone()));
    let naive = Context::new(Lm::new(Naive {
        inner: local,
        calls: AtomicUsize::new(0),
    }))
    .with_repair(dictum_core::program::Repair::Off);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut totals = [(Duration::ZERO, 0), (Duration::ZERO, 0)];
    // In turns of six, so that both see the same machine.
    for part in questions.chunks(6) {
        let ways = [(&naive, 1), (&quick, 8)];
        for ((ctx, concurrency), total) in ways.into_iter().zip(&mut totals) {
            let (time, read) = runtime.block_on(run(&program, ctx, part, concurrency));
            total.0 += time;
            total.1 += read;
        }
    }
    let count = questions.len();
    let [naive, quick] = totals.map(|(time, read)| {
        let rate = count as f64 / time.as_secs_f64();
        (
            rate,
            format!("{rate:.2} examples/s, {read} of {count} answers readable"),
        )
    });
    println!("naive:  {}", naive.1);
    println!("dictum: {}", quick.1);
    println!("ratio:  {:.1} (bar: 4)", quick.0 / naive.0);
}
