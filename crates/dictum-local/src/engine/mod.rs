//! The engine: one thread that owns a llama.cpp context and answers many requests at once.

mod chat;
mod chunk;
mod prefix;
mod request;
mod sampler;
mod slot;
mod text;
mod tokens;
mod worker;

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use dictum_core::lm::{Digest, OutputShape};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::EngineError;
use crate::grammar::{self, Closing, Layout};
use chat::Chat;
use request::Event;
use slot::{Job, Ticket};
use worker::Worker;

pub use chat::{ChatMessage, Prompt};
pub use request::{Finish, Sampling, TokenCounts};

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The GGUF file.
    pub model: PathBuf,
    /// Threads that compute. Default: as many as there are cores.
    ///
    /// llama.cpp's OpenMP threads spin while they wait. On a machine whose cores are busy with other work that makes the engine
    /// many times slower: then use fewer threads, or set `GOMP_SPINCOUNT=0` before the process starts.
    pub threads: usize,
    /// Tokens that the prompt and the answer of one request may have together, at most as many as the model was trained for.
    /// Default 4096.
    ///
    /// Memory for `parallel` times as many is set aside at the start: for the default model 48 MB for each 4096.
    pub context: u32,
    /// Requests computed at once. Default 8. More than one means groups of eight, with memory for as many, so that a request gets
    /// the same answer alone and beside others; a lone request is then several times slower than in an engine for 1, which in turn
    /// may draw other answers.
    pub parallel: u32,
    /// Memory for prompt beginnings kept between calls, in bytes. Default 256 MB, some 20,000 tokens of the default model.
    pub prefix_bytes: usize,
}

impl EngineConfig {
    /// The defaults, for the model in `model`.
    #[must_use]
    pub fn new(model: impl Into<PathBuf>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            model: model.into(),
            threads,
            context: 4096,
            parallel: 8,
            prefix_bytes: 256 << 20,
        }
    }

    /// Answers are computed in groups of sequences, so there are whole groups of them; alone where there is never another.
    fn sequences(&self) -> u32 {
        match self.parallel {
            0 | 1 => 1,
            more => more.next_multiple_of(chunk::ROWS as u32),
        }
    }
}

/// One request to the engine.
#[derive(Debug, Clone)]
pub struct Generate {
    /// The tokenized prompt, from [`Engine::prompt`].
    pub prompt: Prompt,
    /// Most tokens of the answer; `None` means as many as fit, at most 512.
    pub max_tokens: Option<usize>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// The answer ends before the first of these; empty ones are ignored.
    pub stops: Vec<String>,
    /// The layout that the answer is held to; `None` decodes freely.
    pub shape: Option<Arc<OutputShape>>,
    /// When to give up.
    pub deadline: Option<Instant>,
}

impl Generate {
    /// A greedy, free request.
    #[must_use]
    pub fn new(prompt: Prompt) -> Self {
        Self {
            prompt,
            max_tokens: None,
            sampling: Sampling::default(),
            stops: Vec::new(),
            shape: None,
            deadline: None,
        }
    }
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text, without the stop string that ended it.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens spent.
    pub tokens: TokenCounts,
}

/// A running language model; a cheap handle, the model is freed with the last one.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// A compiled layout, under its digest.
type KeptLayout = (Digest, Option<Matcher>, Option<Closing>);

struct Inner {
    model: Arc<LlamaModel>,
    chat: Chat,
    grammars: ParserFactory,
    layouts: Mutex<VecDeque<KeptLayout>>,
    context: usize,
    unanswered: Arc<AtomicUsize>,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// llama.cpp can't hold more sequences (`LLAMA_MAX_SEQ`).
const MOST_PARALLEL: u32 = 256;
/// Tokens computed in one go: enough to keep the cores busy, few enough that running answers don't wait long.
const BATCH: u32 = 256;
/// `LLAMA_FLASH_ATTN_TYPE_DISABLED`.
const FLASH_ATTENTION_OFF: i32 = 0;
/// Layouts kept compiled: more than the predictors of any program.
const KEPT_LAYOUTS: usize = 32;
/// What an answer without a limit of its own may have at most.
const DEFAULT_MAX_TOKENS: usize = 512;

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("context", &self.0.context)
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The thread ends when the queue is closed; requests nobody waits for are dropped first, so this takes one step at most.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread had panicked");
        }
    }
}

