//! How a command fails: exit code 1 when the work failed, 2 when it was asked for wrongly.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Why a command gives up.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The work failed.
    pub fn work(message: impl Display) -> Self {
        Self {
            code: 1,
            message: message.to_string(),
        }
    }

    /// The command was asked for wrongly.
    pub fn usage(message: impl Display) -> Self {
        Self {
            code: 2,
            message: message.to_string(),
        }
    }

    /// Ctrl-C: 128 and the signal's number, as shells count.
    pub fn interrupted(message: impl Display) -> Self {
        Self {
            code: 130,
            message: message.to_string(),
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Writes the message to standard error, as JSON where wanted, and gives the exit code.
    pub fn report(self, json: bool) -> ExitCode {
        let text = if json {
            serde_json::json!({"error": self.message, "code": self.code}).to_string()
        } else {
            format!("dictum: {}", self.message)
        };
        // Not `eprintln!`, which panics where standard error is closed: the exit code still tells.
        let _ = writeln!(std::io::stderr(), "{text}");
        ExitCode::from(self.code)
    }
}

impl From<dictum_core::Error> for Failure {
    fn from(error: dictum_core::Error) -> Self {
        match error {
            // A signature or input that can't be is a fault of the command line.
            dictum_core::Error::Signature(_) | dictum_core::Error::Input(_) => Self::usage(error),
            error => Self::work(error),
        }
    }
}

impl From<dictum_core::signature::SignatureError> for Failure {
    fn from(error: dictum_core::signature::SignatureError) -> Self {
        Self::usage(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::work(error)
    }
}
