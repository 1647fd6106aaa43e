//! What the service answers to which address.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Job, State, StoredFile, Trained, TunerSeen, lock};

/// When all that happened happened.
const THEN: u64 = 1_760_000_000;

pub(super) fn router(state: Arc<Mutex<State>>) -> Router {
    Router::new()
        .fallback(answer)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(state)
}

/// A status and what is said with it.
type Answer = (u16, Value);

async fn answer(
    Shared(state): Shared<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let mut state = lock(&state);
    let path = uri.to_string();
    let own = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    };
    state.seen.push(TunerSeen {
        method: method.to_string(),
        path: path.clone(),
        headers: headers.iter().map(own).collect(),
        bytes: bytes.clone(),
    });
    let refusal = state
        .refusals
        .iter()
        .position(|refusal| refusal.method == method.as_str() && path.contains(&refusal.part));
    let mut more = Vec::new();
    let (status, body) = match refusal {
        Some(place) => {
            let refusal = state.refusals.remove(place);
            more = refusal.headers;
            (refusal.status, refusal.body)
        }
        None => state.respond(&method, &uri, &headers, &bytes),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &more {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

fn error(status: u16, message: &str) -> Answer {
    let kind = "invalid_request_error";
    (
        status,
        json!({ "error": { "message": message, "type": kind, "param": null, "code": null } }),
    )
}

/// The value of a query's parameter, as it stands there.
fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| {
        let (own, value) = pair.split_once('=')?;
        (own == name).then_some(value)
    })
}

impl State {
    fn respond(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, bytes: &Bytes) -> Answer {
        let path: Vec<&str> = uri.path().trim_start_matches("/v1/").split('/').collect();
        match (method.as_str(), path.as_slice()) {
            ("POST", ["files"]) => self.upload(headers, bytes),
            ("GET", ["files"]) if self.lists => {
                let all = self.files.iter().rev().map(file).collect();
                page(all, uri)
            }
            ("POST", ["fine_tuning", "jobs"]) => self.create(bytes),
            ("GET", ["fine_tuning", "jobs"]) if self.lists => {
                let all = self.jobs.iter().rev().map(job).collect();
                page(all, uri)
            }
            ("GET", ["fine_tuning", "jobs", id]) => self.look(id),
            ("GET", ["fine_tuning", "jobs", id, "events"]) => self.events(id),
            ("POST", ["fine_tuning", "jobs", id, "cancel"]) => self.cancel(id),
            ("POST", ["chat", "completions"]) => self.chat(bytes),
            _ => error(404, "Invalid URL"),
        }
    }

    fn upload(&mut self, headers: &HeaderMap, bytes: &Bytes) -> Answer {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let boundary = kind.and_then(|kind| kind.strip_prefix("multipart/form-data; boundary="));
        let (Some(boundary), Ok(text)) = (boundary, std::str::from_utf8(bytes)) else {
            return error(400, "a form in UTF-8 is wanted");
        };
        let Some((purpose, name, content)) = form(text, boundary) else {
            return error(400, "the form can't be read");
        };
        if purpose != "fine-tune" {
            return error(400, "the purpose must be fine-tune");
        }
        let stored = StoredFile {
            id: format!("file-{}", self.files.len() + 1),
            name,
            content,
        };
        let answer = file(&stored);
        self.files.push(stored);
        (200, answer)
    }

    fn create(&mut self, bytes: &Bytes) -> Answer {
        let Ok(order) = serde_json::from_slice::<Value>(bytes) else {
            return error(400, "the body is not JSON");
        };
        let text = |name: &str| order.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("model").is_empty() {
            return error(400, "you must provide a model parameter");
        }
        if text("model").starts_with("ft:") && trained(&self.models, text("model")).is_none() {
            return error(404, &format!("The model `{}` does not exist", text("model")));
        }
        let is_there = |id: &str| self.files.iter().any(|file| file.id == id);
        if !is_there(text("training_file")) {
            return error(400, "invalid training_file: no such file");
        }
        if !text("validation_file").is_empty() && !is_there(text("validation_file")) {
            return error(400, "invalid validation_file: no such file");
        }
        let new = Job {
            id: format!("ftjob-{}", self.jobs.len() + 1),
            order,
            looks: 0,
            steps: self.steps.clone(),
            cancelled: false,
            failed: None,
            model: None,
        };
        let answer = job(&new);
        self.jobs.push(new);
        (200, answer)
    }

    fn look(&mut self, id: &str) -> Answer {
        let Some(place) = self.jobs.iter().position(|job| job.id == id) else {
            return error(404, "Could not find fine tune");
        };
        self.train(place);
        let Some(known) = self.jobs.get_mut(place) else {
            return error(404, "Could not find fine tune");
        };
        let answer = job(known);
        known.looks += 1;
        (200, answer)
    }

