//! How a command fails: exit code 1 when the work failed, 2 when it was asked for wrongly.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use dictum_core::lm::{LmError, LmErrorKind};

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
            dictum_core::Error::Lm(error) => match hint(&error) {
                Some(hint) => Self::work(format!("{error}\n{hint}")),
                None => Self::work(error),
            },
            error => Self::work(error),
        }
    }
}

/// What to do about an error of the model that a command line can cause.
fn hint(error: &LmError) -> Option<&'static str> {
    match error.kind() {
        _ if error.status() == Some(404) => Some(
            "is --base-url right? It usually ends in /v1, and the server must have the model that --lm names",
        ),
        LmErrorKind::Transport => Some("is the server running, and is --base-url its address?"),
        LmErrorKind::Auth => Some(
            "is the key in the service's variable (OPENAI_API_KEY for openai) the right one for this server?",
        ),
        _ => None,
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
