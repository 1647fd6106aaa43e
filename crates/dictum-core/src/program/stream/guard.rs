//! Ending a call while its answer is still coming.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::record::Record;

/// What is there of an output field, for a guard to look at.
#[derive(Debug, Clone, Copy)]
pub struct PartialField<'a> {
    /// The path of the predictor.
    pub path: &'a str,
    /// The field.
    pub field: &'a str,
    /// What is there.
    pub value: Seen<'a>,
}

/// How much of a field is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen<'a> {
    /// The text so far of a text field, from its beginning.
    Text(&'a str),
    /// What can be read so far of a structured field.
    Partial(&'a Value),
    /// The whole value.
    Whole(&'a Value),
}

/// A call that a guard ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopped {
    /// The guard.
    pub by: String,
    /// What it gave as its reason.
    pub reason: String,
    /// The path of the predictor.
    pub path: String,
    /// The field it looked at.
    pub field: String,
    /// The fields that were done by then.
    pub fields: Record,
    /// What the model had written by then.
    pub text: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: stopped by `{}` at field `{}`: {}",
            self.path, self.by, self.field, self.reason
        )
    }
}

impl std::error::Error for Stopped {}

type Look = dyn Fn(&PartialField<'_>) -> Result<(), String> + Send + Sync;

/// A look at fields as they come.
#[derive(Clone)]
pub(super) struct Guard {
    name: Arc<str>,
    look: Arc<Look>,
}

impl Guard {
    pub(super) fn new(
        name: &str,
        look: impl Fn(&PartialField<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            look: Arc::new(look),
        }
    }

    /// The guard's name and its reason to end the call, if it has one.
    pub(super) fn objects(&self, part: &PartialField<'_>) -> Option<(&str, String)> {
        let reason = (self.look)(part).err()?;
        Some((&self.name, reason))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.name).finish()
    }
}
