//! A program from its state alone.

use serde::{Deserialize, Serialize};

use super::ProgramState;
use crate::error::{Error, Result};
use crate::modules::{ChainOfThought, Predict};
use crate::program::DynModule;

/// The module that makes a program of one predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramKind {
    /// [`Predict`].
    Predict,
    /// [`ChainOfThought`].
    ChainOfThought,
}

impl ProgramKind {
    /// Its name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::ChainOfThought => "chain_of_thought",
        }
    }
}

impl ProgramState {
    /// The program itself, with this state loaded: records in, records out. Only for a program of one module, whose kind the
    /// state names.
    ///
    /// # Errors
    /// [`Error::Input`] when the state names no kind, or does not hold exactly one predictor; and those of
    /// [`ProgramState::apply_strict`].
    pub fn build(&self) -> Result<Box<dyn DynModule>> {
        let Some(kind) = self.kind else {
            return Err(Error::input(
                "program",
                "is not named in the state: it was saved by code, so load it into the program that code makes",
            ));
        };
        let mut saved = self.predictors.values();
        let (Some(only), None) = (saved.next(), saved.next()) else {
            let n = self.predictors.len();
            return Err(Error::input(
                "predictors",
                format!("must be one for a {}, found {n}", kind.name()),
            ));
        };
        let spec = only.signature.clone();
        let mut program: Box<dyn DynModule> = match kind {
            ProgramKind::Predict => Box::new(Predict::from_spec(spec)),
            // The saved signature has the reasoning already; the module adds none to one that has.
            ProgramKind::ChainOfThought => Box::new(ChainOfThought::from_spec(spec)),
        };
        self.apply_strict(&mut program)?;
        Ok(program)
    }
}
