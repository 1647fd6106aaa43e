//! Which predictors and texts a proposal changes.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::strategy::Done;

/// Which predictors' instructions a proposal changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Components {
    /// One after the other. Each candidate goes on from where its parents were.
    #[default]
    RoundRobin,
    /// All at once.
    All,
}

impl Components {
    /// The places of the predictors to change, of those that were called (`called`), and where the candidate stands next.
    /// A predictor that no example of the minibatch called has nothing to learn from, so the next one takes its turn.
    pub(super) fn pick(self, at: usize, called: &[bool]) -> (Vec<usize>, usize) {
        let many = called.len().max(1);
        let is_called = |place: usize| called.get(place).copied().unwrap_or(false);
        match self {
            Self::All => ((0..called.len()).filter(|place| is_called(*place)).collect(), at),
            Self::RoundRobin => {
                let turn = (0..many)
                    .map(|step| (at + step) % many)
                    .find(|place| is_called(*place));
                match turn {
                    Some(place) => (vec![place], (place + 1) % many),
                    None => (Vec::new(), at),
                }
            }
        }
    }
}

/// What a selector of one's own goes by: a candidate has answered its minibatch, and is about to be changed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Turn<'a> {
    /// The paths of the predictors, then of the texts that can be learned.
    pub paths: &'a [String],
    /// The words the candidate has for each.
    pub words: &'a [String],
    /// For each whether the minibatch says anything about it: a predictor must have been called.
    pub called: &'a [bool],
    /// The rollouts of the minibatch, with their steps.
    pub rollouts: &'a [Option<Arc<Done>>],
    /// Their scores; `None` where the metric could not judge, or the model could not be reached.
    pub scores: &'a [Option<f64>],
    /// How many proposals the candidate's line has had, for turns.
    pub turn: usize,
}

/// A selector of one's own, with its name.
#[derive(Clone)]
pub(super) struct Selector {
    pub(super) name: String,
    pub(super) pick: Arc<Picks>,
}

/// The places in [`Turn::paths`] to change.
pub(super) type Picks = dyn Fn(&Turn<'_>) -> Vec<usize> + Send + Sync;

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Selector").field(&self.name).finish()
    }
}

impl Selector {
    /// The places to change, each once, of those that there is something to learn of.
    pub(super) fn pick(&self, turn: &Turn<'_>) -> Vec<usize> {
        let mut places = Vec::new();
        for place in (self.pick)(turn) {
            if turn.called.get(place).copied().unwrap_or(false) && !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictors_take_turns_and_those_not_called_are_passed_over() {
        let turn = |at, called: &[bool]| Components::RoundRobin.pick(at, called);
        assert_eq!(turn(0, &[true, true, true]), (vec![0], 1));
        assert_eq!(turn(2, &[true, true, true]), (vec![2], 0));
        assert_eq!(turn(1, &[true, false, false]), (vec![0], 1));
        assert_eq!(turn(1, &[false, false]), (vec![], 1));
        assert_eq!(Components::All.pick(0, &[true, false, true]), (vec![0, 2], 0));
    }
}