impl Engine {
    /// Loads the model and starts the engine's thread. Takes as long as reading the file does.
    ///
    /// # Errors
    /// [`EngineError::ModelMissing`], [`EngineError::Load`], [`EngineError::ChatTemplate`] or [`EngineError::Setting`].
    pub fn start(config: &EngineConfig) -> Result<Self, EngineError> {
        let backend = backend()?;
        let model = Arc::new(load(backend, &config.model)?);
        let chat = Chat::new(&model)?;
        let tokenizer = tokens::token_env(&model);
        let mut grammars =
            ParserFactory::new_simple(&tokenizer).map_err(|error| load_error(&config.model, error))?;
        grammars.quiet();
        let params = params(config, model.n_ctx_train())?;
        let sequences = signed("parallel", config.sequences())?;
        let (parallel, prefix_bytes) = (config.parallel as usize, config.prefix_bytes);

        let (jobs, queue) = mpsc::channel();
        let (ready, started) = mpsc::channel();
        let shared = Arc::clone(&model);
        let path = config.model.clone();
        let thread = std::thread::Builder::new()
            .name("dictum-local".to_owned())
            .spawn(move || match shared.new_context(backend, params) {
                Ok(context) => {
                    let _ = ready.send(Ok(sequence_limit(&context, sequences.cast_unsigned() as usize)));
                    Worker::new(context, tokenizer, queue, sequences, parallel, prefix_bytes).run();
                }
                Err(error) => {
                    let _ = ready.send(Err(load_error(&path, error)));
                }
            })
            .map_err(|error| load_error(&config.model, error))?;
        let context = started.recv().map_err(|_| EngineError::Stopped)??;
        Ok(Self(Arc::new(Inner {
            model,
            chat,
            grammars,
            layouts: Mutex::default(),
            context,
            unanswered: Arc::default(),
            jobs: Some(jobs),
            thread: Some(thread),
        })))
    }

    /// Tokens that prompt and answer of one request may have together.
    #[must_use]
    pub fn context(&self) -> usize {
        self.0.context
    }

    /// Requests that wait or are being answered now.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.0.unanswered.load(Ordering::Relaxed)
    }

    /// How many tokens `text` has in a prompt, without the chat template's.
    #[must_use]
    pub fn count_tokens(&self, text: &str) -> usize {
        self.0.model.vocab().tokenize(text.as_bytes(), false, false).len()
    }

    /// Renders messages with the model's own chat template. The first `shared` messages are expected in other calls too (a
    /// program's instructions and demos): what is computed for them is kept. `None` lets the engine observe what calls share.
    ///
    /// # Errors
    /// [`EngineError::ChatTemplate`] when the template refuses or leaves out a message.
    pub fn prompt(&self, messages: &[ChatMessage], shared: Option<usize>) -> Result<Prompt, EngineError> {
        self.0.chat.prompt(messages, shared)
    }

    /// Answers one request. Dropping the future frees its place at the next step.
    ///
    /// # Errors
    /// See [`Engine::stream`].
    pub async fn generate(&self, request: Generate) -> Result<Answer, EngineError> {
        let mut deltas = self.stream(request)?;
        let mut text = String::new();
        loop {
            match deltas.next().await? {
                Delta::Text(delta) => text.push_str(&delta),
                Delta::Done(finish, tokens) => return Ok(Answer { text, finish, tokens }),
            }
        }
    }

    /// Starts answering one request; its text comes piece by piece. Dropping the stream frees its place at the next step.
    ///
    /// # Errors
    /// [`EngineError::ContextOverflow`] when prompt and answer don't fit, [`EngineError::Grammar`] for a layout that can't be
    /// compiled, [`EngineError::Setting`] for sampling out of range, [`EngineError::Stopped`] when the engine's thread is gone.
    pub fn stream(&self, request: Generate) -> Result<Deltas, EngineError> {
        request.sampling.check()?;
        let max_tokens = self.limit(request.prompt.len(), request.max_tokens)?;
        let (matcher, closing) = match &request.shape {
            Some(shape) => self.constrain(shape)?,
            None => (None, None),
        };
        let (events, receiver) = unbounded_channel();
        let ticket = Ticket::new(&self.0.unanswered);
        let job = Job {
            shared: request.prompt.shared,
            prompt: request.prompt.tokens,
            max_tokens,
            sampling: request.sampling,
            stops: request.stops,
            matcher,
            closing,
            deadline: request.deadline,
            ticket,
            events,
        };
        self.0
            .jobs
            .as_ref()
            .ok_or(EngineError::Stopped)?
            .send(job)
            .map_err(|_| EngineError::Stopped)?;
        Ok(Deltas {
            events: receiver,
            _engine: self.clone(),
        })
    }

    fn limit(&self, prompt: usize, asked: Option<usize>) -> Result<usize, EngineError> {
        if prompt == 0 {
            return Err(EngineError::Setting {
                name: "prompt",
                cause: "it is empty".to_owned(),
            });
        }
        if asked == Some(0) {
            return Err(EngineError::Setting {
                name: "max_tokens",
                cause: "0 leaves no room for an answer".to_owned(),
            });
        }
        let context = self.0.context;
        let left = context.saturating_sub(prompt);
        let max_tokens = asked.unwrap_or(DEFAULT_MAX_TOKENS.min(left));
        if max_tokens == 0 || max_tokens > left {
            return Err(EngineError::ContextOverflow {
                prompt,
                max_tokens: asked.unwrap_or(1),
                context,
            });
        }
        Ok(max_tokens)
    }

    /// The matcher for a layout. A program's calls share one layout, so the compiled ones are kept.
    fn constrain(&self, shape: &OutputShape) -> Result<(Option<Matcher>, Option<Closing>), EngineError> {
        let digest = shape.digest();
        let mut kept = self.0.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(key, ..)| *key == digest)
            && let Some(found) = kept.remove(at)
        {
            let (matcher, closing) = (found.1.clone(), found.2.clone());
            kept.push_back(found);
            return Ok((matcher, closing));
        }
        let Layout { lark, closing } = grammar::compile(shape)?;
        let matcher = lark.map(|lark| self.matcher(lark)).transpose()?;
        if kept.len() == KEPT_LAYOUTS {
            kept.pop_front();
        }
        kept.push_back((digest, matcher.clone(), closing.clone()));
        Ok((matcher, closing))
    }

    fn matcher(&self, lark: String) -> Result<Matcher, EngineError> {
        let matcher = Matcher::new(self.0.grammars.create_parser(TopLevelGrammar::from_lark(lark)));
        match matcher.get_error() {
            Some(cause) => Err(EngineError::Grammar { cause }),
            None => Ok(matcher),
        }
    }
}

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// More text: whole characters, never part of a stop string.
    Text(String),
    /// The end.
    Done(Finish, TokenCounts),
}

