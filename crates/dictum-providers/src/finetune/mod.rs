//! Providers that train models.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use dictum_core::finetune::{FineTuning, JobOrder, Polling, wait};
//! use dictum_core::lm::LmError;
//! use dictum_providers::finetune;
//!
//! # async fn example(examples: &[u8]) -> Result<(), LmError> {
//! let tuning = finetune::openai().api_key_from_env()?.build()?;
//! let file = tuning.upload("train.jsonl", examples).await?;
//! let order = JobOrder {
//!     model: "gpt-4.1-mini-2025-04-14".to_owned(),
//!     training_file: file.id,
//!     ..JobOrder::default()
//! };
//! let job = tuning.create(&order).await?;
//! let job = wait(&tuning, &job.id, &Polling::default(), |_| ControlFlow::Continue(())).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What is sent, in OpenAI's form:
//!
//! | | request |
//! |---|---|
//! | [`upload`](dictum_core::finetune::FineTuning::upload) | `POST /files`, multipart: `purpose` (`fine-tune`), `file` |
//! | `find_file` | `GET /files?purpose=fine-tune`, by name |
//! | `create` | `POST /fine_tuning/jobs`: `model`, `training_file`, and where given `validation_file`, `method`, `seed`, `suffix` |
//! | `find_job` | `GET /fine_tuning/jobs`, page by page, by training file |
//! | `job`, `events`, `cancel` | `GET /fine_tuning/jobs/ID`, `GET .../ID/events`, `POST .../ID/cancel` |
//!
//! Hyperparameters go out as those of the `supervised` method. A server of the older form takes them on their own:
//! `extra` with `hyperparameters`, and `method` as `null`.

mod answer;
mod builder;
mod multipart;

pub use builder::Builder;

use std::fmt;

use bytes::Bytes;
use dictum_core::finetune::{FineTuning, Job, JobEvent, JobOrder, StoredFile};
use dictum_core::lm::{Lm, LmError, LmErrorKind};
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::http::Http;
use crate::openai::Chat;
use crate::remote::named;
use crate::{OpenAi, refusal, wire};

/// OpenAI's files and fine-tuning, and what is compatible with them.
pub fn openai() -> Builder {
    Builder::new()
}

/// A service that trains models in OpenAI's form.
pub struct OpenAiTuning {
    base: Url,
    http: Http,
    /// What its models are called with.
    connection: Connection,
}

/// How many pages of a list are looked through.
const PAGES: usize = 20;
/// Jobs, and events, in one page.
const PAGE: &str = "100";
/// Files in one page: the most that OpenAI gives.
const FILES: &str = "10000";

impl OpenAiTuning {
    fn at(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // An id with a slash in it becomes one segment, and no other path.
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn ask(&self, method: Method, url: Url, body: Option<(&str, Vec<u8>)>) -> Result<Value, LmError> {
        let result = self.asked(method, url, body).await;
        result.map_err(|error| named(error, Chat::PROVIDER, &self.http))
    }

    async fn asked(&self, method: Method, url: Url, body: Option<(&str, Vec<u8>)>) -> Result<Value, LmError> {
        let answer = self.http.send(method, url, body, Chat::refused).await?;
        let bytes: Bytes = answer.whole().await?;
        serde_json::from_slice(&bytes)
            .map_err(|_| refusal::not_json(&self.http.redact(&String::from_utf8_lossy(&bytes))))
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, LmError> {
        self.ask(Method::GET, self.at(path, query), None).await
    }

    /// The first entry of a list that fits. `None` when no page has it.
    async fn find<T>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, LmError> {
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = query.to_vec();
            if let Some(after) = &after {
                query.push(("after", after));
            }
            let page = self.get(path, &query).await?;
            let entries = answer::list(&page)?;
            if let Some(found) = entries.iter().find_map(&read) {
                return Ok(Some(found));
            }
            let last = entries
                .last()
                .and_then(|entry| entry.get("id")?.as_str())
                .map(str::to_owned);
            let more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            // The same page again would be an endless list.
            if !more || last.is_none() || last == after {
                return Ok(None);
            }
            after = last;
        }
        Ok(None)
    }
}

/// The body that starts a job.
fn order_body(order: &JobOrder) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("model", json!(order.model));
    put("training_file", json!(order.training_file));
    if let Some(file) = &order.validation_file {
        put("validation_file", json!(file));
    }
    if !order.hyperparameters.is_empty() {
        let settings = json!({ "hyperparameters": order.hyperparameters });
        put("method", json!({ "type": "supervised", "supervised": settings }));
    }
    if let Some(seed) = order.seed {
        put("seed", json!(seed));
    }
    if let Some(suffix) = &order.suffix {
        put("suffix", json!(suffix));
    }
    wire::merge_extra(&order.extra, &mut body);
    body
}

