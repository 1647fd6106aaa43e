//! What a fine-tuning gives.

use dictum_core::lm::Lm;
use dictum_core::program::Context;

use super::{TrainingData, TunedModel};
use crate::compiled::Compiled;

/// A tuned model, and whether the program is better with it.
#[derive(Debug, Clone)]
pub struct Finetuned {
    /// The model. None when the run was stopped before it was begun.
    pub models: Vec<TunedModel>,
    /// What it was trained on.
    pub data: TrainingData,
    /// Whether it helped, the report, and the program's state as it was measured: without demonstrations, unless they were
    /// kept. Where the tuned model was kept, the state's metadata name it as `lm`.
    pub compiled: Compiled,
    pub(super) lm: Option<Lm>,
    /// Whether the tuned model was kept.
    pub(super) kept: bool,
}

impl Finetuned {
    /// Whether the program is to be called with the tuned model: it was better, was not measured for want of data, or was to be
    /// kept anyway.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.kept
    }

    /// The tuned model, whether it was kept or not; `None` when there is none.
    #[must_use]
    pub fn lm(&self) -> Option<&Lm> {
        self.lm.as_ref()
    }

    /// The context to call the program in: with the tuned model if that was kept, else as it is. The program's state goes with
    /// it: see [`Compiled::apply`].
    #[must_use]
    pub fn context(&self, ctx: &Context) -> Context {
        match &self.lm {
            Some(lm) if self.kept => ctx.with_lm(lm.clone()),
            _ => ctx.clone(),
        }
    }
}
