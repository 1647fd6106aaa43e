//! `journal.jsonl`: every finished call and rollout, written as it ends.
//!
//! One JSON object per line, written with one system call, closed by a checksum of what stands before it. After `kill -9`
//! at most the last line is torn: it is dropped when the journal is opened. A line damaged in the middle is left out, and
//! what it held is done again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use dictum_core::error::Result;
use dictum_core::lm::{Digest, Response};
use serde::{Deserialize, Serialize};

use super::folder::file_error;
use crate::strategy::Done;

/// The journal of a run; without a folder, in memory only.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// By the rollout that made them, or what rollouts share them under.
    calls: Mutex<HashMap<String, Calls>>,
    rollouts: Mutex<HashMap<String, Arc<Done>>>,
    damaged: usize,
    out: Option<Mutex<Out>>,
}

/// By request, and how many calls of the same request stand before.
type Calls = HashMap<(Digest, u32), Arc<CallLine>>;

#[derive(Debug)]
struct Out {
    file: File,
    failed: Option<String>,
}

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Call(CallLine),
    Rollout {
        rollout: String,
        label: String,
        done: Arc<Done>,
    },
}

/// A finished call of the model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CallLine {
    /// The rollout that made it.
    pub(crate) rollout: String,
    /// What all rollouts share it under that ask the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<String>,
    /// The request.
    pub(crate) digest: Digest,
    /// How many calls of the same request this rollout had made before.
    pub(crate) occurrence: u32,
    /// How many physical calls it took: retries count, a cache's answer takes none.
    pub(crate) spent: u64,
    /// What came back.
    #[serde(flatten)]
    pub(crate) result: CallResult,
}

/// What came of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallResult {
    /// The answer.
    Response(Box<Response>),
    /// A refusal that the same request would meet again: its kind and message.
    Refused(String, String),
}

/// What stands between a line and its checksum.
const SUM: &str = ",\"sum\":\"";

impl Journal {
    /// Opens a journal, or begins one.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(file_error(path, "can't be read", &error)),
        };
        let mut journal = Self::default();
        let mut whole = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else {
                break;
            };
            whole += line.len();
            match unsealed(text) {
                Some(Line::Call(call)) => {
                    journal.keep(call);
                }
                Some(Line::Rollout { rollout, done, .. }) => {
                    lock(&journal.rollouts).insert(rollout, done);
                }
                None => journal.damaged += 1,
            }
        }
        let open = || {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            // Cuts off the torn last line, so that the next one begins at the start of a line.
            file.set_len(whole as u64)?;
            Ok(file)
        };
        let file = open().map_err(|error| file_error(path, "can't be opened", &error))?;
        journal.out = Some(Mutex::new(Out { file, failed: None }));
        Ok(journal)
    }

    /// How many finished rollouts a journal holds; 0 where there is none.
    pub(crate) fn count(path: &Path) -> Result<usize> {
        match fs::read(path) {
            Ok(bytes) => Ok(bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| matches!(unsealed(line), Some(Line::Rollout { .. })))
                .count()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(file_error(path, "can't be read", &error)),
        }
    }

    /// How many lines were damaged and left out.
    pub(crate) fn damaged(&self) -> usize {
        self.damaged
    }

    /// A call made before: by an earlier process, or by another rollout that shares its calls.
    pub(crate) fn call(&self, group: &str, digest: Digest, occurrence: u32) -> Option<Arc<CallLine>> {
        lock(&self.calls).get(group)?.get(&(digest, occurrence)).cloned()
    }

    /// Whether there are calls that rollouts share under this name.
    pub(crate) fn shares(&self, group: &str) -> bool {
        lock(&self.calls).contains_key(group)
    }

    fn keep(&self, call: CallLine) {
        let group = call.shared.as_ref().unwrap_or(&call.rollout).clone();
        let mut calls = lock(&self.calls);
        let group = calls.entry(group).or_default();
        group.insert((call.digest, call.occurrence), Arc::new(call));
    }

    /// A rollout finished before, by this process or an earlier one.
    pub(crate) fn rollout(&self, key: &str) -> Option<Arc<Done>> {
        lock(&self.rollouts).get(key).cloned()
    }

    /// Keeps a finished call.
    pub(crate) fn add_call(&self, call: CallLine) {
        let kept = call.shared.is_some().then(|| call.clone());
        if self.out.is_some() {
            self.write(&Line::Call(call));
        }
        if let Some(call) = kept {
            self.keep(call);
        }
    }

    /// Keeps a finished rollout. One that is not `lasting`, for the model could not be
    /// reached, is kept for this process only.
    pub(crate) fn add_rollout(&self, key: &str, label: &str, done: &Arc<Done>, lasting: bool) {
        lock(&self.rollouts).insert(key.to_owned(), done.clone());
        if lasting && self.out.is_some() {
            self.write(&Line::Rollout {
                rollout: key.to_owned(),
                label: label.to_owned(),
                done: done.clone(),
            });
        }
    }

    /// Why the journal could not be written, if it could not. What is not in it would be lost with the process.
    pub(crate) fn failure(&self) -> Option<String> {
        let out = self.out.as_ref()?;
        out.lock().unwrap_or_else(PoisonError::into_inner).failed.clone()
    }

    fn write(&self, line: &Line) {
        let Some(out) = &self.out else { return };
        let bytes = sealed(line);
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.failed.is_none()
            && let Err(error) = out.file.write_all(&bytes)
        {
            out.failed = Some(error.to_string());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line with its checksum and newline.
fn sealed(line: &Line) -> Vec<u8> {
    // Our own types with text keys: writing them as JSON can't fail.
    let text = serde_json::to_string(line).unwrap_or_default();
    let body = text.strip_suffix('}').unwrap_or(&text);
    format!("{body}{SUM}{}\"}}\n", checksum(body)).into_bytes()
}

/// A line that is whole.
fn unsealed(bytes: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (body, tail) = text.rsplit_once(SUM)?;
    if tail.strip_suffix("\"}")? != checksum(body) {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn checksum(body: &str) -> String {
    crate::candidate::short(&Digest::of_bytes(body.as_bytes()))
}
