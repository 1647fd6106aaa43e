//! What can go wrong, in one type.

use std::fmt;

use crate::lm::LmError;
use crate::parse::AnswerError;
use crate::program::stream::Stopped;
use crate::signature::SignatureError;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call, a program or a load failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model could not be called, or refused.
    #[error(transparent)]
    Lm(#[from] LmError),
    /// The model answered, and the answer can't be read as the outputs, or breaks a constraint.
    #[error(transparent)]
    Answer(#[from] Box<AnswerError>),
    /// A guard ended the call while the answer was coming.
    #[error(transparent)]
    Stopped(#[from] Box<Stopped>),
    /// A value given to a program does not fit its signature.
    #[error(transparent)]
    Input(#[from] Box<InputError>),
    /// A signature can't be built.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Data, program state or another file can't be read or written.
    #[error("{0}")]
    File(#[from] Box<FileError>),
    /// The program's own code failed.
    #[error("{0}")]
    Program(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An input that does not fit: the field and what is wrong with it.
    pub fn input(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Input(Box::new(InputError {
            field: field.into(),
            problem: problem.into(),
        }))
    }

    /// An error of the program's own code, such as a failing retriever.
    pub fn program(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Program(error.into())
    }

    /// A short name of the cause, the same for all errors of one kind, to count by.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Lm(error) => error.kind().name(),
            Self::Answer(_) => "unreadable answer",
            Self::Stopped(_) => "stopped",
            Self::Input(_) => "bad input",
            Self::Signature(_) => "bad signature",
            Self::File(_) => "file",
            Self::Program(_) => "program",
        }
    }
}

/// A value that does not fit the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field `{}` {}", self.field, self.problem)
    }
}

impl std::error::Error for InputError {}

/// A file that can't be read or written, with the place of the fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1, if the fault has one.
    pub line: Option<usize>,
    /// Column, from 1, if the fault has one.
    pub column: Option<usize>,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for FileError {}
