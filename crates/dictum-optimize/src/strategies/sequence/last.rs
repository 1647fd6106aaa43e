//! The choice at the end, among what the steps made.

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use serde_json::{Value, json};

use crate::candidate::Candidate;
use crate::plan::{Plan, Recipe};
use crate::strategy::{Ask, Choice, Considered, Done, Strategy};

/// What a step made, with its rows on the validation set.
#[derive(Clone)]
pub(super) struct Leg {
    pub(super) candidate: Arc<Candidate>,
    pub(super) rows: Vec<Option<Arc<Done>>>,
    pub(super) note: String,
}

/// The choice at the end.
pub(super) struct Last {
    pub(super) steps: Vec<Value>,
    pub(super) legs: Vec<Leg>,
    pub(super) asked: usize,
    /// Why steps were not done, if some were not.
    pub(super) why: String,
}

impl Recipe for Last {
    fn name(&self) -> &'static str {
        "Sequence"
    }

    fn settings(&self) -> Value {
        json!({ "steps": self.steps })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let missing = self.asked - self.legs.len().min(self.asked);
        let mut notes: Vec<String> = self.legs.iter().map(|leg| leg.note.clone()).collect();
        if missing > 0 {
            notes.push(format!("the last {missing} steps were not done: {}", self.why));
        }
        Ok(Box::new(Choosing {
            legs: self.legs.clone(),
            notes,
            baseline: None,
            plan,
        }))
    }
}

struct Choosing {
    plan: Plan,
    legs: Vec<Leg>,
    notes: Vec<String>,
    /// The rows of the program as it was; asked for first, and known already.
    baseline: Option<Vec<Option<Arc<Done>>>>,
}

impl Strategy for Choosing {
    fn ask(&mut self) -> Ask {
        if self.baseline.is_some() {
            return Ask::Finished;
        }
        let job =
            |example: &Arc<Example>| crate::strategy::Job::new(self.plan.baseline.clone(), example.clone());
        Ask::Rollouts(crate::strategy::Batch {
            phase: "baseline",
            jobs: self.plan.valset.iter().map(job).collect(),
        })
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.baseline = Some(done);
        Ok(())
    }

    fn best(&self) -> Choice {
        let first = Considered {
            candidate: self.plan.baseline.clone(),
            rows: self.baseline.clone().unwrap_or_default(),
        };
        let legs = self.legs.iter().map(|leg| Considered {
            candidate: leg.candidate.clone(),
            rows: leg.rows.clone(),
        });
        let candidates: Vec<Considered> = [first].into_iter().chain(legs).collect();
        let mut best: Option<(&Considered, f64)> = None;
        for known in &candidates {
            if let Some(mean) = known.mean(self.plan.failure_score)
                && best.is_none_or(|(_, so_far)| mean > so_far)
            {
                best = Some((known, mean));
            }
        }
        Choice {
            best: best.map(|(known, _)| known.candidate.clone()),
            candidates,
            notes: self.notes.clone(),
        }
    }
}
