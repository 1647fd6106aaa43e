//! Fine-tuning: a provider makes another model of one of its own, from examples.
//!
//! [`FineTuning`] is what a provider of it must do, [`wait`] waits for a job. The optimizer `BootstrapFinetune` writes the
//! examples and drives both.

mod wait;

pub use wait::{Polling, wait};

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::lm::{Lm, LmError};

/// A provider that trains models.
///
/// Object safe. Implementations do one attempt of each request: retrying is the caller's matter, who knows what may be done
/// twice. Dropping a returned future ends the request, not the job it began.
pub trait FineTuning: Send + Sync + fmt::Debug {
    /// The provider, the part of a model's name before the slash: `openai`. Never holds a key or address.
    fn name(&self) -> &str;

    /// What a training file must be.
    fn limits(&self) -> DataLimits {
        DataLimits::default()
    }

    /// Stores a file of examples, one JSON object in a line. The name need not be the only one of its kind.
    ///
    /// # Errors
    /// As a call of a model.
    fn upload<'a>(&'a self, name: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<StoredFile, LmError>>;

    /// The newest stored file of this name, if there is one.
    ///
    /// # Errors
    /// As a call of a model; with status 404, 405 or 501 where the provider can't list files.
    fn find_file<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredFile>, LmError>>;

    /// Starts a job. Not to be sent twice: two jobs are trained, and paid for, then.
    ///
    /// # Errors
    /// As a call of a model.
    fn create<'a>(&'a self, order: &'a JobOrder) -> BoxFuture<'a, Result<Job, LmError>>;

    /// The newest job that learns from this stored file, if there is one.
    ///
    /// # Errors
    /// As a call of a model; with status 404, 405 or 501 where the provider can't list jobs.
    fn find_job<'a>(&'a self, training_file: &'a str) -> BoxFuture<'a, Result<Option<Job>, LmError>>;

    /// How far a job is.
    ///
    /// # Errors
    /// As a call of a model.
    fn job<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Job, LmError>>;

    /// What the provider says happened in a job, oldest first; of many the newest.
    ///
    /// # Errors
    /// As a call of a model.
    fn events<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<JobEvent>, LmError>>;

    /// Ends a job.
    ///
    /// # Errors
    /// As a call of a model.
    fn cancel<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Job, LmError>>;

    /// A model to call, by its bare name: one that was trained here, or one of the provider's own.
    ///
    /// # Errors
    /// As building a model.
    fn lm(&self, model: &str) -> Result<Lm, LmError>;
}

/// What a training file must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataLimits {
    /// The fewest examples it may hold.
    pub least_examples: usize,
    /// The most bytes it may have.
    pub most_bytes: usize,
}

/// OpenAI's: at least 10 examples, at most 512 MB.
impl Default for DataLimits {
    fn default() -> Self {
        Self {
            least_examples: 10,
            most_bytes: 512_000_000,
        }
    }
}

/// A file that a provider holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub id: String,
    /// Its name, as it was uploaded.
    pub name: String,
    /// Its size in bytes, where the provider says it.
    pub bytes: Option<u64>,
}

/// What is to be trained.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobOrder {
    /// The model to begin with, by its bare name.
    pub model: String,
    /// The id of the file to learn from.
    pub training_file: String,
    /// The id of a file to measure on meanwhile.
    pub validation_file: Option<String>,
    /// A word that becomes part of the new model's name.
    pub suffix: Option<String>,
    /// The training's own seed.
    pub seed: Option<u64>,
    /// Settings of supervised training, in the provider's words: `n_epochs`, `batch_size`, `learning_rate_multiplier`.
    /// Empty: the provider chooses.
    pub hyperparameters: Map<String, Value>,
    /// Further parameters, merged into the request last; `null` takes one out.
    pub extra: Map<String, Value>,
}

/// A job as its provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: JobStatus,
    /// The file it learns from, where the provider says it.
    pub training_file: Option<String>,
    /// The bare name of the model it made, when it has.
    pub tuned_model: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// How many tokens were trained on, where the provider says it: what it is paid for.
    pub trained_tokens: Option<u64>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Its files are being looked at.
    ValidatingFiles,
    /// It waits for its turn.
    Queued,
    /// It trains.
    Running,
    /// It has made a model.
    Succeeded,
    /// It has made none.
    Failed,
    /// It was ended by someone.
    Cancelled,
    /// Something else, in the provider's word; not an end.
    Other(String),
}

impl JobStatus {
    /// Its word, as OpenAI writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ValidatingFiles => "validating_files",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Other(word) => word,
        }
    }

    /// Whether it changes no more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl From<&str> for JobStatus {
    fn from(word: &str) -> Self {
        let known = [
            Self::ValidatingFiles,
            Self::Queued,
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::Cancelled,
        ];
        known
            .into_iter()
            .find(|status| status.as_str() == word)
            .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that happened in a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// When, in seconds since 1970.
    pub at: u64,
    /// `info`, `warn` or `error`.
    pub level: String,
    /// What.
    pub message: String,
}
