//! Recording calls and playing them back.

mod nearest;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::nearest::Places;
use super::hand_on;
use crate::error::FileError;
use crate::lm::response::replayed;
use crate::lm::{
    Call, Digest, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream,
    Settings, Source, StreamEvent,
};

/// What a [`Cassette`] does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CassetteMode {
    /// Ask the model and write the answer down. Opening empties the file.
    Record,
    /// Answer from the file; what it does not hold is an error, and no model is asked.
    Replay,
    /// Answer from the file; ask the model for what it does not hold, and write that down.
    Auto,
}

/// Records the calls of a model in a file and plays them back, so that tests and demos need no key and no network.
///
/// The file has one JSON object per line: a request's digest, the request for people to read, and the answer. It holds no
/// key, header or address, because requests have none; media content is left out. Answers of calls with the same digest
/// play in the order they were recorded, then the last one again. Played answers have [`Source::Replay`] and 0 attempts.
/// Errors are not recorded.
///
/// A request is found by the model's name, by all it says, and by the settings that hold for it in the end: its own over the
/// model's [defaults](LanguageModel::default_settings). The address is no part of it, so what was recorded at one server plays for
/// another, and with [`Offline`](crate::lm::Offline) for none. Clones share the file, so that the models of one program can share a cassette.
#[derive(Debug, Clone)]
pub struct Cassette(Arc<Tape>);

struct Tape {
    /// The file as the caller named it.
    name: String,
    mode: CassetteMode,
    file: Option<Mutex<File>>,
    takes: Mutex<Takes>,
}

#[derive(Default)]
struct Takes {
    by_request: HashMap<Digest, Take>,
    /// What was recorded, with its line, to tell what a miss comes near to. Kept for replay only: where the model is asked
    /// instead, there are no misses.
    recorded: Option<Vec<(usize, Places)>>,
    lines: usize,
}

/// The answers to one request, and which comes next.
#[derive(Default)]
struct Take {
    answers: Vec<Response>,
    next: usize,
}

#[derive(Serialize, Deserialize)]
struct Line {
    digest: Digest,
    model: String,
    request: Value,
    response: Response,
}

impl Cassette {
    /// Opens a file of recordings.
    ///
    /// # Errors
    /// When the file can't be opened, or a line of it is not a recording. A last line that was cut off in writing is left out.
    pub fn open(path: impl AsRef<Path>, mode: CassetteMode) -> Result<Self, FileError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let wrong =
            |error: io::Error| file_error(&name, None, format!("can't be opened as a cassette: {error}"));
        let mut text = match mode {
            CassetteMode::Record => String::new(),
            CassetteMode::Replay | CassetteMode::Auto => match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound && mode == CassetteMode::Auto => {
                    String::new()
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let problem = "there is no such cassette; record it with mode `Record` or `Auto`";
                    return Err(file_error(&name, None, problem.to_owned()));
                }
                Err(error) => return Err(wrong(error)),
            },
        };
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let takes = Takes::read(&name, &text, mode)?;
        let file = match mode {
            CassetteMode::Replay => None,
            CassetteMode::Record | CassetteMode::Auto => {
                let file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path)
                    .map_err(wrong)?;
                file.set_len(text.len() as u64).map_err(wrong)?;
                Some(Mutex::new(file))
            }
        };
        Ok(Self(Arc::new(Tape {
            name,
            mode,
            file,
            takes: Mutex::new(takes),
        })))
    }

    /// Plays recordings given as text, such as `include_str!` gives. `name` is what errors call it.
    ///
    /// # Errors
    /// When a line is not a recording.
    pub fn from_text(name: impl Into<String>, text: &str) -> Result<Self, FileError> {
        let name = name.into();
        let takes = Takes::read(&name, text, CassetteMode::Replay)?;
        Ok(Self(Arc::new(Tape {
            name,
            mode: CassetteMode::Replay,
            file: None,
            takes: Mutex::new(takes),
        })))
    }

    /// How many answers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.takes().lines
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn file_error(name: &str, line: Option<usize>, problem: String) -> FileError {
    FileError {
        file: name.to_owned(),
        line,
        column: None,
        problem,
    }
}

impl Takes {
    fn read(name: &str, text: &str, mode: CassetteMode) -> Result<Self, FileError> {
        let mut takes = Self {
            recorded: (mode == CassetteMode::Replay).then(Vec::new),
            ..Self::default()
        };
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                let problem = format!("is not a recording ({error}); remove the line and record it again");
                file_error(name, Some(at + 1), problem)
            })?;
            if let Some(recorded) = &mut takes.recorded {
                recorded.push((at + 1, Places::of(&line.model, &line.request)));
            }
            takes.add(line.digest, line.response);
        }
        Ok(takes)
    }

    fn add(&mut self, key: Digest, response: Response) {
        self.lines += 1;
        self.by_request.entry(key).or_default().answers.push(response);
    }
}

impl Tape {
    fn takes(&self) -> MutexGuard<'_, Takes> {
        self.takes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next recorded answer to this request.
    fn play(&self, key: &Digest) -> Option<Response> {
        if self.mode == CassetteMode::Record {
            return None;
        }
        let mut takes = self.takes();
        let take = takes.by_request.get_mut(key)?;
        let answer = take.answers.get(take.next).or(take.answers.last())?.clone();
        take.next = (take.next + 1).min(take.answers.len());
        Some(Response {
            source: Source::Replay,
            attempts: 0,
            ..answer
        })
    }

