//! The one place that reads the environment, for constructors that say so in their name.

use dictum_core::lm::{LmError, LmErrorKind};

use crate::Secret;

/// The key in this environment variable.
///
/// # Errors
/// [`LmErrorKind::Auth`] when the variable is not set, is empty or is not text.
pub(crate) fn key(variable: &str) -> Result<Secret, LmError> {
    text(variable).map(Secret::new).ok_or_else(|| {
        let message = format!("set the environment variable {variable} to your API key");
        LmError::new(LmErrorKind::Auth, message)
    })
}

/// What this environment variable says, if it is set, is text and is not blank.
pub(crate) fn text(variable: &str) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|text| !text.trim().is_empty())
}
