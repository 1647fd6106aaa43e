//! The one place that reads the environment, for constructors that say so in their name.

use dictum_core::lm::{LmError, LmErrorKind};

use crate::Secret;

/// The key in this environment variable.
///
/// # Errors
/// [`LmErrorKind::Auth`] when the variable is not set, is empty or is not text.
pub(crate) fn key(variable: &str) -> Result<Secret, LmError> {
    match std::env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(Secret::new(key)),
        _ => {
            let message = format!("set the environment variable {variable} to your API key");
            Err(LmError::new(LmErrorKind::Auth, message))
        }
    }
}
