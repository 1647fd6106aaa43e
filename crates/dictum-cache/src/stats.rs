//! What the cache holds and did, and emptying it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use dictum_core::error::FileError;
use rusqlite::{Connection, OpenFlags};

use crate::DiskStore;

/// What a [`DiskStore`] can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Read and write.
    ReadWrite,
    /// Read only, for this reason.
    ReadOnly(String),
    /// Neither, for this reason.
    Off(String),
}

/// What a [`DiskStore`] holds, and what it did since it was opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Answers in the file.
    pub entries: u64,
    /// Size of the file in bytes, what waits beside it to be merged not counted.
    pub bytes: u64,
    /// Look-ups that found an answer.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Look-ups that found a damaged answer or could not be made.
    pub damaged: u64,
    /// Answers written.
    pub written: u64,
    /// Answers that could not be written.
    pub lost: u64,
}

impl DiskStore {
    /// Counts what the file holds. Waits for the disk; meant for command lines, not for calls.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn stats(&self) -> Result<Stats, FileError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let counted = || {
            let entries =
                connection.query_row("SELECT count(*) FROM answers", [], |row| row.get::<_, i64>(0))?;
            let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            Ok((entries.unsigned_abs(), pages.saturating_mul(size).unsigned_abs()))
        };
        let (entries, bytes) =
            counted().map_err(|error: rusqlite::Error| self.error("can't be read", &error))?;
        let counts = &self.0.counts;
        Ok(Stats {
            entries,
            bytes,
            hits: counts.hits.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            damaged: counts.damaged.load(Ordering::Relaxed),
            written: counts.written.load(Ordering::Relaxed),
            lost: counts.lost.load(Ordering::Relaxed),
        })
    }

    /// Removes all answers and gives the space back. Returns how many there were. Waits for the disk.
    ///
    /// # Errors
    /// When the file can't be written, or another process keeps it busy for long.
    pub fn clear(&self) -> Result<u64, FileError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let removed = connection
            .execute("DELETE FROM answers", [])
            .map_err(|error| self.error("can't be emptied, so delete it", &error))?;
        // The answers are gone; whether the space comes back now or later is no failure.
        connection
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
            .ok();
        Ok(removed as u64)
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, FileError> {
        if let Status::Off(reason) = self.status() {
            return Err(self.error("is not a cache that can be used", reason));
        }
        let connection = Connection::open_with_flags(&self.0.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        connection
            .and_then(|connection| {
                connection
                    .busy_timeout(Duration::from_secs(10))
                    .map(|()| connection)
            })
            .map_err(|error| self.error("can't be opened", &error))
    }

    fn error(&self, what: &str, why: impl std::fmt::Display) -> FileError {
        FileError {
            file: self.0.path.display().to_string(),
            line: None,
            column: None,
            problem: format!("{what}: {why}"),
        }
    }
}
