//! The model's reasoning as a field type.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::special;
use crate::types::Kind;

/// The model's reasoning: text that a provider may give apart from the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reasoning(String);

impl Reasoning {
    /// Reasoning with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Reasoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Reasoning {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<S: Into<String>> From<S> for Reasoning {
    fn from(text: S) -> Self {
        Self::new(text)
    }
}

special!(Reasoning, Kind::Reasoning);
