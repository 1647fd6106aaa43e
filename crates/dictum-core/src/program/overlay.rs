//! A candidate: the same program with other states.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::predictor::LiveState;
use super::{Parameters, PredictorId, PredictorState, predictors};
use crate::error::{Error, Result};

/// States by predictor path, over those the program has. The program itself is not changed or copied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Overlay {
    states: IndexMap<String, PredictorState>,
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
        self.states.insert(path.into(), state);
        self
    }

    /// Sets the state of the predictor at `path`.
    pub fn set(&mut self, path: impl Into<String>, state: PredictorState) {
        self.states.insert(path.into(), state);
    }

    /// The state for the predictor at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&PredictorState> {
        self.states.get(path)
    }

    /// Paths and states, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PredictorState)> {
        self.states.iter().map(|(path, state)| (path.as_str(), state))
    }

    /// The states the predictors of a program have now.
    pub fn of<P: Parameters + ?Sized>(program: &P) -> Self {
        let states = predictors(program)
            .into_iter()
            .map(|(path, predictor)| (path, predictor.state().clone()));
        Self {
            states: states.collect(),
        }
    }
}

/// A program's predictors by identity: their paths, and the states an overlay puts over theirs.
#[derive(Debug, Default)]
pub(super) struct Bound {
    predictors: HashMap<PredictorId, (Arc<str>, Option<Arc<LiveState>>)>,
}

impl Bound {
    /// Binds an overlay to a program.
    pub(super) fn new<P: Parameters + ?Sized>(program: &P, overlay: &Overlay) -> Result<Self> {
        let all = predictors(program);
        for (path, _) in overlay.iter() {
            if !all.iter().any(|(known, _)| known == path) {
                let known: Vec<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
                let known = known.join("`, `");
                return Err(Error::input(
                    path,
                    format!("is no predictor of the program; it has `{known}`"),
                ));
            }
        }
        let bind = |(path, predictor): (String, &super::Predictor)| {
            let state = overlay
                .get(&path)
                .map(|state| Arc::new(LiveState::new(predictor.spec(), state.clone())));
            (predictor.id(), (Arc::from(path), state))
        };
        Ok(Self {
            predictors: all.into_iter().map(bind).collect(),
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
        Self { predictors }
    }

    pub(super) fn path(&self, id: &PredictorId) -> Option<Arc<str>> {
        self.predictors.get(id).map(|(path, _)| path.clone())
    }

    pub(super) fn state(&self, id: &PredictorId) -> Option<&Arc<LiveState>> {
        self.predictors.get(id).and_then(|(_, state)| state.as_ref())
    }
}