    /// Writes an answer down. An answer that was not the model's is needed only if the request has none yet.
    fn record(
        &self,
        key: Digest,
        model: &str,
        request: &Request,
        response: &Response,
    ) -> Result<(), LmError> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut takes = self.takes();
        if response.source != Source::Model && takes.by_request.contains_key(&key) {
            return Ok(());
        }
        let line = Line {
            digest: key,
            model: model.to_owned(),
            request: shown(request),
            response: response.clone(),
        };
        let written = serde_json::to_vec(&line)
            .map_err(io::Error::from)
            .and_then(|mut text| {
                text.push(b'\n');
                // One write, so that processes that append to one file don't mix their lines.
                file.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .write_all(&text)
            });
        written.map_err(|error| {
            let message = format!("the answer can't be recorded in {}: {error}", self.name);
            LmError::new(LmErrorKind::Internal, message).with_source(error)
        })?;
        takes.add(key, line.response);
        if let Some(take) = takes.by_request.get_mut(&key) {
            take.next = take.answers.len();
        }
        Ok(())
    }

    fn missing(&self, model: &str, request: &Request) -> LmError {
        let takes = self.takes();
        let recordings = match takes.lines {
            0 => "is empty".to_owned(),
            1 => "has 1 recording".to_owned(),
            lines => format!("has {lines} recordings"),
        };
        let asked = Places::of(model, &shown(request));
        let recorded = takes.recorded.as_deref().unwrap_or_default();
        let nearest = match nearest::nearest(recorded, &asked) {
            Some(difference) => format!(" {difference}"),
            None => String::new(),
        };
        let message = format!(
            "{} {recordings}.{nearest} To record what is missing, open it with `CassetteMode::Auto` around a model that \
             can be asked; to record everything anew, with `CassetteMode::Record`",
            self.name
        );
        LmError::new(LmErrorKind::Replay, message).with_model(model)
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .field("lines", &self.takes().lines)
            .finish()
    }
}

/// A request for people to read.
fn shown(request: &Request) -> Value {
    let mut messages: Value = request.messages().map(|message| json!(message)).collect();
    leave_out_media(&mut messages);
    let mut shown = json!({ "messages": messages });
    let mut set = |name: &str, value: Value| {
        if let Some(shown) = shown.as_object_mut() {
            shown.insert(name.to_owned(), value);
        }
    };
    if request.settings != Settings::default() {
        set("settings", json!(request.settings));
    }
    if let Some(format) = &request.response_format {
        set("format", json!(format));
    }
    if !request.tools.is_empty() {
        set("tools", json!(request.tools));
    }
    if request.sample > 0 {
        set("sample", json!(request.sample));
    }
    shown
}

fn leave_out_media(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(leave_out_media),
        Value::Object(entries) => {
            if let Some(Value::String(data)) = entries.get_mut("base64") {
                *data = format!("({} characters left out)", data.len());
            }
            entries.values_mut().for_each(leave_out_media);
        }
        _ => {}
    }
}

impl Layer for Cassette {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Taped { inner, tape: self.0 })
    }
}

#[derive(Debug)]
struct Taped {
    inner: Lm,
    tape: Arc<Tape>,
}

impl Taped {
    /// The request with the settings that hold for it in the end. What is sent stays as it is: the model merges by itself.
    fn in_effect<'r>(&self, request: &'r Request) -> Cow<'r, Request> {
        match self.inner.default_settings() {
            Some(defaults) if *defaults != Settings::default() => Cow::Owned(Request {
                settings: request.settings.over(defaults),
                ..request.clone()
            }),
            _ => Cow::Borrowed(request),
        }
    }

    /// The recorded answer, or the key to record the model's under.
    fn play(&self, request: &Request) -> Result<Result<Response, Digest>, LmError> {
        let request = self.in_effect(request);
        let key = request.digest(self.name());
        match self.tape.play(&key) {
            Some(response) => Ok(Ok(response)),
            None if self.tape.mode == CassetteMode::Replay => Err(self.tape.missing(self.name(), &request)),
            None => Ok(Err(key)),
        }
    }
}

impl LanguageModel for Taped {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let key = match self.play(request)? {
                Ok(response) => return Ok(response),
                Err(key) => key,
            };
            let response = self.inner.complete(request, call).await?;
            self.tape
                .record(key, self.name(), &self.in_effect(request), &response)?;
            Ok(response)
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let key = match self.play(request)? {
                Ok(response) => return Ok(replayed(response)),
                Err(key) => key,
            };
            let stream = self.inner.stream(request, call).await?;
            let (tape, model) = (Arc::clone(&self.tape), self.name().to_owned());
            let request = self.in_effect(request).into_owned();
            let recorded = stream.map(move |event| match event {
                Ok(StreamEvent::Finished(response)) => tape
                    .record(key, &model, &request, &response)
                    .map(|()| StreamEvent::Finished(response)),
                other => other,
            });
            Ok(recorded.boxed())
        })
    }
}
