//! One example.

use serde::{Deserialize, Serialize};

use crate::lm::Digest;
use crate::record::Record;

/// One example: inputs of a program, and what is known of the right outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    id: String,
    inputs: Record,
    labels: Record,
}

impl Example {
    /// An example of these inputs and labels. Its id is a hash of both, so the same example has the same id everywhere.
    #[must_use]
    pub fn new(inputs: Record, labels: Record) -> Self {
        let mut id = Digest::of(&(&inputs, &labels)).to_string();
        id.truncate(16);
        Self { id, inputs, labels }
    }

    /// What identifies it: 16 hex digits. Examples of the same content share it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What goes into the program.
    #[must_use]
    pub fn inputs(&self) -> &Record {
        &self.inputs
    }

    /// What is known of the right outputs, and whatever else the metric needs.
    #[must_use]
    pub fn labels(&self) -> &Record {
        &self.labels
    }
}
