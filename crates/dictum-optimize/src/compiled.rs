//! [`Compiled`]: what a compilation gives.

use std::path::Path;
use std::sync::Arc;

use dictum_core::error::Result;
use dictum_core::evaluate::Verdict;
use dictum_core::program::{DynModule, Overlay, Parameters};
use dictum_core::state::ProgramState;
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::cost::{MeanCost, Objective};
use crate::front::{Pick, on_front};
use crate::report::Report;
use crate::run::Folder;
use crate::strategy::Considered;

/// Whether compiling helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The best candidate is better, and not by chance.
    Improved,
    /// The best candidate costs less than the program as it was, and its score is within the points asked for of the best
    /// that was found, with the confidence asked for. Only optimizers that look for low cost say so
    /// ([`CheapestWithin`](crate::CheapestWithin)).
    Cheaper,
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
    /// The states of all predictors and the texts: those of the winner, or the program's own where nothing better was found.
    pub overlay: Overlay,
    /// Whether compiling helped.
    pub outcome: Outcome,
    /// How it was found.
    pub report: Report,
    /// The program's state with the overlay in it, and the optimizer's name, seed and model as metadata.
    pub state: ProgramState,
    ranked: Vec<Ranked>,
    /// What was kept, with where its demonstrations came from.
    pub(crate) kept: Arc<Candidate>,
}

/// A candidate that was scored on all of the validation set.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// Its name.
    pub label: String,
    /// Its identity, as in the report.
    pub id: String,
    /// Its mean score there.
    pub mean: f64,
    /// What an example costs in the mean there.
    pub cost: MeanCost,
    /// The states of all predictors.
    pub overlay: Overlay,
    /// Its score on each row.
    pub(crate) scores: Vec<Option<f64>>,
    /// The program's state as this candidate.
    pub(crate) state: ProgramState,
}

/// A candidate that was picked by a rule.
#[derive(Debug, Clone)]
pub struct Picked {
    /// Its name.
    pub label: String,
    /// Its mean score on the validation set, on which it was picked: on new data it is likely lower.
    pub mean: f64,
    /// What an example costs in the mean there.
    pub cost: MeanCost,
    /// The program's state as this candidate.
    pub state: ProgramState,
}

impl Picked {
    /// Puts the states into a program.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when they don't fit the program; nothing is changed then.
    pub fn apply<P: Parameters + ?Sized>(&self, program: &mut P) -> Result<()> {
        self.state.apply_strict(program).map(drop)
    }

    /// Writes the program's state as JSON.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.state.save(path)
    }
}

/// The states of all predictors of a program as this candidate.
fn whole(baseline: &Candidate, candidate: &Candidate) -> Overlay {
    baseline.overlay().clone().over(candidate.overlay())
}

impl Compiled {
    pub(crate) fn new(
        program: &dyn DynModule,
        baseline: &Candidate,
        kept: &Arc<Candidate>,
        candidates: &[Considered],
        failure_score: f64,
        report: Report,
    ) -> Self {
        let overlay = whole(baseline, kept);
        let state = |overlay: &Overlay| {
            ProgramState::of_candidate(program, overlay)
                .with_metadata("optimizer", report.optimizer.as_str())
                .with_metadata("seed", report.seed)
                .with_metadata("lm", report.lm.as_str())
        };
        let scored = candidates.iter().filter_map(|known| {
            let overlay = whole(baseline, &known.candidate);
            Some(Ranked {
                state: state(&overlay),
                label: known.candidate.label().to_owned(),
                id: known.candidate.id().to_owned(),
                cost: MeanCost::of(known)?,
                scores: known
                    .rows
                    .iter()
                    .map(|done| done.as_ref()?.row.score(failure_score))
                    .collect(),
                mean: known.mean(failure_score)?,
                overlay,
            })
        });
        let mut ranked: Vec<Ranked> = scored.collect();
        // Stable: among equals the one tried first, which is the simpler.
        ranked.sort_by(|a, b| b.mean.total_cmp(&a.mean));
        Self {
            ranked,
            kept: kept.clone(),
            state: state(&overlay),
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

    /// All candidates that were scored on the whole validation set, the best first; among equals the one tried first.
    #[must_use]
    pub fn ranked(&self) -> &[Ranked] {
        &self.ranked
    }

    /// The candidates scored on the whole validation set that are worth their price: no other has as high a score for as
    /// little, the best first. The price is what the prices of all can be compared by: money, or where a price is not known
    /// tokens, or else calls ([`Objective::common`]).
    #[must_use]
    pub fn front(&self) -> Vec<&Ranked> {
        self.front_by(Objective::common(self.ranked.iter().map(|known| &known.cost)))
    }

    /// The same by this price. Candidates of which it is not known are left out.
    #[must_use]
    pub fn front_by(&self, objective: Objective) -> Vec<&Ranked> {
        let known: Vec<(&Ranked, (f64, f64))> = self
            .ranked
            .iter()
            .filter_map(|known| Some((known, (known.mean, known.cost.get(objective)?))))
            .collect();
        let points: Vec<(f64, f64)> = known.iter().map(|(_, point)| *point).collect();
        let on = on_front(&points);
        known
            .into_iter()
            .zip(on)
            .filter(|(_, on)| *on)
            .map(|((known, _), _)| known)
            .collect()
    }

    /// The candidate a rule picks among those scored on the whole validation set, whatever was kept.
    ///
    /// ```no_run
    /// # fn example(compiled: dictum_optimize::Compiled) -> dictum_core::Result<()> {
    /// use dictum_optimize::Pick;
    /// compiled.pick(Pick::best_under(0.002))?.save("triage.json")?; // at most 0.2 cents an example
    /// compiled.pick(Pick::cheapest_within(2.0))?.save("cheap.json")?; // at most 2 points below the best
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`dictum_core::Error::Input`] when no candidate is so cheap, or what the rule asks for is not known of any.
    pub fn pick(&self, rule: Pick) -> Result<Picked> {
        let found = rule.of(&self.ranked)?;
        Ok(Picked {
            label: found.label.clone(),
            mean: found.mean,
            cost: found.cost,
            state: found.state.clone(),
        })
    }

    /// The best `k` candidates as programs of their own, or as many as were scored, whatever was kept: the members of an
    /// [`Ensemble`](dictum_core::modules::Ensemble). `make` makes the program. Whether an ensemble of them is worth its
    /// calls is for an evaluation to say, on data that did not choose them.
    ///
    /// ```no_run
    /// # fn example(compiled: dictum_optimize::Compiled, program: dictum_core::modules::Predict) -> dictum_core::Result<()> {
    /// use dictum_core::modules::Ensemble;
    /// let ensemble = Ensemble::voting(compiled.best_programs(3, || program.clone())?, "answer")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the states don't fit what `make` gives.
    pub fn best_programs<P: Parameters>(&self, k: usize, make: impl Fn() -> P) -> Result<Vec<P>> {
        let program = |known: &Ranked| {
            let mut program = make();
            ProgramState::of_candidate(&program, &known.overlay).apply_strict(&mut program)?;
            Ok(program)
        };
        self.ranked.iter().take(k).map(program).collect()
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
