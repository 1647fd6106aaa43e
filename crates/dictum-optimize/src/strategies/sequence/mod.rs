//! [`Sequence`]: optimizers one after another.

mod forecast;
mod found;
mod last;
mod run;
mod step;

pub use found::Sequenced;

use std::fmt;
use std::sync::Arc;

use dictum_core::data::{Example, split};
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::Metric;
use dictum_core::lm::Budget;
use dictum_core::program::{Context, DynModule, predictors};

use super::finetune::BootstrapFinetune;
use crate::compile::Forecast;
use crate::options::{Optimizer, Options, optimizer};
use step::Step;

/// Runs optimizers one after another, each on what the one before it made, and keeps the best on the validation set; among
/// equals the earlier. The program as it was is one of them.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context, program: dictum_core::modules::Predict,
/// #     trainset: Vec<dictum_core::data::Example>, valset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::{lm::Budget, metrics::exact_match};
/// use dictum_optimize::{BootstrapRandomSearch, Sequence, Simba};
///
/// let sequence = Sequence::new()
///     .then(Simba::new().max_demos(0))
///     .then(BootstrapRandomSearch::new())
///     .budget(Budget::calls(4_000))
///     .run_dir("runs/both");
/// let found = sequence.compile(&ctx, &program, &trainset, &valset, exact_match("team")).await?;
/// found.compiled.save("both.json")?;
/// # Ok(()) }
/// ```
///
/// The options of the sequence hold for all: seed, concurrency, budget, run folder (each step has a folder inside), test
/// set, failure score. Of the steps' own options their settings, teachers and proposers hold, and their limits of outages and
/// of calls per rollout. Each step may spend an equal share of the calls that are left; what it leaves goes to the next. The
/// confirmation's calls are set aside.
///
/// Other than DSPy's `BetterTogether`:
/// - Any optimizers, in any number, as values; no strategy string of letters.
/// - Without a validation set a quarter of the trainset is split off once, for all steps; DSPy takes the first tenth.
/// - A step gives its best candidate even when the gain may be chance; whether the whole gained is one paired test at the
///   end, on the test set, or on the validation set at a level corrected for all candidates of all steps.
/// - Where demonstrations came from goes from step to step, so that none is shown to the example it was made from.
/// - A step that fails ends the run with its error: run again with the same folder, and what was done costs nothing. DSPy
///   gives the best so far, with a flag.
/// - A training that fails ends the run too; one that was cut short by the budget is passed over.
///
/// Prompts and weights take turns, which is BetterTogether's "p -> w -> p" (Soylu, Potts, Khattab, 2024, "Fine-Tuning and Prompt
/// Optimization: Two Great Steps that Work Better Together"):
///
/// ```no_run
/// # async fn example<S: dictum_core::finetune::FineTuning + 'static>(ctx: dictum_core::program::Context, service: S,
/// #     program: dictum_core::modules::Predict, trainset: Vec<dictum_core::data::Example>,
/// #     valset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::metrics::exact_match;
/// use dictum_optimize::{BootstrapFinetune, MiproV2, Sequence};
///
/// let found = Sequence::new()
///     .then(MiproV2::new())
///     .then_finetune(BootstrapFinetune::new().train(service, "gpt-4.1-nano-2025-04-14"))
///     .then(MiproV2::new())
///     .run_dir("runs/together")
///     .compile(&ctx, &program, &trainset, &valset, exact_match("team"))
///     .await?;
/// found.compiled.save("together.json")?; // names the tuned model, if the best is bound to it
/// let ctx = found.context(&ctx); // the same, with the tuned model in its roster
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sequence {
    options: Options,
    steps: Vec<Step>,
}

optimizer!(@options [] Sequence);

impl Default for Sequence {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.steps.iter().map(|step| step.name()).collect();
        f.debug_struct("Sequence")
            .field("options", &self.options)
            .field("steps", &names)
            .finish()
    }
}

/// The share of the trainset that becomes the validation set where none is given.
const VALIDATION_SHARE: f64 = 0.25;

