//! What a sequence gives.

use dictum_core::lm::{Lm, Spent};
use dictum_core::program::Context;

use crate::compiled::Compiled;
use crate::report::Report;
use crate::strategies::finetune::TunedModel;

/// What a [`Sequence`](crate::Sequence) found.
#[derive(Debug, Clone)]
pub struct Sequenced {
    /// The best, with a report of what each step made of the program.
    pub compiled: Compiled,
    /// The steps' own reports, in their order. A sequence whose budget ended early has fewer.
    pub steps: Vec<Report>,
    /// The models that were trained, in the order of the steps, whether the best is bound to them or not.
    pub models: Vec<TunedModel>,
    /// What all of it spent.
    pub spent: Spent,
    pub(super) lms: Vec<(String, Lm)>,
}

impl Sequenced {
    /// The models that were trained, by the names that states call them: the full name of each ([`Lm::name`]). In the order
    /// of [`Sequenced::models`].
    pub fn lms(&self) -> impl Iterator<Item = (&str, &Lm)> {
        self.lms.iter().map(|(name, lm)| (name.as_str(), lm))
    }

    /// The context to call the program in: the same, with the models that were trained in its roster. The program's state says
    /// which predictor is answered by which ([`Compiled::apply`], or the saved file).
    #[must_use]
    pub fn context(&self, ctx: &Context) -> Context {
        ctx.with_lms(self.lms.iter().cloned())
    }
}
