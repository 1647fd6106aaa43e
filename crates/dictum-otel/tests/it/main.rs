//! The exporter against a collector in the process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod collector;
mod loss;
mod metrics;
mod secrets;
mod spans;

use std::time::Duration;

use dictum_core::lm::layers::Tracing;
use dictum_core::lm::{Lm, Payload, Response, Usage};
use dictum_core::modules::ChainOfThought;
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::{Record, Result, record};
use dictum_otel::{Delivery, Otlp};
use dictum_testkit::CannedLm;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) const QUESTION: &str = "a secret question";
pub(crate) const ANSWER: &str =
    "[[ ## reasoning ## ]]\na private thought\n\n[[ ## answer ## ]]\na private answer";

/// A model that uses 10 tokens for 3 and says which it is.
pub(crate) fn model() -> CannedLm {
    CannedLm::new(|_| {
        Ok(Response {
            model: "canned-2".into(),
            raw: Some(Payload::from(&serde_json::json!({"id": "answer-7"}))),
            usage: Usage {
                input_tokens: Some(10),
                output_tokens: Some(3),
                ..Usage::default()
            },
            ..Response::text(ANSWER)
        })
    })
}

pub(crate) fn traced(model: &CannedLm) -> Lm {
    model.lm().layer(Tracing::new())
}

/// A program of one predictor inside a module.
pub(crate) struct Qa {
    answer: ChainOfThought,
}

impl Qa {
    pub(crate) fn new() -> Self {
        Self {
            answer: ChainOfThought::parse("question -> answer").unwrap(),
        }
    }
}

impl Parameters for Qa {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("answer", |path| self.answer.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("answer", |path| self.answer.visit_mut(path, visit));
    }
}

impl Module for Qa {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        Ok(self.answer.call(ctx, input).await?.output)
    }
}

pub(crate) async fn ask(lm: &Lm) -> Result<Record> {
    let program = Qa::new();
    let ctx = Context::new(lm.clone()).for_program(&program);
    program.call(&ctx, record! { question: QUESTION }).await
}

/// An exporter that sends only when told to, or when its queue fills up.
pub(crate) fn otlp(url: &str) -> Otlp {
    Otlp::new(url)
        .service("test")
        .interval(Duration::from_secs(3_600))
}

/// Calls the model so often under this exporter, then ends it.
pub(crate) async fn calls(otlp: Otlp, lm: &Lm, times: usize) -> Delivery {
    let (layer, guard) = otlp.layer().unwrap();
    let subscriber = dictum_testkit::listen(tracing_subscriber::registry().with(layer));
    for _ in 0..times {
        ask(lm).await.ok();
    }
    drop(subscriber);
    guard.shutdown()
}