    /// Ends a job whose steps are over.
    fn train(&mut self, place: usize) {
        let fail = self.fail.clone();
        let Some(job) = self.jobs.get_mut(place) else {
            return;
        };
        if job.looks < job.steps.len() || job.cancelled || job.failed.is_some() || job.model.is_some() {
            return;
        }
        let wanted = job.order.get("training_file").and_then(Value::as_str);
        let file = self.files.iter().find(|file| Some(file.id.as_str()) == wanted);
        let learned = Trained::on(file.map(|file| file.content.as_str()).unwrap_or_default());
        let invalid = |message: String| json!({ "code": "invalid_training_file", "message": message, "param": "training_file" });
        match learned {
            _ if fail.is_some() => job.failed = fail,
            Err(message) => job.failed = Some(invalid(message)),
            Ok(model) if model.examples() < 10 => {
                let message = format!(
                    "Training file has {} example(s), but must have at least 10 examples",
                    model.examples()
                );
                job.failed = Some(invalid(message));
            }
            Ok(model) => {
                let text = |name: &str| job.order.get(name).and_then(Value::as_str).unwrap_or_default();
                let model = match trained(&self.models, text("model")) {
                    Some(earlier) => model.further(earlier),
                    None => model,
                };
                // As at OpenAI, the name says the model that all began with.
                let base = text("model")
                    .strip_prefix("ft:")
                    .and_then(|name| name.split(':').next());
                let name = format!(
                    "ft:{}:test:{}:{}",
                    base.unwrap_or(text("model")),
                    text("suffix"),
                    place + 1
                );
                job.model = Some(name.clone());
                self.models.push((name, model));
            }
        }
    }

    fn events(&self, id: &str) -> Answer {
        let Some(job) = self.jobs.iter().find(|job| job.id == id) else {
            return error(404, "Could not find fine tune");
        };
        let event = |number: u64, level: &str, message: &str| {
            json!({
                "object": "fine_tuning.job.event",
                "id": format!("ftevent-{number}"),
                "created_at": THEN + number,
                "level": level,
                "message": message,
                "type": "message",
            })
        };
        let last = match job.status() {
            "failed" => event(2, "error", "The job failed"),
            _ => event(2, "info", "Fine-tuning job started"),
        };
        let all = [last, event(1, "info", "Created fine-tuning job")];
        (200, json!({ "object": "list", "data": all, "has_more": false }))
    }

    fn cancel(&mut self, id: &str) -> Answer {
        match self.jobs.iter_mut().find(|job| job.id == id) {
            Some(known) if known.model.is_none() && known.failed.is_none() => {
                known.cancelled = true;
                (200, job(known))
            }
            Some(_) => error(400, "the job is over"),
            None => error(404, "Could not find fine tune"),
        }
    }

    fn chat(&self, bytes: &Bytes) -> Answer {
        let Ok(request) = serde_json::from_slice::<Value>(bytes) else {
            return error(400, "the body is not JSON");
        };
        let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
        let messages = request.get("messages").and_then(Value::as_array);
        let messages = messages.map(Vec::as_slice).unwrap_or_default();
        let said = match trained(&self.models, model) {
            Some(trained) => trained.answer(messages),
            None if model.starts_with("ft:") => {
                return error(404, &format!("The model `{model}` does not exist"));
            }
            None => (self.base)(messages),
        };
        (
            200,
            json!({
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": THEN,
                "model": model,
                "choices": [{
                    "index": 0,
                    "message": { "role": "assistant", "content": said, "refusal": null },
                    "finish_reason": "stop",
                }],
                "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 },
            }),
        )
    }
}

/// Purpose, file name and content of a form whose parts stand in this order.
fn form(text: &str, boundary: &str) -> Option<(String, String, String)> {
    let text = text.strip_prefix(&format!("--{boundary}\r\n"))?;
    let text = text.strip_suffix(&format!("\r\n--{boundary}--\r\n"))?;
    let (first, second) = text.split_once(&format!("\r\n--{boundary}\r\n"))?;
    let purpose = first.strip_prefix("Content-Disposition: form-data; name=\"purpose\"\r\n\r\n")?;
    let file = second.strip_prefix("Content-Disposition: form-data; name=\"file\"; filename=\"")?;
    let (name, rest) = file.split_once("\"\r\n")?;
    let (_, content) = rest.split_once("\r\n\r\n")?;
    Some((purpose.to_owned(), name.to_owned(), content.to_owned()))
}

fn file(stored: &StoredFile) -> Value {
    json!({
        "id": stored.id,
        "object": "file",
        "bytes": stored.content.len(),
        "created_at": THEN,
        "filename": stored.name,
        "purpose": "fine-tune",
        "status": "processed",
    })
}

/// The model of this name that was trained here.
fn trained<'a>(models: &'a [(String, Trained)], name: &str) -> Option<&'a Trained> {
    models
        .iter()
        .find(|(own, _)| own == name)
        .map(|(_, trained)| trained)
}

fn job(known: &Job) -> Value {
    let own = |name: &str| known.order.get(name).cloned().unwrap_or_default();
    json!({
        "object": "fine_tuning.job",
        "id": known.id,
        "model": own("model"),
        "created_at": THEN,
        "finished_at": null,
        "fine_tuned_model": known.model,
        "organization_id": "org-test",
        "result_files": [],
        "status": known.status(),
        "validation_file": own("validation_file"),
        "training_file": own("training_file"),
        "trained_tokens": known.model.as_ref().map(|_| 5_768),
        "error": known.failed.clone().unwrap_or_else(|| json!({ "code": null, "message": null, "param": null })),
        "seed": own("seed"),
        "method": own("method"),
    })
}

/// A page of a list: `limit` entries after the one named `after`.
fn page(all: Vec<Value>, uri: &Uri) -> Answer {
    let id = |entry: &Value| entry.get("id").and_then(Value::as_str).map(str::to_owned);
    let after = parameter(uri, "after").map(str::to_owned);
    let begin = all
        .iter()
        .position(|entry| after.is_some() && id(entry) == after)
        .map_or(0, |place| place + 1);
    let limit = parameter(uri, "limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(20);
    let more = all.len() > begin + limit;
    let data: Vec<Value> = all.into_iter().skip(begin).take(limit).collect();
    (200, json!({ "object": "list", "data": data, "has_more": more }))
}
