//! What a fine-tuning gives.

use dictum_core::lm::Lm;
use dictum_core::program::Context;

use super::{TrainingData, TunedModel};
use crate::compiled::Compiled;

/// Tuned models, and whether the program is better with them.
#[derive(Debug, Clone)]
pub struct Finetuned {
    /// The models: one for all predictors, or one for each. None when the run was stopped before the training was begun.
    pub models: Vec<TunedModel>,
    /// What they were trained on.
    pub data: TrainingData,
    /// Whether it helped, the report, and the program's state as it was measured: without demonstrations, unless they were
    /// kept. Where the tuned models were kept, the state of each predictor names its own
    /// ([`PredictorState::lm`](dictum_core::program::PredictorState::lm)).
    pub compiled: Compiled,
    pub(super) lms: Vec<(String, Lm)>,
    /// Whether the tuned models were kept.
    pub(super) kept: bool,
}

impl Finetuned {
    /// Whether the program is bound to the tuned models: it was better with them, was not measured for want of data, or was to
    /// be kept anyway.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.kept
    }

    /// The tuned models, whether they were kept or not, by the names that states call them: the full name of each
    /// ([`Lm::name`]), such as `openai/ft:gpt-4.1-nano-2025-04-14:acme::1a2b`. In the order of [`Finetuned::models`].
    pub fn lms(&self) -> impl Iterator<Item = (&str, &Lm)> {
        self.lms.iter().map(|(name, lm)| (name.as_str(), lm))
    }

    /// The context to call the program in: the same, with the tuned models in its roster. The program's state says which
    /// predictor is answered by which ([`Compiled::apply`], or the saved file); its own model stays what it is. A state that
    /// names none of them, such as that of a program whose tuned model was not kept, is called as ever.
    #[must_use]
    pub fn context(&self, ctx: &Context) -> Context {
        ctx.with_lms(self.lms.iter().cloned())
    }

    /// The models, and the program, for a run that goes on.
    pub(in crate::strategies) fn into_parts(self) -> (Vec<TunedModel>, Vec<(String, Lm)>, Compiled) {
        (self.models, self.lms, self.compiled)
    }
}
