//! A candidate: the same program with other states.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::predictor::LiveState;
use super::text::ValueId;
use super::{Parameters, PredictorId, PredictorState, number, predictors, texts, thresholds};
use crate::error::{Error, Result};

/// What a candidate has in place of the program's own, by path: states of predictors, texts, and thresholds. The program itself
/// is not changed or copied.
///
/// As JSON it is one object: a predictor's path has its state, which is an object, a text's path has the text, a
/// threshold's path has the number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overlay {
    entries: IndexMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "nearly all entries are states")]
enum Entry {
    Text(String),
    Threshold(f64),
    State(PredictorState),
}

impl Overlay {
    /// An overlay that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with this state for the predictor at `path`.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, state: PredictorState) -> Self {
        self.set(path, state);
        self
    }

    /// The same with this text in place of the one at `path`.
    #[must_use]
    pub fn with_text(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.set_text(path, text);
        self
    }

    /// The same with this number in place of the threshold at `path`. It must be finite: a context takes no other.
    #[must_use]
    pub fn with_threshold(mut self, path: impl Into<String>, value: f64) -> Self {
        self.set_threshold(path, value);
        self
    }

    /// Sets the state of the predictor at `path`.
    pub fn set(&mut self, path: impl Into<String>, state: PredictorState) {
        self.entries.insert(path.into(), Entry::State(state));
    }

    /// Sets the text at `path`.
    pub fn set_text(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.entries.insert(path.into(), Entry::Text(text.into()));
    }

    /// Sets the threshold at `path`.
    pub fn set_threshold(&mut self, path: impl Into<String>, value: f64) {
        self.entries.insert(path.into(), Entry::Threshold(value));
    }

    /// The state for the predictor at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&PredictorState> {
        match self.entries.get(path)? {
            Entry::State(state) => Some(state),
            Entry::Text(_) | Entry::Threshold(_) => None,
        }
    }

    /// The text for the one at `path`.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.entries.get(path)? {
            Entry::Text(text) => Some(text),
            Entry::State(_) | Entry::Threshold(_) => None,
        }
    }

    /// The number for the threshold at `path`.
    #[must_use]
    pub fn threshold(&self, path: &str) -> Option<f64> {
        match self.entries.get(path)? {
            Entry::Threshold(value) => Some(*value),
            Entry::State(_) | Entry::Text(_) => None,
        }
    }

    /// Paths and states of predictors, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PredictorState)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::State(state) => Some((path.as_str(), state)),
            Entry::Text(_) | Entry::Threshold(_) => None,
        })
    }

    /// Paths and texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::Text(text) => Some((path.as_str(), text.as_str())),
            Entry::State(_) | Entry::Threshold(_) => None,
        })
    }

    /// Paths and thresholds, in order.
    pub fn thresholds(&self) -> impl Iterator<Item = (&str, f64)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::Threshold(value) => Some((path.as_str(), *value)),
            Entry::State(_) | Entry::Text(_) => None,
        })
    }

    /// The same without thresholds: those of the program hold.
    #[must_use]
    pub fn without_thresholds(mut self) -> Self {
        self.entries
            .retain(|_, entry| !matches!(entry, Entry::Threshold(_)));
        self
    }

    /// The same with all that another has in place of its own.
    #[must_use]
    pub fn over(mut self, other: &Self) -> Self {
        let entries = other.entries.iter();
        self.entries
            .extend(entries.map(|(path, entry)| (path.clone(), entry.clone())));
        self
    }

    /// The states the predictors of a program have now, its texts and its thresholds.
    pub fn of<P: Parameters + ?Sized>(program: &P) -> Self {
        let mut overlay = Self::new();
        for (path, predictor) in predictors(program) {
            overlay.set(path, predictor.state().clone());
        }
        for (path, text) in texts(program) {
            overlay.set_text(path, text.text());
        }
        for (path, threshold) in thresholds(program) {
            overlay.set_threshold(path, threshold.value());
        }
        overlay
    }
}

