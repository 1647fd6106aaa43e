//! [`LabeledFewShot`]: labelled examples as demonstrations.

use std::sync::Arc;

use dictum_core::error::Result;
use serde_json::{Value, json};

use super::demos;
use crate::candidate::Candidate;
use crate::options::{Options, optimizer};
use crate::plan::{Plan, Recipe};
use crate::strategy::{Ask, Choice, Considered, Done, Strategy};

/// Shows each predictor labelled examples of the trainset. Calls no model to search; with a validation or test set the
/// result is measured against the program as it was.
///
/// A predictor whose outputs the examples don't label gets none. Other than DSPy's: demonstrations hold only the
/// predictor's own fields; each predictor's sample is seeded by its path, so that adding a predictor changes no other's;
/// examples that ask the same are shown once; the result is measured when there is data for it.
#[derive(Debug, Clone)]
pub struct LabeledFewShot {
    options: Options,
    k: usize,
    sampled: bool,
}

optimizer!(LabeledFewShot);

impl LabeledFewShot {
    /// 16 demonstrations, sampled.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            k: 16,
            sampled: true,
        }
    }

    /// So many demonstrations for each predictor, or all examples there are.
    #[must_use]
    pub fn k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    /// The first examples of the trainset in its order, in place of a sample.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.sampled = false;
        self
    }
}

impl Recipe for LabeledFewShot {
    fn name(&self) -> &'static str {
        "LabeledFewShot"
    }

    fn settings(&self) -> Value {
        json!({ "k": self.k, "sampled": self.sampled })
    }

    fn chooses(&self) -> bool {
        false
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let candidate = demos::with_labeled(&plan.baseline, "labeled", &plan, self.k, self.sampled);
        Ok(Box::new(Fixed(Arc::new(candidate))))
    }
}

/// A search that is over before it begins.
struct Fixed(Arc<Candidate>);

impl Strategy for Fixed {
    fn ask(&mut self) -> Ask {
        Ask::Finished
    }

    fn tell(&mut self, _: Vec<Option<Arc<Done>>>) -> Result<()> {
        Ok(())
    }

    fn best(&self) -> Choice {
        Choice {
            best: Some(self.0.clone()),
            candidates: vec![Considered {
                candidate: self.0.clone(),
                rows: Vec::new(),
            }],
            notes: Vec::new(),
        }
    }
}
