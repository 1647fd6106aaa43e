//! Texts to vectors, in this process.
//!
//! Each worker thread computes one text at a time, alone. llama.cpp can also compute many short texts in one batch, with all
//! threads on it: that rounds a text's numbers by what stands beside it, and its threads wait for each other at every step. So a
//! text's vector is the same to the last bit whatever it is asked for with, and nothing spins. It costs nothing: on two cores 242
//! texts of 13 words a second, against 189 in batches of one and of 32, and 146 in batches of 8; 30 texts of 150 words, against
//! 24, 11 and 21 (`cargo bench -p dictum-local --bench texts_per_second`).
//!
//! Why llama.cpp: it is here already, has the model's tokenizer, and is quicker than candle was on the same model and machine (151
//! sentences a second), which would be six minutes of building more. What it takes is the conversion in `models/bert.rs`. A table
//! of word vectors without a network (WordLlama) was about 200 times as quick, but told paraphrases (cosine 0.55) from what is
//! unrelated (0.07) less well than this model does (0.68 and 0.05).

mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use dictum_core::embed::{Embedder, Embeddings};
use dictum_core::lm::{Call, LmError, LmErrorKind, Usage};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc::unbounded_channel;

use crate::engine::{backend, load};
use crate::error::EngineError;
use crate::lm::{place, to_lm};
use crate::models::{FetchError, ModelSpec, Progress, Purpose, find_embedder};
use worker::{Job, Shared};

/// Tokens of the longest text of a model of the user's own, unless it was trained for less or more are asked for.
const DEFAULT_LIMIT: u32 = 512;

/// An embedding model in this process, to be configured and built: the counterpart of `Lm::local()`.
///
/// ```no_run
/// use dictum_core::embed::{Cached, Embedder as _, standard};
/// use dictum_core::lm::Call;
///
/// # async fn example() -> Result<(), dictum_core::lm::LmError> {
/// let embedder = dictum_local::embedder().build()?; // where `dictum models fetch all-minilm-l6-v2` has put it
/// let embedder = Cached::new(standard(embedder), 10_000);
/// let texts = ["It rains.".to_owned(), "The weather is wet.".to_owned()];
/// let vectors = embedder.embed(&texts, &Call::default()).await?.vectors;
/// # Ok(())
/// # }
/// ```
pub fn embedder() -> EmbedderBuilder {
    EmbedderBuilder::default()
}

/// A model in this process that turns texts into vectors; a cheap handle, the model is freed with the last one.
///
/// - Vectors have length 1: the sum of products of two is the cosine of their angle.
/// - A text has the same vector, to the last bit, alone or among others, now and later, on the same machine and build.
/// - A text that is longer than [`LocalEmbedder::max_tokens`] is refused with [`LmErrorKind::ContextWindow`], and with it all
///   that were asked for, unless [`EmbedderBuilder::truncate`] was set. An empty text has a vector too.
/// - The usage counts the tokens that were read, with the model's own marks of beginning and end.
/// - Dropping the future, or the call's deadline, ends the work after the text at hand.
/// - Texts are computed in the order they come, one on each thread.
#[derive(Clone)]
pub struct LocalEmbedder(Arc<Inner>);

struct Inner {
    name: String,
    dimension: usize,
    limit: usize,
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl LocalEmbedder {
    /// How many numbers a vector has.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.dimension
    }

    /// Tokens of the longest text, with the marks of beginning and end.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.0.limit
    }

    async fn all(&self, texts: &[String], call: &Call) -> Result<Embeddings, EngineError> {
        let jobs = self.0.jobs.as_ref().ok_or(EngineError::Stopped)?;
        let (done, mut results) = unbounded_channel();
        for (at, text) in texts.iter().enumerate() {
            let job = Job {
                at,
                text: text.clone(),
                deadline: call.deadline,
                done: done.clone(),
            };
            jobs.send(job).map_err(|_| EngineError::Stopped)?;
        }
        drop(done);
        let (mut vectors, mut tokens, mut come) = (vec![Vec::new(); texts.len()], 0_u64, 0);
        while let Some((at, result)) = results.recv().await {
            let vector = result?;
            tokens += vector.tokens as u64;
            if let Some(place) = vectors.get_mut(at) {
                *place = vector.numbers;
                come += 1;
            }
        }
        if come < texts.len() {
            return Err(EngineError::Stopped);
        }
        let usage = Usage {
            input_tokens: Some(tokens),
            output_tokens: Some(0),
            ..Usage::default()
        };
        Ok(Embeddings { vectors, usage })
    }
}

impl Embedder for LocalEmbedder {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            if texts.is_empty() {
                return Ok(Embeddings::default());
            }
            let done = self.all(texts, call).await;
            done.map_err(|error| to_lm(error).with_model(self.name()))
        })
    }
}

