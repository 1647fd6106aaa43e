//! Runs that were, read from their folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dictum_core::error::Result;
use serde_json::Value;

use super::folder::{file_error, problem};
use super::{Identity, Journal};
use crate::report::Report;

/// A run as its folder tells it: what it is, and what it found when it has ended.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// The folder.
    pub folder: PathBuf,
    /// The optimizer.
    pub optimizer: String,
    /// What its result follows from beside the model's answers: settings, seed, budget, data, program, context.
    pub facts: serde_json::Map<String, Value>,
    /// Finished rollouts in its journal.
    pub rollouts: usize,
    /// What it found; `None` while it runs, and after a crash until it is resumed.
    pub report: Option<Report>,
}

impl RunRecord {
    /// Reads a run folder. Nothing is written or locked.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the folder holds no run or a file in it can't be read.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join("run.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(problem(folder, "holds no run: it has no run.json"));
            }
            Err(error) => return Err(file_error(&path, "can't be read", &error)),
        };
        let identity: Identity = serde_json::from_str(&text)
            .map_err(|error| problem(&path, format!("is no description of a run: {error}")))?;
        let optimizer = identity.facts.get("optimizer").and_then(Value::as_str);
        Ok(Self {
            folder: folder.to_owned(),
            optimizer: optimizer.unwrap_or_default().to_owned(),
            rollouts: Journal::count(&folder.join("journal.jsonl"))?,
            report: report(&folder.join("report.json"))?,
            facts: identity.facts.into_iter().collect(),
        })
    }

    /// The runs in a folder and in its folders, three levels deep, by path. Folders that can't be read are passed over.
    #[must_use]
    pub fn find(folder: impl AsRef<Path>) -> Vec<Self> {
        let mut found = Vec::new();
        collect(folder.as_ref(), 3, &mut found);
        found.sort_by(|a, b| a.folder.cmp(&b.folder));
        found
    }
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<RunRecord>) {
    found.extend(RunRecord::read(folder).ok());
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), depth - 1, found);
        }
    }
}

fn report(path: &Path) -> Result<Option<Report>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(path, "can't be read", &error)),
    };
    let report = serde_json::from_str(&text);
    report
        .map(Some)
        .map_err(|error| problem(path, format!("is no report of this version: {error}")))
}