/// A program's predictors by identity: their paths, and the states an overlay puts over theirs. Texts only
/// where it has one.
#[derive(Debug, Default)]
pub(super) struct Bound {
    predictors: HashMap<PredictorId, (Arc<str>, Option<Arc<LiveState>>)>,
    texts: HashMap<ValueId, Arc<str>>,
    thresholds: HashMap<ValueId, (Arc<str>, Option<f64>)>,
}

impl Bound {
    /// Binds an overlay to a program.
    pub(super) fn new<P: Parameters + ?Sized>(program: &P, overlay: &Overlay) -> Result<Self> {
        let all = predictors(program);
        let all_texts = texts(program);
        unknown("predictor", overlay.iter().map(|(path, _)| path), &all)?;
        unknown("text", overlay.texts().map(|(path, _)| path), &all_texts)?;
        let all_thresholds = thresholds(program);
        unknown(
            "threshold",
            overlay.thresholds().map(|(path, _)| path),
            &all_thresholds,
        )?;
        for (path, value) in overlay.thresholds() {
            number::check(path, value)?;
        }
        let bind_text = |(path, text): (String, &super::TextParameter)| match overlay.entries.get(&path)? {
            Entry::Text(over) => Some((text.id().clone(), Arc::from(over.as_str()))),
            Entry::State(_) | Entry::Threshold(_) => None,
        };
        let bind = |(path, predictor): (String, &super::Predictor)| {
            let state = overlay
                .get(&path)
                .map(|state| Arc::new(LiveState::new(predictor.spec(), state.clone())));
            (predictor.id(), (Arc::from(path), state))
        };
        Ok(Self {
            predictors: all.into_iter().map(bind).collect(),
            texts: all_texts.into_iter().filter_map(bind_text).collect(),
            thresholds: all_thresholds
                .into_iter()
                .map(|(path, threshold)| {
                    let over = overlay.threshold(&path);
                    (threshold.id().clone(), (Arc::from(path), over))
                })
                .collect(),
        })
    }

    /// The same with other states for these predictors. Those it knows keep their paths, the others get these.
    pub(super) fn over(&self, inner: Self) -> Self {
        let mut predictors = self.predictors.clone();
        for (id, (path, state)) in inner.predictors {
            let known = predictors.entry(id).or_insert((path, None));
            if state.is_some() {
                known.1 = state;
            }
        }
        let mut texts = self.texts.clone();
        texts.extend(inner.texts);
        let mut thresholds = self.thresholds.clone();
        for (id, (path, value)) in inner.thresholds {
            let known = thresholds.entry(id).or_insert((path, None));
            known.1 = value.or(known.1);
        }
        Self {
            predictors,
            texts,
            thresholds,
        }
    }

    pub(super) fn path(&self, id: &PredictorId) -> Option<Arc<str>> {
        self.predictors.get(id).map(|(path, _)| path.clone())
    }

    pub(super) fn state(&self, id: &PredictorId) -> Option<&Arc<LiveState>> {
        self.predictors.get(id).and_then(|(_, state)| state.as_ref())
    }

    pub(super) fn text(&self, id: &ValueId) -> Option<&str> {
        self.texts.get(id).map(|text| &**text)
    }

    pub(super) fn threshold(&self, id: &ValueId) -> Option<f64> {
        self.thresholds.get(id).and_then(|(_, value)| *value)
    }

    pub(super) fn threshold_path(&self, id: &ValueId) -> Option<&Arc<str>> {
        self.thresholds.get(id).map(|(path, _)| path)
    }
}

/// Fails when a path is none of those the program has.
fn unknown<'a, T>(what: &str, paths: impl Iterator<Item = &'a str>, all: &[(String, T)]) -> Result<()> {
    for path in paths {
        if !all.iter().any(|(known, _)| known == path) {
            let known: Vec<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
            let known = match known.as_slice() {
                [] => "none".to_owned(),
                known => format!("`{}`", known.join("`, `")),
            };
            return Err(Error::input(
                path,
                format!("is no {what} of the program; it has {known}"),
            ));
        }
    }
    Ok(())
}
