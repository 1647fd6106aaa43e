//! A thread that turns one text after the other into its vector.

use std::num::NonZeroU32;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use tokio::sync::mpsc::UnboundedSender;

use crate::engine::{backend, load_error};
use crate::error::EngineError;

/// A text that waits for its vector.
pub(super) struct Job {
    /// Its place among the texts that were asked for together.
    pub(super) at: usize,
    pub(super) text: String,
    pub(super) deadline: Option<Instant>,
    /// Closed when nobody waits any more.
    pub(super) done: UnboundedSender<(usize, Result<Vector, EngineError>)>,
}

/// A text's vector, of length 1.
pub(super) struct Vector {
    pub(super) numbers: Vec<f32>,
    pub(super) tokens: usize,
}

/// What all workers of an embedder share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) model: Arc<LlamaModel>,
    pub(super) limit: usize,
    pub(super) truncate: bool,
    pub(super) jobs: Arc<Mutex<Receiver<Job>>>,
}

impl Shared {
    /// Works until the queue is closed. `ready` hears first whether it can work, and how long its vectors are.
    pub(super) fn run(&self, path: &std::path::Path, ready: impl FnOnce(Result<usize, EngineError>)) {
        let context = backend().and_then(|backend| {
            self.model
                .new_context(backend, self.params())
                .map_err(|error| load_error(path, error))
        });
        let mut context = match context {
            Ok(context) => context,
            Err(error) => return ready(Err(error)),
        };
        // Whether a model has vectors to give shows when it is asked for one.
        match self.vector(&mut context, "a") {
            Ok(vector) => ready(Ok(vector.numbers.len())),
            Err(error) => return ready(Err(load_error(path, error))),
        }
        loop {
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else {
                return;
            };
            if job.done.is_closed() {
                continue;
            }
            let late = job.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let result = if late {
                Err(EngineError::Deadline)
            } else {
                self.vector(&mut context, &job.text)
            };
            let _ = job.done.send((job.at, result));
        }
    }

    /// One thread and one text: see the module's notes on why.
    fn params(&self) -> LlamaContextParams {
        let tokens = u32::try_from(self.limit).unwrap_or(u32::MAX);
        LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(tokens))
            // A text is read as a whole, in both directions.
            .with_n_batch(tokens)
            .with_n_ubatch(tokens)
            .with_n_threads(1)
            .with_n_threads_batch(1)
            .with_embeddings(true)
    }

    fn vector(&self, context: &mut LlamaContext<'_>, text: &str) -> Result<Vector, EngineError> {
        let tokens = self.tokens(text)?;
        if tokens.is_empty() {
            return Err(EngineError::Setting {
                name: "text",
                cause: "it is empty, and this model has no mark for that".to_owned(),
            });
        }
        let mut batch = LlamaBatch::new(tokens.len(), 1);
        batch.add_sequence(&tokens, 0, true).map_err(compute)?;
        // Models made of a decoder remember what they read.
        context.clear_kv_cache();
        context.decode(&mut batch).map_err(compute)?;
        let numbers = context.embeddings_seq_ith(0).map_err(|_| EngineError::Compute {
            cause: "this model makes no vector of a text; use one that is made for embeddings".to_owned(),
        })?;
        Ok(Vector {
            numbers: of_length_one(numbers),
            tokens: tokens.len(),
        })
    }

    fn tokens(&self, text: &str) -> Result<Vec<LlamaToken>, EngineError> {
        let vocab = self.model.vocab();
        // What looks like a control token in a text is text.
        let mut tokens = vocab.tokenize(text.as_bytes(), true, false);
        if tokens.len() <= self.limit {
            return Ok(tokens);
        }
        if !self.truncate {
            return Err(EngineError::TextTooLong {
                tokens: tokens.len(),
                limit: self.limit,
            });
        }
        // The mark of the end stays at the end.
        let end = tokens
            .last()
            .copied()
            .filter(|last| [vocab.sep(), vocab.eos()].contains(last));
        tokens.truncate(self.limit);
        if let (Some(end), Some(last)) = (end, tokens.last_mut()) {
            *last = end;
        }
        Ok(tokens)
    }
}

/// So that the product of two vectors is the cosine of their angle, as with the services' vectors.
fn of_length_one(numbers: &[f32]) -> Vec<f32> {
    let square: f64 = numbers.iter().map(|number| f64::from(*number).powi(2)).sum();
    let length = square.sqrt();
    if length == 0.0 {
        return numbers.to_vec();
    }
    numbers
        .iter()
        .map(|number| (f64::from(*number) / length) as f32)
        .collect()
}

fn compute(error: impl std::fmt::Display) -> EngineError {
    EngineError::Compute {
        cause: error.to_string(),
    }
}
