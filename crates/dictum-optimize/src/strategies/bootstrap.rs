//! [`BootstrapFewShot`]: demonstrations made by a teacher.

use std::sync::Arc;

use dictum_core::error::Result;
use serde_json::{Value, json};

use super::bootstrapper::{Bootstrap, Bootstrapper};
use crate::options::{Options, optimizer, teacher_options};
use crate::plan::{Plan, Recipe};
use crate::strategy::{Ask, Batch, Choice, Considered, Done, Strategy};

/// A teacher (the program itself with labelled demonstrations, unless another is given) answers examples of the trainset;
/// the calls behind answers that pass the metric become demonstrations of their predictors. Labelled examples fill up.
///
/// Other than DSPy's:
/// - The teacher is never shown the example it answers, whatever fails in between.
/// - `metric_threshold` holds for every number, 0 and negative ones too. Without one, any score above 0 passes; DSPy takes
///   any that is not 0.
/// - Failed rollouts are counted with their causes, in the report; they end the run only beyond `max_errors`.
/// - Examples are tried at once as far as none could turn out to be one too many; what is kept is the same.
/// - A teacher that has demonstrations of its own is used as it is; DSPy asks whether it was compiled.
/// - Where a predictor was called several times, the choice among its calls is seeded by the example and the path.
/// - The result is measured when there is a validation or test set.
#[derive(Debug, Clone)]
pub struct BootstrapFewShot {
    pub(super) options: Options,
    pub(super) how: Bootstrap,
}

optimizer!(BootstrapFewShot);
teacher_options!(BootstrapFewShot);

impl BootstrapFewShot {
    /// At most 4 bootstrapped and 16 demonstrations in all, one round.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: Bootstrap::default(),
        }
    }
}

impl Recipe for BootstrapFewShot {
    fn name(&self) -> &'static str {
        "BootstrapFewShot"
    }

    fn settings(&self) -> Value {
        json!(self.how)
    }

    fn chooses(&self) -> bool {
        false
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let teacher = self.how.teacher(&plan);
        let bootstrapper = Bootstrapper::new(
            &self.how,
            self.how.max_bootstrapped,
            teacher,
            plan.trainset.clone(),
        );
        Ok(Box::new(Once { plan, bootstrapper }))
    }
}

/// One bootstrap.
struct Once {
    plan: Plan,
    bootstrapper: Bootstrapper,
}

impl Strategy for Once {
    fn ask(&mut self) -> Ask {
        match self.bootstrapper.ask() {
            jobs if jobs.is_empty() => Ask::Finished,
            jobs => Ask::Rollouts(Batch {
                phase: "bootstrap",
                jobs,
            }),
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.bootstrapper.tell(&done)
    }

    fn best(&self) -> Choice {
        let candidate = Arc::new(self.bootstrapper.candidate("bootstrap", &self.plan));
        Choice {
            best: Some(candidate.clone()),
            candidates: vec![Considered {
                candidate,
                rows: Vec::new(),
            }],
            notes: self.bootstrapper.note().into_iter().collect(),
        }
    }
}
