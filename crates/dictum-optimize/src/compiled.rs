//! [`Compiled`]: what a compilation gives.

use std::path::Path;

use dictum_core::error::Result;
use dictum_core::evaluate::Verdict;
use dictum_core::program::{DynModule, Overlay, Parameters};
use dictum_core::state::ProgramState;
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::report::Report;
use crate::run::Folder;

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
    /// The program's state with the overlay in it, and the optimizer's name and seed as metadata.
    pub state: ProgramState,
}

impl Compiled {
    pub(crate) fn new(program: &dyn DynModule, kept: &Candidate, report: Report) -> Self {
        let mut overlay = Overlay::of(program);
        for (path, state) in kept.overlay().iter() {
            overlay.set(path, state.clone());
        }
        Self {
            state: ProgramState::of_candidate(program, &overlay)
                .with_metadata("optimizer", report.optimizer.as_str())
                .with_metadata("seed", report.seed),
            overlay,
            outcome: report.outcome,
            report,
        }
    }

    /// Puts the states into a program.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when they don't fit the program; nothing is changed then.
    pub fn apply<P: Parameters + ?Sized>(&self, program: &mut P) -> Result<()> {
        self.state.apply_strict(program).map(drop)
    }

    /// Writes the compiled program's state as JSON. The same result gives the same bytes.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.state.save(path)
    }

    /// Writes the results into a run folder.
    pub(crate) fn write_to(&self, folder: &Folder) -> Result<()> {
        self.save(folder.file("program.json"))?;
        self.report.save_json(folder.file("report.json"))?;
        self.report.save_html(folder.file("report.html"))
    }
}
