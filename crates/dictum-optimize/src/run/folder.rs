//! A run folder on disk, held by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dictum_core::error::{Error, FileError, Result};

use super::{Identity, Journal};

/// A folder of a run, locked for this process until it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The operating system frees the lock with the process, however that ends: a lock is never stale.
    lock: File,
}

impl Drop for Folder {
    /// Closing the file frees the lock too, but not while a process that was just forked off this one still has it open.
    fn drop(&mut self) {
        // What can't be unlocked is closed next.
        let _ = self.lock.unlock();
    }
}

impl Folder {
    /// Opens the folder for this run: makes it, or checks that the run in it is this one. Gives its journal.
    pub(crate) fn open(path: &Path, identity: &Identity) -> Result<(Self, Journal)> {
        fs::create_dir_all(path).map_err(|error| file_error(path, "can't be made", &error))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| file_error(&lock_path, "can't be opened", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(problem(
                    path,
                    "another process is using this run folder; wait for it, or choose another folder",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(file_error(&lock_path, "can't be locked", &error)),
        }
        let run = path.join("run.json");
        match fs::read_to_string(&run) {
            Ok(stored) => identity.check(&stored, &run.display().to_string())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.join("journal.jsonl").exists() {
                    let words = "the folder has a journal and no run.json; choose another folder";
                    return Err(problem(path, words));
                }
                write_atomic(&run, &pretty(identity))?;
            }
            Err(error) => return Err(file_error(&run, "can't be read", &error)),
        }
        let journal = Journal::open(&path.join("journal.jsonl"))?;
        Ok((
            Self {
                path: path.to_owned(),
                lock,
            },
            journal,
        ))
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// A value as indented JSON with a newline at the end.
pub(crate) fn pretty<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Our own types with text keys: writing them as JSON can't fail.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|error| file_error(path, "can't be written", &error))
}

pub(crate) fn file_error(path: &Path, what: &str, error: &io::Error) -> Error {
    problem(path, format!("{what}: {error}"))
}

pub(crate) fn problem(path: &Path, problem: impl Into<String>) -> Error {
    Box::new(FileError {
        file: path.display().to_string(),
        line: None,
        column: None,
        problem: problem.into(),
    })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_when_it_is_dropped_though_a_child_process_still_has_its_lock_open() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::new();
        let (folder, _journal) = Folder::open(dir.path(), &identity).unwrap();
        // What a fork does: the same open file under another descriptor.
        let _of_the_child = folder.lock.try_clone().unwrap();
        assert!(Folder::open(dir.path(), &identity).is_err());
        drop(folder);
        Folder::open(dir.path(), &identity).unwrap();
    }
}
