//! Program state: what a program has learned, as a file.
//!
//! A state is JSON, versioned, and holds text and numbers only: no keys, no endpoints, no code, no time and no place.
//! It names the fields of each predictor's signature, and is checked against the program it is loaded into.
//!
//! ```no_run
//! # fn main() -> dictum_core::Result<()> {
//! use dictum_core::{modules::ChainOfThought, state::ProgramExt};
//! let program = ChainOfThought::parse("question -> answer")?;
//! program.save("qa.json")?;
//! let program = ChainOfThought::parse("question -> answer")?.load("qa.json")?;
//! # Ok(()) }
//! ```

mod apply;
mod build;
mod diff;
pub mod dspy;
mod ext;
mod file;
mod report;
mod secrets;
mod show;

pub use build::ProgramKind;
pub use diff::{diff, line_diff};
pub use ext::ProgramExt;
pub use report::{DemoIssue, FieldChange, LoadReport};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::program::{Overlay, Parameters, PredictorState, predictors, texts, thresholds};
use crate::signature::SignatureSpec;

/// What a program has learned: for each predictor by path, its signature and state; for each text its words; for each
/// threshold its number.
///
/// Displays for people, one demonstration to a line. Equal states are written as equal bytes: predictors in the order of the program, demonstrations' fields in the order of
/// the signature, free keys sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProgramState {
    kind: Option<ProgramKind>,
    predictors: IndexMap<String, SavedPredictor>,
    texts: IndexMap<String, SavedText>,
    thresholds: IndexMap<String, SavedThreshold>,
    metadata: Map<String, Value>,
    unplaced: Map<String, Value>,
}

/// One predictor of a [`ProgramState`].
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPredictor {
    /// The signature it had when it was saved.
    pub signature: SignatureSpec,
    /// What it has learned.
    pub state: PredictorState,
}

/// One text of a [`ProgramState`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedText {
    /// What it is for, as the program said when it was saved.
    pub purpose: String,
    /// The text the program declared then.
    pub declared: String,
    /// What was learned in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<String>,
}

impl SavedText {
    /// The text: what was learned, else what was declared.
    #[must_use]
    pub fn text(&self) -> &str {
        self.learned.as_deref().unwrap_or(&self.declared)
    }
}

/// One threshold of a [`ProgramState`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedThreshold {
    /// What it is for, as the program said when it was saved.
    pub purpose: String,
    /// The number the program declared then.
    pub declared: f64,
    /// What was learned in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<f64>,
}

impl SavedThreshold {
    /// The number: what was learned, else what was declared.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.learned.unwrap_or(self.declared)
    }
}

impl ProgramState {
    /// The state a program has now.
    pub fn of<P: Parameters + ?Sized>(program: &P) -> Self {
        Self::of_candidate(program, &Overlay::new())
    }

    /// The state of a program as a candidate: the overlay's states where it has them, else the program's own.
    pub fn of_candidate<P: Parameters + ?Sized>(program: &P, overlay: &Overlay) -> Self {
        let saved = predictors(program).into_iter().map(|(path, predictor)| {
            let state = overlay.get(&path).unwrap_or(predictor.state()).clone();
            let signature = predictor.spec().clone();
            (path, SavedPredictor { signature, state })
        });
        let saved_texts = texts(program).into_iter().map(|(path, text)| {
            let now = overlay.text(&path).unwrap_or(text.text());
            let saved = SavedText {
                purpose: text.purpose().to_owned(),
                declared: text.declared().to_owned(),
                learned: (now != text.declared()).then(|| now.to_owned()),
            };
            (path, saved)
        });
        let saved_thresholds = thresholds(program).into_iter().map(|(path, threshold)| {
            let now = overlay.threshold(&path).unwrap_or(threshold.value());
            let saved = SavedThreshold {
                purpose: threshold.purpose().to_owned(),
                declared: threshold.declared(),
                learned: (now != threshold.declared()).then_some(now),
            };
            (path, saved)
        });
        Self {
            predictors: saved.collect(),
            texts: saved_texts.collect(),
            thresholds: saved_thresholds.collect(),
            ..Self::default()
        }
    }

    /// The state as an overlay, to try it on a program without changing that.
    #[must_use]
    pub fn overlay(&self) -> Overlay {
        let mut overlay = Overlay::new();
        for (path, saved) in &self.predictors {
            overlay.set(path, saved.state.clone());
        }
        for (path, saved) in &self.texts {
            if let Some(learned) = &saved.learned {
                overlay.set_text(path, learned);
            }
        }
        for (path, saved) in &self.thresholds {
            if let Some(learned) = saved.learned {
                overlay.set_threshold(path, learned);
            }
        }
        overlay
    }

    /// A state of these predictors by path.
    #[must_use]
    pub fn from_predictors(predictors: IndexMap<String, SavedPredictor>) -> Self {
        Self {
            predictors,
            ..Self::default()
        }
    }

    /// The same with a note of what module makes the program, so that it can be made from the state alone: see
    /// [`ProgramState::build`].
    #[must_use]
    pub fn with_kind(mut self, kind: ProgramKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The same with an entry of metadata, such as the optimizer's name and seed. Only what follows from the work belongs
    /// here: with a time or a place in it, two equal runs would write different files.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// What module makes the program, if the state says so.
    #[must_use]
    pub fn kind(&self) -> Option<ProgramKind> {
        self.kind
    }

    /// Paths and predictors, in the order of the program.
    pub fn predictors(&self) -> impl Iterator<Item = (&str, &SavedPredictor)> {
        self.predictors.iter().map(|(path, saved)| (path.as_str(), saved))
    }

    /// The predictor at `path`.
    #[must_use]
    pub fn predictor(&self, path: &str) -> Option<&SavedPredictor> {
        self.predictors.get(path)
    }

    /// Paths and texts, in the order of the program.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &SavedText)> {
        self.texts.iter().map(|(path, saved)| (path.as_str(), saved))
    }

    /// The text at `path`.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&SavedText> {
        self.texts.get(path)
    }

    /// Paths and thresholds, in the order of the program.
    pub fn thresholds(&self) -> impl Iterator<Item = (&str, &SavedThreshold)> {
        self.thresholds.iter().map(|(path, saved)| (path.as_str(), saved))
    }

    /// The threshold at `path`.
    #[must_use]
    pub fn threshold(&self, path: &str) -> Option<&SavedThreshold> {
        self.thresholds.get(path)
    }

    /// The metadata.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// What an import from another system could not place, kept so that an export can give it back: under
    /// `predictors` by path, and under `file` for the file as a whole.
    #[must_use]
    pub fn unplaced(&self) -> &Map<String, Value> {
        &self.unplaced
    }
}
