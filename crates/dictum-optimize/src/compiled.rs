//! [`Compiled`]: what a compilation gives.

use std::path::Path;

use dictum_core::error::Result;
use dictum_core::evaluate::Verdict;
use dictum_core::program::{DynModule, Overlay, ParameterPath, Parameters};
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::report::Report;
use crate::run::{Folder, write_atomic};

/// Whether compiling helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The best candidate is better, and not by chance.
    Improved,
    /// Nothing was found that is better beyond chance. The program stays as it was.
    NoSignificantGain,
    /// The best candidate is worse on the test set, and not by chance. The program stays as it was.
    Worse,
    /// There was no data to tell.
    Unmeasured,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Improved => Self::Improved,
            Verdict::NoDifference => Self::NoSignificantGain,
            Verdict::Worse => Self::Worse,
        }
    }
}

/// A compiled program: what to put over the program, whether it helped, and how it was found.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The states of all predictors: those of the winner, or the program's own where nothing better was found.
    pub overlay: Overlay,
    /// Whether compiling helped.
    pub outcome: Outcome,
    /// How it was found.
    pub report: Report,
    state: Vec<u8>,
}

impl Compiled {
    pub(crate) fn new(program: &dyn DynModule, kept: &Candidate, report: Report) -> Result<Self> {
        let overlay = kept.overlay().clone();
        Ok(Self {
            state: crate::state::bytes(program, &overlay)?,
            overlay,
            outcome: report.outcome,
            report,
        })
    }

    /// Puts the states into a program.
    ///
    /// # Errors
    /// [`dictum_core::Error::Input`] when the program lacks a predictor that was compiled; nothing is changed then.
    pub fn apply<P: Parameters + ?Sized>(&self, program: &mut P) -> Result<()> {
        crate::state::check(program, &self.overlay)?;
        program.visit_mut(&mut ParameterPath::default(), &mut |path, predictor| {
            if let Some(state) = self.overlay.get(&path.to_string()) {
                predictor.set_state(state.clone());
            }
        });
        Ok(())
    }

    /// Writes the compiled program's state as JSON. The same result gives the same bytes.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomic(path.as_ref(), &self.state)
    }

    /// Writes the results into a run folder.
    pub(crate) fn write_to(&self, folder: &Folder) -> Result<()> {
        self.save(folder.file("program.json"))?;
        self.report.save_json(folder.file("report.json"))?;
        self.report.save_html(folder.file("report.html"))
    }
}
