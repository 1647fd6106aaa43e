//! From files of examples to models: uploads, jobs, and waiting for them.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dictum_core::error::{Error, Result};
use dictum_core::finetune::{FineTuning, Job, JobOrder, JobStatus, Polling, wait};
use dictum_core::lm::{LmError, LmErrorKind};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::data::{TrainingData, TrainingFile};
use super::ledger::{Entry, Ledger, Upload};
use crate::stop::Stop;

/// What is told of jobs.
pub(super) type OnJob = Arc<dyn Fn(&Job) + Send + Sync>;

/// How models are to be trained.
#[derive(Clone, Default)]
pub(super) struct Terms {
    pub(super) model: String,
    pub(super) suffix: Option<String>,
    pub(super) hyperparameters: Map<String, Value>,
    pub(super) extra: Map<String, Value>,
    pub(super) polling: Polling,
    pub(super) adopted: Vec<String>,
    pub(super) on_job: Option<OnJob>,
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("model", &self.model)
            .field("suffix", &self.suffix)
            .field("hyperparameters", &self.hyperparameters)
            .finish_non_exhaustive()
    }
}

/// A model that was trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunedModel {
    /// The paths of the predictors it was trained for.
    pub predictors: Vec<String>,
    /// Its bare name, as the provider gave it.
    pub model: String,
    /// The bare name of the model its training began with.
    pub from: String,
    /// The job that made it.
    pub job: String,
    /// How many examples it was trained on.
    pub examples: usize,
    /// How many tokens, each as often as it was seen, where the provider says it: what is paid for.
    pub trained_tokens: Option<u64>,
}

/// How often a request to store a file or begin a job is made, if it fails in a way that passes.
const ATTEMPTS: u32 = 5;
/// The most characters a suffix may have.
const SUFFIX: usize = 64;
/// Seeds are below this at OpenAI.
const SEEDS: u64 = 1 << 31;

pub(super) struct Training<'a> {
    pub(super) service: &'a dyn FineTuning,
    pub(super) terms: &'a Terms,
    pub(super) seed: u64,
    pub(super) stop: &'a Stop,
}