impl Sequence {
    /// No steps yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            steps: Vec::new(),
        }
    }

    /// One more optimizer.
    #[must_use]
    pub fn then(self, optimizer: impl Optimizer + 'static) -> Self {
        self.then_boxed(Box::new(optimizer))
    }

    /// One more optimizer, chosen at run time.
    #[must_use]
    pub fn then_boxed(mut self, optimizer: Box<dyn Optimizer>) -> Self {
        self.steps.push(Step::Search(Arc::from(optimizer)));
        self
    }

    /// A training next: models are trained on what the program as the steps before it left it, or the tuner's teacher, answers
    /// well, and the steps after it go on with the program bound to them. Of the tuner's own options its teacher, settings,
    /// service and callbacks hold.
    ///
    /// Where the budget, or a stop, ends before there are enough examples to train on, nothing is trained, and the program
    /// goes on as it was. With a run folder, `N-BootstrapFinetune` inside keeps what was asked of the provider: a run that goes
    /// on there trains nothing twice.
    #[must_use]
    pub fn then_finetune(mut self, tuner: BootstrapFinetune) -> Self {
        self.steps.push(Step::Tuning(Box::new(tuner)));
        self
    }

    /// Runs the steps and keeps the best.
    ///
    /// # Errors
    /// [`Error::Input`] without steps, and those of the steps' `compile`.
    pub async fn compile<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
        valset: &[Example],
        metric: impl Metric,
    ) -> Result<Sequenced> {
        let (train, val) = self.data(trainset, valset)?;
        self.steps.iter().try_for_each(Step::ready)?;
        run::compile(self, ctx, program, (&train, &val), &metric).await
    }

    /// What [`Sequence::compile`] would take, without calling a model or writing anything: the steps' own dry runs, each from
    /// what the one before it would make, and the end. Phases are named after their steps. A model that a step would train is
    /// called after the step, and what it would be paid for its training is no part of it.
    ///
    /// # Errors
    /// When the data or settings make no sense, as `compile` would say.
    pub async fn dry_run<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
        valset: &[Example],
    ) -> Result<Forecast> {
        let (train, val) = self.data(trainset, valset)?;
        forecast::dry_run(self, ctx, program, (&train, &val)).await
    }

    /// Both sets, with a part of the trainset split off where there is no validation set.
    fn data(&self, trainset: &[Example], valset: &[Example]) -> Result<(Vec<Example>, Vec<Example>)> {
        if self.steps.is_empty() {
            return Err(Error::input("steps", "are none: add optimizers with `then`"));
        }
        let (train, val) = match valset {
            [] => {
                let parts = [1.0 - VALIDATION_SHARE, VALIDATION_SHARE];
                let [train, val] = split(trainset, self.options.seed, parts);
                (train, val)
            }
            given => (trainset.to_vec(), given.to_vec()),
        };
        if train.is_empty() || val.is_empty() {
            return Err(Error::input(
                "trainset",
                "is too small to split off a validation set; give one",
            ));
        }
        Ok((train, val))
    }

    /// The calls of the end at least: the program is scored once more, and both on the test set.
    fn last(&self, program: &dyn DynModule, val: usize) -> u64 {
        let least = predictors(program).len() as u64;
        least * (val + 2 * self.options.testset.len()) as u64
    }

    /// The calls a step may spend when so many are spent or set aside.
    fn share(&self, place: usize, taken: u64) -> Option<u64> {
        let left = self.options.budget.calls.map(|calls| calls.saturating_sub(taken));
        left.map(|left| left / (self.steps.len() - place) as u64)
    }

    /// The options of a step: the sequence's, and what is the step's own.
    fn of_step(&self, place: usize, step: &Step, share: Option<u64>) -> Options {
        let own = step.options();
        let folder = format!("{}-{}", place + 1, step.name());
        Options {
            budget: calls(share),
            run_dir: self.options.run_dir.as_ref().map(|path| path.join(folder)),
            testset: Vec::new(),
            keep_best_anyway: true,
            teacher: own.teacher.clone(),
            teacher_context: own.teacher_context.clone(),
            proposer_context: own.proposer_context.clone(),
            calls_per_rollout: own.calls_per_rollout,
            max_outages: own.max_outages,
            ..self.options.clone()
        }
    }
}

fn calls(calls: Option<u64>) -> Budget {
    calls.map_or_else(Budget::unlimited, Budget::calls)
}