/// A running answer. Dropping it cancels it.
#[derive(Debug)]
pub struct Deltas {
    events: UnboundedReceiver<Event>,
    // Keeps the engine's thread alive as long as someone reads from it.
    _engine: Engine,
}

impl Deltas {
    /// Waits for the next piece. After [`Delta::Done`] there is nothing more: [`EngineError::Stopped`].
    ///
    /// # Errors
    /// [`EngineError::Grammar`], [`EngineError::Compute`] or [`EngineError::Stopped`].
    pub async fn next(&mut self) -> Result<Delta, EngineError> {
        match self.events.recv().await {
            Some(Event::Delta(text)) => Ok(Delta::Text(text)),
            Some(Event::Done(finish, tokens)) => Ok(Delta::Done(finish, tokens)),
            Some(Event::Failed(error)) => Err(error),
            None => Err(EngineError::Stopped),
        }
    }
}

/// llama.cpp has one backend per process; it is set up by the first engine and never changes.
pub(crate) fn backend() -> Result<&'static LlamaBackend, EngineError> {
    static BACKEND: OnceLock<LlamaBackend> = OnceLock::new();
    static SETTING_UP: Mutex<()> = Mutex::new(());
    let _guard = SETTING_UP.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(backend) = BACKEND.get() {
        return Ok(backend);
    }
    // Before anything can be logged: llama.cpp writes to the terminal otherwise.
    send_logs_to_tracing(LogOptions::default());
    let backend = LlamaBackend::init().map_err(|error| EngineError::Compute {
        cause: error.to_string(),
    })?;
    Ok(BACKEND.get_or_init(|| backend))
}

pub(crate) fn load(backend: &LlamaBackend, path: &Path) -> Result<LlamaModel, EngineError> {
    if !path.is_file() {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        return Err(EngineError::ModelMissing {
            name,
            path: path.to_owned(),
        });
    }
    LlamaModel::load_from_file(backend, path, &LlamaModelParams::default())
        .map_err(|error| load_error(path, error))
}

pub(crate) fn load_error(path: &Path, error: impl fmt::Display) -> EngineError {
    EngineError::Load {
        path: path.to_owned(),
        cause: error.to_string(),
    }
}

/// `trained` is the longest text the model has learned to read: a larger context would only make room for nonsense.
fn params(config: &EngineConfig, trained: u32) -> Result<LlamaContextParams, EngineError> {
    if config.context < 16 {
        let cause = format!("{} tokens hold no prompt and answer", config.context);
        return Err(EngineError::Setting {
            name: "context",
            cause,
        });
    }
    if !(1..=MOST_PARALLEL).contains(&config.parallel) {
        let cause = format!("{} is not from 1 to {MOST_PARALLEL}", config.parallel);
        return Err(EngineError::Setting {
            name: "parallel",
            cause,
        });
    }
    let threads = signed(
        "threads",
        u32::try_from(config.threads.max(1)).unwrap_or(u32::MAX),
    )?;
    Ok(LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(
            config.context.min(trained).saturating_mul(config.sequences()),
        ))
        .with_n_batch(BATCH)
        .with_n_ubatch(BATCH)
        .with_n_seq_max(config.sequences())
        // These two are what makes an answer independent of its neighbours; see `worker.rs`.
        .with_kv_unified(false)
        .with_flash_attention_policy(FLASH_ATTENTION_OFF)
        .with_n_threads(threads)
        .with_n_threads_batch(threads))
}

/// Tokens one of `sequences` sequences can hold: llama.cpp divides the context evenly.
fn sequence_limit(context: &LlamaContext<'_>, sequences: usize) -> usize {
    context.n_ctx() as usize / sequences.max(1)
}

fn signed(name: &'static str, value: u32) -> Result<i32, EngineError> {
    i32::try_from(value).map_err(|error| EngineError::Setting {
        name,
        cause: error.to_string(),
    })
}
