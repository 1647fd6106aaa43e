//! Saving and loading as methods of programs.

use std::path::Path;

use super::apply::misfit;
use super::{LoadReport, ProgramState};
use crate::error::Result;
use crate::program::Parameters;

/// Saving and loading, for every program.
pub trait ProgramExt: Parameters {
    /// Writes what the program has learned to a file, whole or not at all.
    ///
    /// # Errors
    /// See [`ProgramState::save`].
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        ProgramState::of(self).save(path)
    }

    /// The program with what a file says it has learned.
    ///
    /// # Errors
    /// See [`ProgramState::load`]; and [`crate::Error::File`] with a report when something in the file does not fit.
    fn load(mut self, path: impl AsRef<Path>) -> Result<Self>
    where
        Self: Sized,
    {
        let path = path.as_ref();
        let state = ProgramState::load(path)?;
        let report = state.check(&self);
        if !report.fits() {
            return Err(misfit(&path.display().to_string(), &report));
        }
        state.apply(&mut self);
        Ok(self)
    }

    /// The program with what fits of a file, and a report of what did not.
    ///
    /// # Errors
    /// See [`ProgramState::load`].
    fn load_with_report(mut self, path: impl AsRef<Path>) -> Result<(Self, LoadReport)>
    where
        Self: Sized,
    {
        let report = ProgramState::load(path)?.apply(&mut self);
        Ok((self, report))
    }
}

impl<P: Parameters + ?Sized> ProgramExt for P {}
