//! What each phase of a run took.

use std::collections::HashSet;
use std::time::Duration;

use dictum_core::evaluate::RowOutcome;
use dictum_core::lm::Usage;
use serde::{Deserialize, Serialize};

use crate::strategy::Done;

/// What one phase of a run took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Rollouts finished.
    pub rollouts: usize,
    /// Of these, how many an earlier process had finished.
    pub replayed: usize,
    /// Of these, how many failed or could not be judged.
    pub failed: usize,
    /// Calls counted against the budget.
    pub calls: u64,
    /// Tokens and money.
    pub usage: Usage,
    /// Seconds this process spent in it.
    pub seconds: f64,
}

/// The phases so far, and which rollouts are counted in them.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    pub(crate) all: Vec<Phase>,
    counted: HashSet<String>,
}

impl Phases {
    /// Whether a rollout was done and counted by this process.
    pub(crate) fn counted(&self, key: &str) -> bool {
        self.counted.contains(key)
    }

    pub(crate) fn count(&mut self, phase: &str, key: &str, done: &Done, replayed: bool) {
        self.counted.insert(key.to_owned());
        let phase = self.get(phase);
        phase.rollouts += 1;
        phase.replayed += usize::from(replayed);
        phase.failed += usize::from(!matches!(done.row.outcome, RowOutcome::Scored { .. }));
        phase.calls += done.spent;
        phase.usage += done.row.usage;
    }

    pub(crate) fn took(&mut self, phase: &str, time: Duration) {
        self.get(phase).seconds += time.as_secs_f64();
    }

    fn get(&mut self, name: &str) -> &mut Phase {
        let place = match self.all.iter().position(|phase| phase.name == name) {
            Some(place) => place,
            None => {
                self.all.push(Phase {
                    name: name.to_owned(),
                    ..Phase::default()
                });
                self.all.len() - 1
            }
        };
        // The place was just found or made.
        #[allow(clippy::indexing_slicing)]
        &mut self.all[place]
    }
}