const JSON: &str = "application/json";
const JOBS: [&str; 2] = ["fine_tuning", "jobs"];

impl FineTuning for OpenAiTuning {
    fn name(&self) -> &str {
        Chat::PROVIDER
    }

    fn upload<'a>(&'a self, name: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<StoredFile, LmError>> {
        Box::pin(async move {
            let form = multipart::form(&[("purpose", "fine-tune")], "file", name, content);
            let body = Some((form.content_type.as_str(), form.body));
            answer::file(&self.ask(Method::POST, self.at(&["files"], &[]), body).await?)
        })
    }

    fn find_file<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredFile>, LmError>> {
        Box::pin(async move {
            let query = [("purpose", "fine-tune"), ("limit", FILES), ("order", "desc")];
            let fits = |entry: &Value| answer::file(entry).ok().filter(|file| file.name == name);
            self.find(&["files"], &query, fits).await
        })
    }

    fn create<'a>(&'a self, order: &'a JobOrder) -> BoxFuture<'a, Result<Job, LmError>> {
        Box::pin(async move {
            let body = serde_json::to_vec(&order_body(order)).map_err(|error| {
                let message = "the job can't be written as JSON";
                LmError::new(LmErrorKind::InvalidRequest, message).with_source(error)
            })?;
            let url = self.at(&JOBS, &[]);
            answer::job(&self.ask(Method::POST, url, Some((JSON, body))).await?)
        })
    }

    fn find_job<'a>(&'a self, training_file: &'a str) -> BoxFuture<'a, Result<Option<Job>, LmError>> {
        Box::pin(async move {
            let fits = |entry: &Value| {
                let job = answer::job(entry).ok()?;
                (job.training_file.as_deref() == Some(training_file)).then_some(job)
            };
            self.find(&JOBS, &[("limit", PAGE)], fits).await
        })
    }

    fn job<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Job, LmError>> {
        Box::pin(async move { answer::job(&self.get(&[JOBS[0], JOBS[1], id], &[]).await?) })
    }

    fn events<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<JobEvent>, LmError>> {
        Box::pin(async move {
            let path = [JOBS[0], JOBS[1], id, "events"];
            let page = self.get(&path, &[("limit", PAGE)]).await?;
            let mut events: Vec<JobEvent> = answer::list(&page)?.iter().map(answer::event).collect();
            // They come newest first; a stable sort keeps the order of those of one second, turned round.
            events.reverse();
            events.sort_by_key(|event| event.at);
            Ok(events)
        })
    }

    fn cancel<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Job, LmError>> {
        Box::pin(async move {
            let url = self.at(&[JOBS[0], JOBS[1], id, "cancel"], &[]);
            answer::job(&self.ask(Method::POST, url, None).await?)
        })
    }

    fn lm(&self, model: &str) -> Result<Lm, LmError> {
        let mut builder = OpenAi::builder(model);
        builder.connection = self.connection.clone();
        builder.build()
    }
}

impl fmt::Debug for OpenAiTuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the host: a path or query may hold a key.
        f.debug_struct("OpenAiTuning")
            .field("host", &self.base.host_str())
            .finish_non_exhaustive()
    }
}
