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
use crate::lm::{Digest, Part, Response};

/// Answers in memory, the least useful dropped when it is full.
///
/// A provider's raw payload is kept as text, which takes a fraction of the memory of the JSON tree, and is read again for a hit.
pub struct MemoryStore {
    entries: Entries,
    time_to_live: Option<Duration>,
}

type Entries = quick_cache::sync::Cache<Digest, Arc<Entry>, Weight, BuildHasherDefault<Hashed>>;

struct Entry {
    /// The answer without its raw payload.
    response: Response,
    raw: Option<Box<[u8]>>,
    kept: Option<Instant>,
}

/// What counts toward the capacity.
#[derive(Clone, Copy)]
enum Weight {
    Answers,
    Bytes,
}

impl Weighter<Digest, Arc<Entry>> for Weight {
    fn weight(&self, _: &Digest, entry: &Arc<Entry>) -> u64 {
        match self {
            Self::Answers => 1,
            Self::Bytes => entry.bytes(),
        }
    }
}

impl Entry {
    fn of(response: &Response, kept: Option<Instant>) -> Self {
        let raw = response.raw.as_ref().and_then(|raw| {
            // Written with room and copied once, which costs less than to grow and to shrink.
            let mut text = Vec::with_capacity(2048);
            serde_json::to_writer(&mut text, raw).ok()?;
            Some(Box::from(text.as_slice()))
        });
        Self {
            response: Response {
                parts: response.parts.clone(),
                finish: response.finish.clone(),
                model: response.model.clone(),
                raw: None,
                ..*response
            },
            raw,
            kept,
        }
    }

    fn response(&self) -> Response {
        let raw = self.raw.as_ref().and_then(|raw| serde_json::from_slice(raw).ok());
        Response {
            raw: raw.map(Arc::new),
            ..self.response.clone()
        }
    }

    /// About what it takes.
    fn bytes(&self) -> u64 {
        let parts = self.response.parts.iter().map(|part| {
            let content = match part {
                Part::Text { text } => text.len(),
                Part::Reasoning { text, signature } => text.len() + signature.as_ref().map_or(0, String::len),
                Part::ToolCall { id, name, arguments } => id.len() + name.len() + arguments.to_string().len(),
                // An answer holds no other parts.
                _ => 0,
            };
            content + size_of::<Part>()
        });
        let raw = self.raw.as_ref().map_or(0, |raw| raw.len());
        let own = size_of::<Self>() + size_of::<Digest>() + self.response.model.len();
        (parts.sum::<usize>() + raw + own) as u64
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
        Box::pin(ready(found.map(|entry| entry.response())))
    }

    fn put<'a>(&'a self, key: &'a Digest, response: &'a Response) -> BoxFuture<'a, ()> {
        let kept = self.time_to_live.map(|_| now());
        self.entries.insert(*key, Arc::new(Entry::of(response, kept)));
        Box::pin(ready(()))
    }
}
