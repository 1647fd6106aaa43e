//! What is learned about a predictor: data, apart from the program.

use serde::{Deserialize, Serialize};

use crate::lm::Settings;
use crate::record::Record;
use crate::signature::SignatureSpec;

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
    /// The model, by its name in the context's roster ([`Context::with_lms`](super::Context::with_lms)); the context's own if
    /// not set. A name, never an address or key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lm: Option<String>,
    /// The adapter, by name: `chat`, `json`, `xml`, or one the context was given
    /// ([`Context::with_adapters`](super::Context::with_adapters)); the context's own if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Whether the model is asked to reason before it answers; as the signature says if not set.
    ///
    /// On, a signature without an output `reasoning` gets one in front, in the prompt only: the trace has it, demonstrations
    /// may have it, the program's output does not. Off, a text output `reasoning`, such as
    /// [`ChainOfThought`](crate::modules::ChainOfThought) adds, is not asked for and comes back empty; the trace lacks it. A
    /// signature with no other output, or whose `reasoning` is no text, stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<bool>,
}

impl PredictorState {
    /// The signature the model is asked for in this state, where that is not the predictor's own: see
    /// [`PredictorState::reasoning`].
    #[must_use]
    pub fn asked(&self, spec: &SignatureSpec) -> Option<SignatureSpec> {
        match self.reasoning? {
            true => super::reasoning::with(spec),
            false => super::reasoning::without(spec),
        }
    }

    /// What it chooses beside its texts, a line each: model, adapter, reasoning, settings. What is as the context has it is
    /// left out.
    #[must_use]
    pub fn choices(&self) -> Vec<String> {
        let reasoning = self.reasoning.map(|on| if on { "on" } else { "off" }.to_owned());
        let named = [
            ("lm", self.lm.clone()),
            ("adapter", self.adapter.clone()),
            ("reasoning", reasoning),
        ];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
        let settings = match serde_json::to_value(&self.settings) {
            Ok(serde_json::Value::Object(settings)) => settings,
            _ => serde_json::Map::new(),
        };
        let settings = settings
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"));
        named.chain(settings).collect()
    }
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
