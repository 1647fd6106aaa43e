//! What is learned about a predictor: data, apart from the program.

use serde::{Deserialize, Serialize};

use crate::lm::Settings;
use crate::record::Record;

/// What is learned about one predictor. The default is a predictor as written: its signature's instructions, no
/// demonstrations, the context's settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictorState {
    /// Instructions in place of the signature's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Demonstrations, in the order they are shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub demos: Vec<Demo>,
    /// Settings over the context's.
    #[serde(skip_serializing_if = "is_default")]
    pub settings: Settings,
}

fn is_default(settings: &Settings) -> bool {
    *settings == Settings::default()
}

/// A demonstration: inputs and outputs of one call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    /// Values by field name. Fields may be missing; the adapter then marks the demonstration.
    pub fields: Record,
    /// Whether the outputs were made by a program (and passed a metric) instead of taken from labelled data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub augmented: bool,
}

impl Demo {
    /// A demonstration from labelled data.
    #[must_use]
    pub fn labeled(fields: Record) -> Self {
        Self {
            fields,
            augmented: false,
        }
    }

    /// A demonstration made by a program.
    #[must_use]
    pub fn augmented(fields: Record) -> Self {
        Self {
            fields,
            augmented: true,
        }
    }
}
