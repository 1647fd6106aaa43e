//! The rollouts the examples are made from.

use std::sync::Arc;

use dictum_core::error::Result;
use serde_json::{Value, json};

use super::{BootstrapFinetune, bind};
use crate::plan::{Plan, Recipe};
use crate::strategies::bootstrapper::Bootstrapper;
use crate::strategy::{Ask, Batch, Choice, Done, Strategy};

/// What the run of a fine-tuning is to the engine. Where and of what model is not part of it: the same calls make the same
/// examples, whoever trains on them, and `tuning.json` keeps the trainings apart.
pub(in crate::strategies) struct Collect<'a> {
    pub(super) own: &'a BootstrapFinetune,
    /// What the tuned model is called in a forecast, where there is none yet.
    pub(super) foreseen: &'a str,
}

impl Recipe for Collect<'_> {
    fn name(&self) -> &'static str {
        "BootstrapFinetune"
    }

    fn settings(&self) -> Value {
        let own = self.own;
        json!({
            "rounds": own.how.rounds,
            "threshold": own.how.threshold,
            "max_errors": own.how.max_errors,
            "teacher_demos": own.how.max_labeled,
            "per_predictor": own.per_predictor,
            "demos": own.demos,
            "validation_share": own.validation,
        })
    }

    fn chooses(&self) -> bool {
        false
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        Ok(Box::new(Collecting::new(self.own, self.foreseen, &plan)))
    }
}

/// Answers all examples.
pub(super) struct Collecting {
    pub(super) bootstrapper: Bootstrapper,
    plan: Plan,
    demos: bool,
    foreseen: String,
}

impl Collecting {
    pub(super) fn new(own: &BootstrapFinetune, foreseen: &str, plan: &Plan) -> Self {
        let pool = plan.trainset.clone();
        Self {
            bootstrapper: Bootstrapper::new(&own.how, pool.len(), own.how.teacher(plan), pool),
            plan: plan.clone(),
            demos: own.demos,
            foreseen: foreseen.to_owned(),
        }
    }
}

impl Strategy for Collecting {
    fn ask(&mut self) -> Ask {
        match self.bootstrapper.ask() {
            jobs if jobs.is_empty() => Ask::Finished,
            jobs => Ask::Rollouts(Batch {
                phase: "collect",
                jobs,
            }),
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.bootstrapper.tell(&done)
    }

    /// The program with a model that is not there yet: for the forecast.
    fn best(&self) -> Choice {
        let student = bind::student(&self.plan.baseline, self.demos);
        Choice {
            best: Some(Arc::new(bind::foreseen(&student, &self.foreseen))),
            candidates: Vec::new(),
            notes: Vec::new(),
        }
    }
}