impl Training<'_> {
    /// What is wrong with the terms, before anything is spent.
    pub(super) fn check(&self) -> Result<()> {
        if self.terms.model.trim().is_empty() {
            return Err(Error::input("model", "must name the model to train"));
        }
        if let Some(suffix) = &self.terms.suffix
            && (suffix.is_empty() || suffix.chars().count() > SUFFIX)
        {
            return Err(Error::input(
                "suffix",
                format!("must have 1 to {SUFFIX} characters"),
            ));
        }
        Ok(())
    }

    /// Whether the provider takes the files, as far as can be known.
    pub(super) fn fits(&self, data: &TrainingData) -> Result<()> {
        data.check(self.service.limits(), self.service.name())
    }

    /// Trains a model on each file, beginning with the model named for it.
    pub(super) async fn train(
        &self,
        files: &[(&TrainingFile, String)],
        folder: Option<&Path>,
    ) -> Result<Vec<TunedModel>> {
        let orders: Vec<JobOrder> = files.iter().map(|(_, from)| self.order(from)).collect();
        let wanted: Vec<(&TrainingFile, Value)> = files
            .iter()
            .zip(&orders)
            .map(|((file, _), order)| (*file, facts(order)))
            .collect();
        let mut ledger = Ledger::open(folder, self.service.name(), &wanted)?;
        ledger.save()?;
        for (place, ((file, _), order)) in files.iter().zip(&orders).enumerate() {
            if entry(&ledger, place)?.model.is_some() {
                continue;
            }
            self.stored(&mut ledger, place, file).await?;
            self.begun(&mut ledger, place, order).await?;
        }
        let waiting = ledger.book.jobs.iter().enumerate().filter_map(|(place, entry)| {
            let id = entry.job.clone().filter(|_| entry.model.is_none())?;
            Some(async move { (place, self.over(&id).await) })
        });
        let mut problem = None;
        for (place, result) in join_all(waiting).await {
            // All that ended is noted before the first problem is told.
            let noted = match result {
                Ok(job) => self.ended(&mut ledger, place, job).await,
                Err(error) => Err(error.into()),
            };
            problem = problem.or(noted.err());
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        let tuned = |((file, from), entry): (&(&TrainingFile, String), &Entry)| {
            Some(TunedModel {
                predictors: file.predictors.clone(),
                model: entry.model.clone()?,
                from: from.clone(),
                job: entry.job.clone().unwrap_or_default(),
                examples: file.training.examples,
                trained_tokens: entry.trained_tokens,
            })
        };
        Ok(files.iter().zip(&ledger.book.jobs).filter_map(tuned).collect())
    }

    fn order(&self, from: &str) -> JobOrder {
        JobOrder {
            model: from.to_owned(),
            suffix: self.terms.suffix.clone(),
            seed: Some(self.seed % SEEDS),
            hyperparameters: self.terms.hyperparameters.clone(),
            extra: self.terms.extra.clone(),
            ..JobOrder::default()
        }
    }

    /// Stores the files of an entry, if they are not.
    async fn stored(&self, ledger: &mut Ledger, place: usize, file: &TrainingFile) -> Result<()> {
        type Side = fn(&mut Entry) -> Option<&mut Upload>;
        let sides: [(Side, Option<&str>); 2] = [
            (|entry| Some(&mut entry.training), Some(&file.training.content)),
            (
                |entry| entry.validation.as_mut(),
                file.validation.as_ref().map(|file| file.content.as_str()),
            ),
        ];
        for (side, content) in sides {
            let mut copy = entry(ledger, place)?;
            let (Some(upload), Some(content)) = (side(&mut copy), content) else {
                continue;
            };
            if upload.id.is_some() {
                continue;
            }
            let (name, mut begun) = (upload.name.clone(), upload.begun);
            let mut attempt = 0;
            let id = loop {
                if begun && let Some(id) = self.find_file(&name, content).await? {
                    break id;
                }
                ledger.note(place, |entry| {
                    if let Some(upload) = side(entry) {
                        upload.begun = true;
                    }
                })?;
                begun = true;
                match self.service.upload(&name, content.as_bytes()).await {
                    Ok(stored) => break stored.id,
                    Err(error) => self.again(&error, &mut attempt).await?,
                }
            };
            ledger.note(place, |entry| {
                if let Some(upload) = side(entry) {
                    upload.id = Some(id);
                }
            })?;
        }
        Ok(())
    }

    /// A file that an earlier process, or an attempt whose answer was lost, has stored. One that can't be found is stored
    /// again: that costs nothing.
    async fn find_file(&self, name: &str, content: &str) -> Result<Option<String>> {
        let mut attempt = 0;
        loop {
            match self.service.find_file(name).await {
                Ok(found) => {
                    let whole = |bytes: Option<u64>| bytes.is_none_or(|bytes| bytes == content.len() as u64);
                    return Ok(found.filter(|file| whole(file.bytes)).map(|file| file.id));
                }
                Err(error) if has_no_lists(&error) => return Ok(None),
                Err(error) => self.again(&error, &mut attempt).await?,
            }
        }
    }

    /// Orders the job of an entry, if it is not.
    async fn begun(&self, ledger: &mut Ledger, place: usize, order: &JobOrder) -> Result<()> {
        let mut attempt = 0;
        loop {
            let entry = entry(ledger, place)?;
            if entry.job.is_some() {
                return Ok(());
            }
            let file = entry.training.id.clone().unwrap_or_default();
            if entry.begun
                && let Some(id) = self.find_job(&file, &entry).await?
            {
                tracing::info!(job = id, "the job was found again");
                return ledger.note(place, |entry| entry.job = Some(id));
            }
            let order = JobOrder {
                training_file: file,
                validation_file: entry.validation.and_then(|upload| upload.id),
                ..order.clone()
            };
            ledger.note(place, |entry| entry.begun = true)?;
            match self.service.create(&order).await {
                Ok(job) => return ledger.note(place, |entry| entry.job = Some(job.id)),
                Err(error) => {
                    if was_refused(&error) {
                        ledger.note(place, |entry| entry.begun = false)?;
                    }
                    self.again(&error, &mut attempt).await?;
                }
            }
        }
    }

    /// The job that an earlier process, or an attempt whose answer was lost, has begun. No other job learns from its file.
    async fn find_job(&self, file: &str, entry: &Entry) -> Result<Option<String>> {
        let mut attempt = 0;
        for id in &self.terms.adopted {
            let job = self.service.job(id).await?;
            if job.training_file.as_deref().is_none_or(|own| own == file) {
                return Ok(Some(job.id));
            }
        }
        loop {
            match self.service.find_job(file).await {
                Ok(job) => {
                    let id = job.map(|job| job.id);
                    return Ok(id.filter(|id| !entry.failed.contains(id)));
                }
                Err(error) if has_no_lists(&error) => {
                    return Err(Error::program(format!(
                        "a job on file {file} may have been started and its id was lost, and {} gives no list of jobs: look \
                         there, and give its id with `adopt_job`; if there is none, remove tuning.json from the run folder",
                        self.service.name()
                    )));
                }
                Err(error) => self.again(&error, &mut attempt).await?,
            }
        }
    }

    async fn over(&self, id: &str) -> Result<Job, LmError> {
        let seen = |job: &Job| {
            tracing::debug!(
                job = job.id,
                status = job.status.as_str(),
                "the job was looked at"
            );
            if let Some(callback) = &self.terms.on_job {
                callback(job);
            }
            if self.stop.is_stopped() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        wait(self.service, id, &self.terms.polling, seen).await
    }

    /// Notes how a job ended.
    async fn ended(&self, ledger: &mut Ledger, place: usize, job: Job) -> Result<()> {
        if let (JobStatus::Succeeded, Some(model)) = (&job.status, job.tuned_model) {
            return ledger.note(place, |entry| {
                entry.model = Some(model);
                entry.trained_tokens = job.trained_tokens;
            });
        }
        ledger.note(place, |entry| {
            entry.job = None;
            entry.begun = false;
            entry.failed.push(job.id.clone());
        })?;
        let why = match job.error {
            Some(why) => Some(why),
            None => self.complaint(&job.id).await,
        };
        Err(Error::program(format!(
            "{} job {} ended as `{}`{}; run again with the same folder to train once more on the same files",
            self.service.name(),
            job.id,
            job.status,
            why.map(|why| format!(": {why}")).unwrap_or_default()
        )))
    }

    /// The last complaint among what happened in a job.
    async fn complaint(&self, id: &str) -> Option<String> {
        let events = self.service.events(id).await.ok()?;
        let last = events.into_iter().rfind(|event| event.level == "error");
        last.map(|event| event.message)
    }

    /// Waits before a request is made again, if that can help.
    async fn again(&self, error: &LmError, attempt: &mut u32) -> Result<()> {
        *attempt += 1;
        if !error.retryable() || *attempt >= ATTEMPTS {
            return Err(error.clone().with_attempts(*attempt).into());
        }
        let polling = &self.terms.polling;
        let pause = polling
            .first
            .saturating_mul(1 << (*attempt - 1))
            .min(polling.most);
        let pause: Duration = pause.max(error.retry_after().unwrap_or_default());
        tracing::warn!(%error, "asking the provider again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// An order as `tuning.json` keeps it: without the ids of files.
fn facts(order: &JobOrder) -> Value {
    json!({
        "model": order.model,
        "suffix": order.suffix,
        "seed": order.seed,
        "hyperparameters": order.hyperparameters,
        "extra": order.extra,
    })
}

fn entry(ledger: &Ledger, place: usize) -> Result<Entry> {
    let entry = ledger.book.jobs.get(place).cloned();
    entry.ok_or_else(|| Error::program("tuning.json holds fewer jobs than there are files"))
}

/// Whether the provider has no lists to look in.
fn has_no_lists(error: &LmError) -> bool {
    matches!(error.status(), Some(404 | 405 | 501)) || error.kind() == LmErrorKind::Unsupported
}

/// Whether nothing can have come of a request. A conflict or a lost answer leaves it open.
fn was_refused(error: &LmError) -> bool {
    matches!(error.status(), Some(400..=499)) && !matches!(error.status(), Some(408 | 409))
}
