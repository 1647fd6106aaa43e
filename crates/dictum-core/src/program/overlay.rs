//! A candidate: the same program with other states.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::predictor::LiveState;
use super::text::TextId;
use super::{Parameters, PredictorId, PredictorState, predictors, texts};
use crate::error::{Error, Result};

/// What a candidate has in place of the program's own, by path: states of predictors, and texts. The program itself is not
/// changed or copied.
///
/// As JSON it is one object: a predictor's path has its state, which is an object, a text's path has the text.
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

    /// Sets the state of the predictor at `path`.
    pub fn set(&mut self, path: impl Into<String>, state: PredictorState) {
        self.entries.insert(path.into(), Entry::State(state));
    }

    /// Sets the text at `path`.
    pub fn set_text(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.entries.insert(path.into(), Entry::Text(text.into()));
    }

    /// The state for the predictor at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&PredictorState> {
        match self.entries.get(path)? {
            Entry::State(state) => Some(state),
            Entry::Text(_) => None,
        }
    }

    /// The text for the one at `path`.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.entries.get(path)? {
            Entry::Text(text) => Some(text),
            Entry::State(_) => None,
        }
    }

    /// Paths and states of predictors, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PredictorState)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::State(state) => Some((path.as_str(), state)),
            Entry::Text(_) => None,
        })
    }

    /// Paths and texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::Text(text) => Some((path.as_str(), text.as_str())),
            Entry::State(_) => None,
        })
    }

    /// The same with all that another has in place of its own.
    #[must_use]
    pub fn over(mut self, other: &Self) -> Self {
        let entries = other.entries.iter();
        self.entries
            .extend(entries.map(|(path, entry)| (path.clone(), entry.clone())));
        self
    }

    /// The states the predictors of a program have now, and its texts.
    pub fn of<P: Parameters + ?Sized>(program: &P) -> Self {
        let mut overlay = Self::new();
        for (path, predictor) in predictors(program) {
            overlay.set(path, predictor.state().clone());
        }
        for (path, text) in texts(program) {
            overlay.set_text(path, text.text());
        }
        overlay
    }
}

/// A program's predictors by identity: their paths, and the states an overlay puts over theirs. Texts only where it has one.
#[derive(Debug, Default)]
pub(super) struct Bound {
    predictors: HashMap<PredictorId, (Arc<str>, Option<Arc<LiveState>>)>,
    texts: HashMap<TextId, Arc<str>>,
}

impl Bound {
    /// Binds an overlay to a program.
    pub(super) fn new<P: Parameters + ?Sized>(program: &P, overlay: &Overlay) -> Result<Self> {
        let all = predictors(program);
        let all_texts = texts(program);
        unknown("predictor", overlay.iter().map(|(path, _)| path), &all)?;
        unknown("text", overlay.texts().map(|(path, _)| path), &all_texts)?;
        let bind_text = |(path, text): (String, &super::TextParameter)| match overlay.entries.get(&path)? {
            Entry::Text(over) => Some((text.id().clone(), Arc::from(over.as_str()))),
            Entry::State(_) => None,
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
        Self { predictors, texts }
    }

    pub(super) fn path(&self, id: &PredictorId) -> Option<Arc<str>> {
        self.predictors.get(id).map(|(path, _)| path.clone())
    }

    pub(super) fn state(&self, id: &PredictorId) -> Option<&Arc<LiveState>> {
        self.predictors.get(id).and_then(|(_, state)| state.as_ref())
    }
    pub(super) fn text(&self, id: &TextId) -> Option<&str> {
        self.texts.get(id).map(|text| &**text)
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
