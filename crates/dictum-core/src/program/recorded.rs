//! Steps as a file keeps them; see [`super::TraceWriter`] for the format.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallRecord, Purpose, Step};
use crate::error::{Error, FileError, Result};
use crate::lm::{FinishReason, LmError, Media, MediaData, Message, Part, Response, Settings, Source, Usage};
use crate::parse::RepairNote;
use crate::record::Record;

/// The version of the format that this code writes, and the latest it reads.
pub(super) const VERSION: u32 = 1;

/// A trace read from a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordedTrace {
    /// The steps, in the order they ended.
    pub steps: Vec<RecordedStep>,
    /// How many steps were not written, because the trace or the file was full.
    pub dropped: u64,
    /// Whether the file was finished. One of a program that was killed is not, and may lack its last steps.
    pub complete: bool,
}

/// A [`Step`] as a file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedStep {
    /// The predictor's path, or its signature where that was not known.
    pub path: String,
    /// What the step was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When it began, in milliseconds since 1970 (UTC).
    pub began_unix_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// The adapter that wrote the call.
    pub adapter: String,
    /// Which sample of the call, from 0.
    #[serde(default)]
    pub sample: u64,
    /// What went in.
    pub inputs: Record,
    /// What came out; `None` where the step failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Record>,
    /// Why nothing came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the parser repaired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<RepairNote>,
    /// The calls of the model, in order.
    pub calls: Vec<RecordedCall>,
}

/// A [`CallRecord`] as a file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedCall {
    /// Why it was made.
    pub purpose: Purpose,
    /// The model.
    pub model: String,
    /// How long it took, in milliseconds, layers included.
    pub took_ms: f64,
    /// Sampling and limits, without [`Settings::extra`], which may hold anything.
    #[serde(default)]
    pub settings: Settings,
    /// Which shared messages stand before `messages`. `None` once they are put there, as by [`RecordedTrace::read`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The messages sent. Media are told by their size.
    pub messages: Vec<Message>,
    /// The answer; `None` where the call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RecordedAnswer>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RecordedError>,
}

/// A [`Response`] as a file keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// Text, reasoning and tool calls.
    pub parts: Vec<Part>,
    /// Why the model stopped.
    pub finish: FinishReason,
    /// Tokens and money.
    pub usage: Usage,
    /// The model that answered, in the provider's words.
    #[serde(default)]
    pub model: String,
    /// Where the answer came from.
    pub source: Source,
    /// How many times the model was asked.
    pub attempts: u32,
}

/// A failed call as a file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedError {
    /// The kind of failure, in words.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// How many times the call was tried.
    pub attempts: u32,
    /// HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl RecordedTrace {
    /// Reads a file that [`super::TraceWriter`] or [`super::Trace::write_jsonl`] wrote. A last line that breaks off, as a
    /// killed program leaves it, is left out.
    ///
    /// # Errors
    /// [`Error::File`] with the line when the file can't be read or is no trace.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let file = File::open(path.as_ref()).map_err(|error| fault(&name, None, error.to_string()))?;
        Self::read_from(BufReader::new(file), &name)
    }

    /// The same from any reader; `name` is what errors call it.
    ///
    /// # Errors
    /// See [`RecordedTrace::read`].
    pub fn read_from(mut reader: impl BufRead, name: &str) -> Result<Self> {
        let mut trace = Self::default();
        let mut prefixes: HashMap<String, Arc<[Message]>> = HashMap::new();
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let read = reader.read_until(b'\n', &mut bytes);
            if read.map_err(|error| fault(name, Some(number), error.to_string()))? == 0 {
                break;
            }
            let whole = bytes.ends_with(b"\n");
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = match serde_json::from_slice(&bytes) {
                Ok(line) => line,
                Err(_) if !whole && number > 1 => break,
                Err(error) => {
                    let problem = if number == 1 {
                        "is no trace: the first line must be {\"kind\":\"trace\",...}; write one with `--trace FILE`"
                            .to_owned()
                    } else {
                        format!("can't be read: {error}")
                    };
                    return Err(fault(name, Some(number), problem));
                }
            };
            match line {
                Line::Trace { version } if version > VERSION => {
                    let problem =
                        format!("has version {version} of the format; this Dictum reads up to {VERSION}");
                    return Err(fault(name, Some(number), problem));
                }
                Line::Trace { .. } => {}
                _ if number == 1 => {
                    return Err(fault(
                        name,
                        Some(1),
                        "is no trace: its first line says no version".into(),
                    ));
                }
                Line::Prefix { id, messages } => {
                    prefixes.insert(id, messages.into());
                }
                Line::Step(mut step) => {
                    for call in &mut step.calls {
                        if let Some(shared) = call.prefix.as_ref().and_then(|id| prefixes.get(id)) {
                            call.messages.splice(0..0, shared.iter().cloned());
                            call.prefix = None;
                        }
                    }
                    trace.steps.push(*step);
                }
                Line::End { dropped } => {
                    trace.dropped = dropped;
                    trace.complete = true;
                }
            }
        }
        Ok(trace)
    }

    /// Tokens and money of the calls that reached a model.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for step in &self.steps {
            usage += step.usage();
        }
        usage
    }
}

