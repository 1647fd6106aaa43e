//! A disk cache of LM answers for Dictum, shared safely by several processes.
//!
//! One SQLite file in WAL mode, in its own crate so that only those who want it build SQLite. It is a
//! [`Store`] for the [`Cache`](dictum_core::lm::layers::Cache) layer:
//!
//! ```no_run
//! use dictum_cache::DiskStore;
//! use dictum_core::lm::layers::{MemoryStore, standard};
//!
//! let layers = standard().cache(DiskStore::open("cache/answers.db")).cache(MemoryStore::new(10_000));
//! ```
//!
//! It never fails a call. What can't be read is a miss; what can't be written, on a full or read-only disk say, is lost and
//! counted. When a call returns, its answer is committed: a process that is killed loses only what was in flight. Answers stay
//! until they are cleared, unless [`DiskStore::options`] bound their time or their size.
//! Values are JSON, so the file can be looked into with any SQLite tool.

mod connection;
mod options;
mod stats;
mod worker;

pub use options::Options;
pub use stats::{Stats, Status};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dictum_core::lm::layers::Store;
use dictum_core::lm::{Digest, Response};
use futures_util::future::BoxFuture;

use self::connection::Opened;
use self::worker::{Entry, Reader, Writer};

/// A cache in one file. Clones share it, and it may be open in any number of processes at once.
#[derive(Clone)]
pub struct DiskStore(Arc<Inner>);

struct Inner {
    path: PathBuf,
    status: Status,
    reader: Option<Reader>,
    writer: Option<Writer>,
    counts: Counts,
}

/// What happened since the store was opened.
#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    damaged: AtomicU64,
    written: AtomicU64,
    lost: AtomicU64,
}

impl DiskStore {
    /// Opens the cache in this file, or makes it, its folder too.
    ///
    /// Never fails: where the file can't be written it is only read, and where it can't be read either, every look-up is a miss;
    /// [`DiskStore::status`] says so and why. A file that is not a cache, or damaged so that it can't be opened, is set aside
    /// under the name with `.damaged` at its end, and a new one is made.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self::options().open(path)
    }

    /// Opens the cache in this file to read from it only. Nothing is made or changed.
    pub fn open_read_only(path: impl AsRef<Path>) -> Self {
        Self::options().read_only().open(path)
    }

    /// How to open a cache with a time to live or a bound on its size.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    fn open_as(path: &Path, options: Options) -> Self {
        let Opened {
            reader,
            writer,
            status,
        } = connection::open(path, options.access());
        Self(Arc::new(Inner {
            path: path.to_owned(),
            status,
            reader: reader.and_then(|reader| Reader::start(reader, options.keeping)),
            writer: writer.and_then(|writer| Writer::start(writer, options.keeping)),
            counts: Counts::default(),
        }))
    }

    /// Whether it reads and writes, only reads, or does neither.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.0.status
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Store for DiskStore {
    fn get<'a>(&'a self, key: &'a Digest) -> BoxFuture<'a, Option<Response>> {
        Box::pin(async move {
            let Inner { reader, counts, .. } = &*self.0;
            let entry = match reader {
                Some(reader) => reader.read(*key).await,
                None => Ok(None),
            };
            let found = match entry {
                Ok(Some(entry)) => entry.response().ok_or(()).map(Some),
                Ok(None) => Ok(None),
                Err(()) => Err(()),
            };
            count(match &found {
                Ok(Some(_)) => &counts.hits,
                Ok(None) => &counts.misses,
                Err(()) => &counts.damaged,
            });
            found.ok().flatten()
        })
    }

    fn put<'a>(&'a self, key: &'a Digest, response: &'a Response) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Inner { writer, counts, .. } = &*self.0;
            let written = match (writer, Entry::of(response)) {
                (Some(writer), Some(entry)) => writer.write(*key, entry).await,
                _ => false,
            };
            count(if written { &counts.written } else { &counts.lost });
        })
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore")
            .field("path", &self.0.path)
            .field("status", &self.0.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
