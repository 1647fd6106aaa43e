//! How a store is to be opened.

use std::path::Path;
use std::time::Duration;

use crate::DiskStore;
use crate::connection::Access;

/// How a [`DiskStore`] is opened: how long it keeps answers, and how many.
///
/// ```no_run
/// use std::time::Duration;
/// use dictum_cache::DiskStore;
///
/// let month = Duration::from_secs(30 * 24 * 3600);
/// let store = DiskStore::options().time_to_live(month).max_bytes(1 << 30).open("cache/answers.db");
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub(crate) keeping: Keeping,
    pub(crate) read_only: bool,
    pub(crate) max_pages: Option<u32>,
}

/// How long answers are kept, and how many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keeping {
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) max_bytes: Option<u64>,
}

impl Options {
    /// Answers older than this, in whole seconds, are not found any more, and are removed when the store is opened to write and
    /// when it makes room. Each process goes by its own time.
    #[must_use]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.keeping.time_to_live = Some(time);
        self
    }

    /// Makes room when the answers take more than this many bytes in the file: the tenth that was written first goes. The file
    /// itself does not shrink but uses the room again; [`DiskStore::clear`] shrinks it.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.keeping.max_bytes = Some(bytes);
        self
    }

    /// Only reads: nothing is made or changed.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Opens the store; see [`DiskStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> DiskStore {
        DiskStore::open_as(path.as_ref(), self)
    }

    pub(crate) fn access(self) -> Access {
        if self.read_only {
            Access::Read
        } else {
            Access::Write {
                max_pages: self.max_pages,
            }
        }
    }
}