impl RecordedStep {
    pub(super) fn of(step: &Step) -> Self {
        let began = step.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            path: step.path.to_string(),
            scope: step.scope.as_deref().map(str::to_owned),
            began_unix_ms: u64::try_from(began.as_millis()).unwrap_or(u64::MAX),
            took_ms: step.took.as_secs_f64() * 1e3,
            adapter: step.adapter.to_owned(),
            sample: step.sample,
            inputs: slim_record(&step.inputs),
            outputs: step.outcome.as_ref().ok().map(slim_record),
            error: step.outcome.as_ref().err().cloned(),
            repairs: step.repairs.clone(),
            calls: step.calls.iter().map(RecordedCall::of).collect(),
        }
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> SystemTime {
        UNIX_EPOCH + std::time::Duration::from_millis(self.began_unix_ms)
    }

    /// Tokens and money of its calls that reached a model.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let answers = self.calls.iter().filter_map(|call| call.answer.as_ref());
        for answer in answers.filter(|answer| answer.source == Source::Model) {
            usage += answer.usage;
        }
        usage
    }
}

impl RecordedCall {
    fn of(call: &CallRecord) -> Self {
        let (answer, error) = match &call.result {
            Ok(response) => (Some(RecordedAnswer::of(response)), None),
            Err(error) => (None, Some(RecordedError::of(error))),
        };
        let shared = !call.request.prefix.messages().is_empty();
        Self {
            purpose: call.purpose,
            model: call.model.to_string(),
            took_ms: call.took.as_secs_f64() * 1e3,
            settings: Settings {
                extra: serde_json::Map::new(),
                ..call.request.settings.clone()
            },
            prefix: shared.then(|| call.request.prefix.digest().to_string()),
            messages: without_media(&call.request.turns),
            answer,
            error,
        }
    }
}

impl RecordedAnswer {
    fn of(response: &Response) -> Self {
        Self {
            parts: response.parts.iter().cloned().map(slim).collect(),
            finish: response.finish.clone(),
            usage: response.usage,
            model: response.model.clone(),
            source: response.source,
            attempts: response.attempts,
        }
    }
}

impl RecordedError {
    fn of(error: &LmError) -> Self {
        Self {
            kind: error.kind().name().to_owned(),
            message: error.message().to_owned(),
            attempts: error.attempts(),
            status: error.status(),
        }
    }
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    Trace { version: u32 },
    Prefix { id: String, messages: Vec<Message> },
    Step(Box<RecordedStep>),
    End { dropped: u64 },
}

/// Messages with the size of media in place of their bytes, and without what only providers can read.
pub(super) fn without_media(messages: &[Message]) -> Vec<Message> {
    let slimmed = messages.iter().map(|message| Message {
        role: message.role,
        parts: message.parts.iter().cloned().map(slim).collect(),
    });
    slimmed.collect()
}

fn slim(mut part: Part) -> Part {
    match &mut part {
        Part::Image { media } | Part::Audio { media } | Part::File { media } => forget(media),
        // Only its provider can read these.
        Part::Reasoning { signature, .. } => *signature = None,
        Part::Opaque { payload, .. } => *payload = Value::Null,
        _ => {}
    }
    part
}

fn forget(media: &mut Media) {
    if let MediaData::Base64(data) = &media.data {
        media.data = MediaData::Id(not_recorded(data.len()));
    }
}

/// The same with media in fields, which are [`Media`] as JSON.
fn slim_record(record: &Record) -> Record {
    let fields = record.iter().map(|(name, value)| {
        let mut value = value.clone();
        forget_in(&mut value);
        (name, value)
    });
    fields.collect()
}

fn forget_in(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_in),
        Value::Object(fields) => {
            if let Some(Value::String(data)) = fields.get_mut("base64") {
                *data = not_recorded(data.len());
            }
            fields.values_mut().for_each(forget_in);
        }
        _ => {}
    }
}

fn not_recorded(base64: usize) -> String {
    format!("({} bytes, not recorded)", base64 / 4 * 3)
}

pub(super) fn fault(file: &str, line: Option<usize>, problem: String) -> Error {
    Error::File(Box::new(FileError {
        file: file.to_owned(),
        line,
        column: None,
        problem,
    }))
}
