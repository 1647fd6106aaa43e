//! Answers in memory.

use std::fmt;
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, ready};
use quick_cache::Weighter;
use quick_cache::sync::DefaultLifecycle;

use super::{Store, now};
use crate::lm::digest::Hashed;
use crate::lm::{Digest, Part, Response, Source};

/// Answers in memory, the least useful dropped when it is full.
///
/// An answer is kept as it is: its provider's payload, the largest part, is a text that the store and all who were given the
/// answer share.
pub struct MemoryStore {
    entries: Entries,
    time_to_live: Option<Duration>,
}

type Entries = quick_cache::sync::Cache<Digest, Entry, Weight, BuildHasherDefault<Hashed>>;

#[derive(Clone)]
struct Entry {
    answer: Arc<Response>,
    kept: Option<Instant>,
}

/// What counts toward the capacity.
#[derive(Clone, Copy)]
enum Weight {
    Answers,
    Bytes,
}

/// What an entry takes beside its texts, about.
const OVERHEAD: usize = 128 + size_of::<Response>();

fn bytes(answer: &Response) -> usize {
    let part = |part: &Part| match part {
        Part::Text { text } => text.len(),
        // As JSON: about the size of what these hold, and there are few.
        other => serde_json::to_string(other).map_or(0, |text| text.len()),
    };
    let raw = answer.raw.as_ref().map_or(0, |payload| payload.text().len());
    OVERHEAD + answer.parts.iter().map(part).sum::<usize>() + answer.model.len() + raw
}

impl Weighter<Digest, Entry> for Weight {
    fn weight(&self, _: &Digest, entry: &Entry) -> u64 {
        match self {
            Self::Answers => 1,
            Self::Bytes => bytes(&entry.answer) as u64,
        }
    }
}

impl MemoryStore {
    /// A store of at most this many answers.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with(capacity, capacity as u64, Weight::Answers)
    }

    /// A store of at most this many bytes, about.
    #[must_use]
    pub fn of_bytes(capacity: u64) -> Self {
        // An answer with its payload takes a few kilobytes; that only sizes the tables.
        let answers = usize::try_from(capacity / 2048).unwrap_or(usize::MAX);
        Self::with(answers.clamp(16, 1 << 20), capacity, Weight::Bytes)
    }

    fn with(answers: usize, capacity: u64, weight: Weight) -> Self {
        let hashed = BuildHasherDefault::default();
        Self {
            entries: Entries::with(answers, capacity, weight, hashed, DefaultLifecycle::default()),
            time_to_live: None,
        }
    }

    /// The same, forgetting each answer after this time. Without, answers stay as long as there is room.
    #[must_use]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = Some(time);
        self
    }

    /// How many answers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops all answers.
    pub fn clear(&self) {
        self.entries.clear();
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.entries.capacity())
            .field("time_to_live", &self.time_to_live)
            .finish()
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Digest) -> BoxFuture<'a, Option<Response>> {
        let found = self.entries.get(key).filter(|entry| {
            let over = self.time_to_live.zip(entry.kept);
            let over = over.is_some_and(|(time, kept)| now().saturating_duration_since(kept) >= time);
            if over {
                self.entries.remove(key);
            }
            !over
        });
        Box::pin(ready(found.map(|entry| (*entry.answer).clone())))
    }

    fn put<'a>(&'a self, key: &'a Digest, response: &'a Response) -> BoxFuture<'a, ()> {
        let entry = Entry {
            // As a store on disk gives it: how it was had is no part of it.
            answer: Arc::new(Response {
                source: Source::default(),
                attempts: 0,
                ..response.clone()
            }),
            kept: self.time_to_live.map(|_| now()),
        };
        self.entries.insert(*key, entry);
        Box::pin(ready(()))
    }
}
