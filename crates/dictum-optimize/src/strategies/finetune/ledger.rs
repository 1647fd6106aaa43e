//! `tuning.json`: what was asked of the provider, so that a resumed run asks for nothing twice.
//!
//! What is about to be asked is written before it is asked, and the id that comes back as soon as it is there. A process that
//! ends in between leaves a `begun` without an id, and the next one looks the thing up at the provider.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use dictum_core::error::Result;
use dictum_core::lm::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::{ChatFile, TrainingFile};
use crate::candidate::short;
use crate::run::{file_error, pretty, problem, write_atomic};

/// The name of the file.
const NAME: &str = "tuning.json";
const FORMAT: u32 = 1;

/// The account of all that was asked of the provider.
#[derive(Debug)]
pub(super) struct Ledger {
    path: Option<PathBuf>,
    pub(super) book: Book,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Book {
    format: u32,
    /// The provider.
    pub(super) provider: String,
    /// Tells this run's files from all others at the provider. Random, for two runs that are the same in all else have files of
    /// their own; no result depends on it.
    pub(super) run: String,
    /// One for each training file.
    pub(super) jobs: Vec<Entry>,
}

/// A job and its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What is ordered, without the ids of files.
    pub(super) order: Value,
    pub(super) training: Upload,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) validation: Option<Upload>,
    /// The job was ordered, or is about to be.
    #[serde(default)]
    pub(super) begun: bool,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<String>,
    /// Jobs that ended without a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<String>,
    /// The model it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The tokens it was trained on, where the provider said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trained_tokens: Option<u64>,
}

/// A file at the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Upload {
    /// Its name there, which no other file has.
    pub(super) name: String,
    /// Digest of its content.
    digest: String,
    /// It was sent, or is about to be.
    #[serde(default)]
    pub(super) begun: bool,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
}

impl Upload {
    fn new(file: &ChatFile, run: &str) -> Self {
        Self {
            name: format!("dictum-{run}-{}", file.name),
            digest: short(&Digest::of_bytes(file.content.as_bytes())),
            begun: false,
            id: None,
        }
    }
}

impl Entry {
    fn new(file: &TrainingFile, order: &Value, run: &str) -> Self {
        Self {
            order: order.clone(),
            training: Upload::new(&file.training, run),
            validation: file.validation.as_ref().map(|file| Upload::new(file, run)),
            begun: false,
            job: None,
            failed: Vec::new(),
            model: None,
            trained_tokens: None,
        }
    }

    /// Whether it is of the same files and order.
    fn is_for(&self, other: &Self) -> bool {
        let digest = |upload: &Option<Upload>| upload.as_ref().map(|upload| upload.digest.clone());
        self.order == other.order
            && self.training.digest == other.training.digest
            && digest(&self.validation) == digest(&other.validation)
    }
}

impl Ledger {
    /// The account in a folder, begun if there is none; without a folder, one that is lost with the process.
    pub(super) fn open(
        folder: Option<&Path>,
        provider: &str,
        wanted: &[(&TrainingFile, Value)],
    ) -> Result<Self> {
        let path = folder.map(|folder| folder.join(NAME));
        let known = match &path {
            Some(path) => read(path)?,
            None => None,
        };
        let run = known.as_ref().map_or_else(token, |book| book.run.clone());
        let entry = |(file, order): &(&TrainingFile, Value)| Entry::new(file, order, &run);
        let fresh = Book {
            format: FORMAT,
            provider: provider.to_owned(),
            run: run.clone(),
            jobs: wanted.iter().map(entry).collect(),
        };
        let book = match (known, &path) {
            (Some(known), Some(path)) => same(known, &fresh, path)?,
            _ => fresh,
        };
        Ok(Self { path, book })
    }

    /// The ids of jobs in a folder that have not been seen to end.
    pub(super) fn open_jobs(folder: &Path) -> Result<Vec<String>> {
        let book = read(&folder.join(NAME))?;
        let jobs = book.into_iter().flat_map(|book| book.jobs);
        Ok(jobs
            .filter(|entry| entry.model.is_none())
            .filter_map(|entry| entry.job)
            .collect())
    }

    pub(super) fn save(&self) -> Result<()> {
        match &self.path {
            Some(path) => write_atomic(path, &pretty(&self.book)),
            None => Ok(()),
        }
    }

    /// Changes an entry, and keeps it so.
    pub(super) fn note(&mut self, place: usize, change: impl FnOnce(&mut Entry)) -> Result<()> {
        if let Some(entry) = self.book.jobs.get_mut(place) {
            change(entry);
        }
        self.save()
    }
}

fn read(path: &Path) -> Result<Option<Book>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(path, "can't be read", &error)),
    };
    let book: Book = serde_json::from_str(&text).map_err(|error| {
        problem(
            path,
            format!("is no account of trainings ({error}); a job it named may be under way"),
        )
    })?;
    if book.format != FORMAT {
        let words = format!(
            "was written in format {}, this version reads format {FORMAT}",
            book.format
        );
        return Err(problem(path, words));
    }
    Ok(Some(book))
}

/// The account as it was, if it is of what is to be trained now. One of something else stands aside only where nothing was
/// ordered: a job that was paid for is not forgotten.
fn same(known: Book, fresh: &Book, path: &Path) -> Result<Book> {
    let fits = known.provider == fresh.provider
        && known.jobs.len() == fresh.jobs.len()
        && known.jobs.iter().zip(&fresh.jobs).all(|(a, b)| a.is_for(b));
    if fits {
        return Ok(known);
    }
    if known
        .jobs
        .iter()
        .any(|entry| entry.begun || entry.model.is_some())
    {
        return Err(problem(
            path,
            "tells of a training on other examples, of another model, or with other settings; choose another folder for this \
             one, or remove the file if that training is no longer wanted",
        ));
    }
    Ok(fresh.clone())
}

/// A word that no other run has.
fn token() -> String {
    // The standard library's seeds of hash maps: random for each process, and another for each map.
    let number = || RandomState::new().build_hasher().finish();
    let time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map(|since| since.as_nanos() as u64)
        .unwrap_or_default();
    short(&Digest::of(&(number(), number(), time, std::process::id())))
}
