//! [`MiproV2`]: instructions and demonstrations chosen together, by a model of what worked.

mod board;
mod search;
mod sets;
mod size;

use dictum_core::error::Result;
use serde_json::{Value, json};

use super::bootstrapper::Bootstrap;
use crate::options::{Options, optimizer, proposer_options, teacher_options};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;
pub use size::Effort;
use size::Wish;

/// Makes sets of demonstrations and proposals of instructions for every predictor, then looks for the best combination
/// of them: an estimator of what good combinations have in common (TPE) says what to try next, trials are scored on
/// minibatches, and the most promising are scored in full. The best of those wins; among equals the one scored first.
///
/// Instructions are proposed by a model ([`MiproV2::proposer_context`]) that is shown a summary of the data, the steps
/// of the program, what each is for, demonstrations that worked, and a hint drawn at random. Without demonstrations
/// (`max_bootstrapped(0)` and `max_labeled(0)`) only instructions are searched.
///
/// Texts the program declares ([`TextParameter`](dictum_core::program::TextParameter)) are searched like instructions.
///
/// How much is tried follows from [`MiproV2::auto`], or from [`MiproV2::candidates`] and [`MiproV2::trials`].
///
/// Other than DSPy's `MIPROv2`:
/// - The proposer sees the steps with their fields, types and instructions, not source code. Of a program of one step no
///   description of the step is asked for beside that of the program.
/// - Batches of examples are looked at independently and at once; DSPy asks one after the other, shows earlier notes,
///   and stops at "COMPLETE". Of a single batch the notes are the summary.
/// - Proposals must not copy from the examples, and are told so. Of answers, fences, quotes and labels are taken off.
///   Empty, refused and overlong ones are noted in the report and not used; equal ones count once. DSPy cuts off any
///   few words in front of a colon.
/// - The first choice for instructions and demonstrations is the program as it is, with demonstrations it has. Where it
///   has some, having none is a choice too. Sets that came out the same count once.
/// - `max_bootstrapped(0)` with labelled demonstrations works: all sets are samples of labelled examples. DSPy crashes.
/// - The estimator is our own, with Optuna's densities; its random numbers differ. It holds a combination to the mean
///   over all rows it has been scored on, where DSPy keeps the score of each minibatch. Up to four trials are proposed
///   before their scores are known (running ones count as bad until then), so that calls are kept in flight.
/// - A combination that is tried again is scored on examples it hasn't seen; one that is fully scored is tried again
///   only when nothing else was drawn. Scores are shared by combinations that come out as the same program.
/// - Minibatches are used where the validation set has more than 50 examples, unless [`MiproV2::minibatch`] or
///   [`MiproV2::full_evaluations`] says. A minibatch larger than the validation set is an error in either.
/// - [`MiproV2::use_budget`] goes on until the budget ends. On the simulated task with 3,000 calls it takes the heavy search,
///   which ends after 2,389, from 0.65 to 0.72.
/// - There is no racing: minibatches stop bad combinations early already. Without them the same search reached 0.65.
/// - [`MiproV2::candidates`] without trials takes the number of trials from the formula.
/// - Without a validation set, a quarter of the trainset is set apart at random; DSPy takes the last four fifths.
/// - The winner is compared with the program as it was by a paired test. A seed of 0 is a seed. Failures are rows with
///   causes, not zeros without. Calls are counted.
/// - Every predictor gets its own demonstrations from the same bootstraps; a demonstration is left out when its example
///   is asked.
#[derive(Debug, Clone)]
pub struct MiproV2 {
    options: Options,
    how: Bootstrap,
    wish: Wish,
    grounds: Grounds,
}

/// What proposals are grounded in.
#[derive(Debug, Clone, serde::Serialize)]
struct Grounds {
    temperature: f64,
    data: Option<usize>,
    program: bool,
    tips: bool,
    demos: bool,
}

optimizer!(MiproV2);
teacher_options!(MiproV2, "4");
proposer_options!(MiproV2);

impl MiproV2 {
    /// A light search with at most 4 demonstrations for each predictor.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: Bootstrap {
                max_labeled: 4,
                ..Bootstrap::default()
            },
            wish: Wish::default(),
            grounds: Grounds {
                temperature: 1.0,
                data: Some(10),
                program: true,
                tips: true,
                demos: true,
            },
        }
    }

    /// How much is tried; [`Effort::Light`] if neither this nor [`MiproV2::candidates`] is set.
    #[must_use]
    pub fn auto(mut self, auto: Effort) -> Self {
        self.wish.auto = Some(auto);
        self
    }

    /// So many choices of instructions and of demonstrations for each predictor, the program's own included.
    #[must_use]
    pub fn candidates(mut self, candidates: usize) -> Self {
        self.wish.candidates = Some(candidates);
        self
    }

    /// So many trials, beside the program as it is and full evaluations of what looked good. Needs
    /// [`MiproV2::candidates`].
    #[must_use]
    pub fn trials(mut self, trials: usize) -> Self {
        self.wish.trials = Some(trials);
        self
    }

    /// Goes on with trials until the budget ends, or all combinations are scored in full. Otherwise their number follows from
    /// [`MiproV2::auto`] or [`MiproV2::trials`], and what the budget has beyond it is left.
    #[must_use]
    pub fn use_budget(mut self) -> Self {
        self.wish.use_budget = true;
        self
    }

    /// Scores trials on so many examples, and the best of them in full after every so many trials (`full_every`) and at
    /// the end. If not set, 35 and 5 where the validation set has more than 50 examples.
    #[must_use]
    pub fn minibatch(mut self, examples: usize, full_every: usize) -> Self {
        self.wish.minibatch = Some(Some((examples, full_every)));
        self
    }

    /// Scores every trial on the whole validation set.
    #[must_use]
    pub fn full_evaluations(mut self) -> Self {
        self.wish.minibatch = Some(None);
        self
    }

    /// The temperature instructions are proposed at; 1 if not set.
    #[must_use]
    pub fn proposal_temperature(mut self, temperature: f64) -> Self {
        self.grounds.temperature = temperature;
        self
    }

    /// Shows the proposer a summary of the trainset, made from at most ten batches of so many examples; 10 if not set,
    /// and 0 for none.
    #[must_use]
    pub fn summarize_data(mut self, batch: usize) -> Self {
        self.grounds.data = (batch > 0).then_some(batch);
        self
    }

    /// Whether the proposer is shown the steps of the program and what they are for; it is if not set.
    #[must_use]
    pub fn describe_program(mut self, wanted: bool) -> Self {
        self.grounds.program = wanted;
        self
    }

    /// Whether the proposer is given hints; it is if not set.
    #[must_use]
    pub fn tips(mut self, wanted: bool) -> Self {
        self.grounds.tips = wanted;
        self
    }

    /// Whether the proposer is shown demonstrations that worked; it is if not set.
    #[must_use]
    pub fn show_demos(mut self, wanted: bool) -> Self {
        self.grounds.demos = wanted;
        self
    }

    fn zero_shot(&self) -> bool {
        self.how.max_bootstrapped == 0 && self.how.max_labeled == 0
    }
}

impl Recipe for MiproV2 {
    fn name(&self) -> &'static str {
        "MIPROv2"
    }

    fn settings(&self) -> Value {
        json!({ "bootstrap": self.how, "size": self.wish, "grounds": self.grounds })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let dimensions = plan.predictors.len() * if self.zero_shot() { 1 } else { 2 } + plan.texts.len();
        let size = self
            .wish
            .resolve(dimensions, self.zero_shot(), plan.valset.len())?;
        Ok(Box::new(search::Search::new(self, size, plan)?))
    }
}
