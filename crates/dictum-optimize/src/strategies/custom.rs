//! [`Custom`]: an optimizer of one's own on the same engine.

use dictum_core::error::Result;
use serde_json::Value;

use crate::options::{Options, optimizer, proposer_options, taught_options};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;

/// An optimizer made of a [`Recipe`] of one's own, with the options, the engine and the report of all others.
#[derive(Debug, Clone)]
pub struct Custom<R> {
    options: Options,
    recipe: R,
}

optimizer!([R: Recipe] Custom<R>);
proposer_options!([R: Recipe] Custom<R>);
taught_options!([R: Recipe] Custom<R>);

impl<R: Recipe> Custom<R> {
    /// An optimizer of this recipe.
    #[must_use]
    pub fn new(recipe: R) -> Self {
        Self {
            options: Options::default(),
            recipe,
        }
    }
}

impl<R: Recipe> Recipe for Custom<R> {
    fn name(&self) -> &'static str {
        self.recipe.name()
    }

    fn settings(&self) -> Value {
        self.recipe.settings()
    }

    fn chooses(&self) -> bool {
        self.recipe.chooses()
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        self.recipe.strategy(plan)
    }
}