impl fmt::Debug for LocalEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEmbedder")
            .field("name", &self.0.name)
            .field("dimension", &self.0.dimension)
            .field("max_tokens", &self.0.limit)
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The threads end when the queue is closed, each after the text at hand: texts that nobody waits for are skipped.
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the local embedder had panicked");
            }
        }
    }
}

/// Sets up a local embedding model. Nothing is read or loaded before [`EmbedderBuilder::build`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing happens before `build`"]
pub struct EmbedderBuilder {
    model: Option<String>,
    file: Option<PathBuf>,
    models: Option<PathBuf>,
    threads: Option<usize>,
    max_tokens: Option<u32>,
    truncate: bool,
}

impl EmbedderBuilder {
    /// The model, by its name in the table of models ([`crate::models::TABLE`]). Default: `all-minilm-l6-v2`.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// A GGUF file of the user's own instead of one from the table. It must be made for embeddings and say how the vectors of its
    /// tokens become one.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// The folder where models lie. Default: what [`crate::models::Models::from_env`] says.
    pub fn models_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.models = Some(path.into());
        self
    }

    /// Texts computed at once, each on a thread of its own. Default: as many as there are cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Tokens of the longest text, at most as many as the model has places for. Default: what the model is published for (256
    /// for `all-minilm-l6-v2`), and 512 for a file of one's own.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Cuts texts that are too long to their first tokens instead of refusing them.
    pub fn truncate(mut self) -> Self {
        self.truncate = true;
        self
    }

    /// Downloads the model if it is not there yet; as [`crate::LocalBuilder::fetch`].
    ///
    /// # Errors
    /// See [`crate::models::Models::fetch`]. A model file of the user's own is never fetched.
    pub fn fetch(self, progress: &mut dyn Progress) -> Result<Self, FetchError> {
        if self.file.is_none() {
            let models = place(self.models.as_deref())?;
            models.fetch(self.spec()?, progress)?;
        }
        Ok(self)
    }

    /// Loads the model and starts its threads. Blocks while it loads. Never downloads: when the model is not there, the error says
    /// how to fetch it.
    ///
    /// # Errors
    /// [`LmErrorKind::Unavailable`] when the model's file is missing, [`LmErrorKind::Internal`] when it can't be loaded or makes no
    /// vectors, [`LmErrorKind::InvalidRequest`] for a setting out of range or an unknown model.
    pub fn build(self) -> Result<LocalEmbedder, LmError> {
        let invalid = |error: FetchError| {
            LmError::new(LmErrorKind::InvalidRequest, error.to_string()).with_source(error)
        };
        let (name, path, published) = match &self.file {
            Some(file) => {
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                (name.into_owned(), file.clone(), DEFAULT_LIMIT)
            }
            None => {
                let spec = self.spec().map_err(invalid)?;
                let models = place(self.models.as_deref()).map_err(invalid)?;
                let limit = match spec.purpose {
                    Purpose::Embeddings { max_tokens } => max_tokens,
                    Purpose::Chat => DEFAULT_LIMIT,
                };
                (spec.name.to_owned(), models.whole(spec).map_err(to_lm)?, limit)
            }
        };
        self.start(&name, path, published).map_err(to_lm)
    }

    fn spec(&self) -> Result<&'static ModelSpec, FetchError> {
        find_embedder(self.model.as_deref())
    }

    fn start(&self, name: &str, path: PathBuf, published: u32) -> Result<LocalEmbedder, EngineError> {
        if self.max_tokens.is_some_and(|tokens| tokens < 4) {
            return Err(EngineError::Setting {
                name: "max_tokens",
                cause: "fewer than 4 hold no text".to_owned(),
            });
        }
        let model = Arc::new(load(backend()?, &path)?);
        let limit = self.max_tokens.unwrap_or(published).min(model.n_ctx_train());
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = self.threads.unwrap_or_else(cores).max(1);

        let (jobs, queue) = mpsc::channel();
        let shared = Shared {
            model,
            limit: limit as usize,
            truncate: self.truncate,
            jobs: Arc::new(Mutex::new(queue)),
        };
        let (ready, started) = mpsc::channel();
        let mut inner = Inner {
            name: format!("local/{name}"),
            dimension: 0,
            limit: limit as usize,
            jobs: Some(jobs),
            threads: Vec::new(),
        };
        for _ in 0..count {
            let (shared, ready, file) = (shared.clone(), ready.clone(), path.clone());
            let thread = std::thread::Builder::new()
                .name("dictum-embed".to_owned())
                .spawn(move || {
                    shared.run(&file, |started| {
                        let _ = ready.send(started);
                    });
                })
                .map_err(|error| EngineError::Load {
                    path: path.clone(),
                    cause: error.to_string(),
                });
            inner.threads.push(thread?);
        }
        drop(ready);
        for _ in 0..count {
            inner.dimension = started.recv().map_err(|_| EngineError::Stopped)??;
        }
        Ok(LocalEmbedder(Arc::new(inner)))
    }
}
