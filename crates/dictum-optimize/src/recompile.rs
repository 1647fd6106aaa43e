//! [`Recompile`]: an old program for another model.

use std::fmt;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::{Evaluation, Metric};
use dictum_core::program::{Context, DynModule};
use dictum_core::state::{ProgramState, diff};

use crate::candidate::{Candidate, Role};
use crate::compile::{Task, compile};
use crate::compiled::Compiled;
use crate::options::Optimizer;

/// Compiles a program that was compiled before for another model, or other data: the search starts from the old state, which
/// is the one to beat, and the result says what had to change. With [`CheapestWithin`](crate::CheapestWithin) what changes are
/// the settings only.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context, program: dictum_core::modules::Predict,
/// #     trainset: Vec<dictum_core::data::Example>, valset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::{metrics::exact_match, state::ProgramState};
/// use dictum_optimize::{MiproV2, Recompile};
///
/// let old = ProgramState::load("triage.json")?;
/// let again = Recompile::with(MiproV2::new())
///     .compile(&ctx, &program, &old, &trainset, &valset, exact_match("team"))
///     .await?;
/// println!("{again}"); // the old state's score on this model, the new one's, and a diff
/// again.compiled.save("triage.json")?;
/// # Ok(()) }
/// ```
///
/// All options, such as budget, run folder and test set, are those of the optimizer. The program's own state counts for
/// nothing, but for predictors that the old state does not have.
#[derive(Debug, Clone)]
pub struct Recompile<O> {
    optimizer: O,
}

/// What a [`Recompile`] found. Displays for people: both scores, then what changed by predictor.
#[derive(Debug, Clone)]
pub struct Recompiled {
    /// The program. Where nothing better than the old state was found, it is that.
    pub compiled: Compiled,
    /// The old state.
    pub start: ProgramState,
}

impl<O: Optimizer> Recompile<O> {
    /// With this optimizer.
    #[must_use]
    pub fn with(optimizer: O) -> Self {
        Self { optimizer }
    }

    /// Compiles the program from its old state. The context is that of the new model.
    ///
    /// # Errors
    /// [`Error::Input`] when the old state does not fit the program, or names a model or adapter that the context does not have;
    /// else as the optimizer's own `compile`.
    pub async fn compile<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        start: &ProgramState,
        trainset: &[Example],
        valset: &[Example],
        metric: impl Metric,
    ) -> Result<Recompiled> {
        let report = start.check(program);
        if !report.fits() {
            return Err(Error::input(
                "start",
                format!("does not fit the program:\n{report}"),
            ));
        }
        let candidate = Candidate::new("the old state", Role::Student, start.overlay());
        let task = Task {
            options: self.optimizer.shared().0,
            recipe: &self.optimizer,
            ctx,
            program,
            start: Some(&candidate),
            tuned: &[],
            metric: &metric,
        };
        let compiled = compile(task, trainset, valset).await?;
        Ok(Recompiled {
            compiled,
            start: start.clone(),
        })
    }
}

impl Recompiled {
    /// The old state on the new model, and what was kept; on the test set where there is one, else on the validation set.
    /// `None` without either. Where the old state was kept, both are its.
    #[must_use]
    pub fn scores(&self) -> Option<(&Evaluation, &Evaluation)> {
        let report = &self.compiled.report;
        let pair = report.test.as_ref().or(report.validation.as_ref())?;
        let kept = if report.kept == report.best {
            &pair.best
        } else {
            &pair.baseline
        };
        Some((&pair.baseline, kept))
    }

    /// The predictors whose state had to change, by path.
    #[must_use]
    pub fn changed(&self) -> Vec<&str> {
        let all = self.compiled.state.predictors();
        let other = |path: &str, state| self.start.predictor(path).is_none_or(|old| old.state != state);
        all.filter(|(path, saved)| other(path, saved.state.clone()))
            .map(|(path, _)| path)
            .collect()
    }

    /// What had to change, predictor by predictor; empty where nothing had to.
    #[must_use]
    pub fn diff(&self) -> String {
        diff(&self.start, &self.compiled.state)
    }
}

impl fmt::Display for Recompiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.compiled.report;
        let before = self.start.metadata().get("lm").and_then(|lm| lm.as_str());
        match before.filter(|before| *before != report.lm) {
            Some(before) => writeln!(f, "for {}, from a state compiled for {before}", report.lm)?,
            None => writeln!(f, "for {}", report.lm)?,
        }
        if let Some((old, kept)) = self.scores() {
            let set = if report.test.is_some() {
                "test"
            } else {
                "validation"
            };
            writeln!(f, "the old state on the {set} set: {old}")?;
            if report.kept == report.best {
                writeln!(f, "recompiled: {kept}")?;
            }
        }
        writeln!(f, "{}", report.summary)?;
        let diff = self.diff();
        if diff.is_empty() {
            return writeln!(f, "nothing had to change");
        }
        let all = self.compiled.state.predictors().count();
        writeln!(
            f,
            "\nwhat had to change, in {} of {all} predictors\n{}",
            self.changed().len(),
            diff.trim_end()
        )
    }
}
