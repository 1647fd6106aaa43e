//! The options all optimizers share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::lm::Budget;
use dictum_core::program::{Context, DynModule};

use crate::engine::OnProgress;
use crate::stop::Stop;

/// The options all optimizers share. Each optimizer has a method of the same name for each.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) budget: Budget,
    pub(crate) run_dir: Option<PathBuf>,
    pub(crate) concurrency: usize,
    pub(crate) testset: Vec<Example>,
    pub(crate) alpha: f64,
    pub(crate) allow_overlap: bool,
    pub(crate) keep_best_anyway: bool,
    pub(crate) max_outages: usize,
    pub(crate) calls_per_rollout: Option<u64>,
    pub(crate) failure_score: f64,
    pub(crate) teacher: Option<Arc<dyn DynModule>>,
    pub(crate) teacher_context: Option<Context>,
    pub(crate) proposer_context: Option<Context>,
    pub(crate) on_progress: Option<OnProgress>,
    pub(crate) stop: Stop,
    /// The budget and level the run is known by, where it has only what others left of them.
    pub(crate) known_as: Option<(Budget, f64)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            budget: Budget::unlimited(),
            run_dir: None,
            concurrency: 16,
            testset: Vec::new(),
            alpha: 0.05,
            allow_overlap: false,
            keep_best_anyway: false,
            max_outages: 10,
            calls_per_rollout: None,
            failure_score: 0.0,
            teacher: None,
            teacher_context: None,
            proposer_context: None,
            on_progress: None,
            stop: Stop::new(),
            known_as: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("seed", &self.seed)
            .field("budget", &self.budget)
            .field("run_dir", &self.run_dir)
            .field("concurrency", &self.concurrency)
            .field("testset", &self.testset.len())
            .field("alpha", &self.alpha)
            .finish_non_exhaustive()
    }
}

/// The options of an optimizer, seen from outside: nothing.
#[derive(Debug, Clone, Copy)]
pub struct Shared<'a>(pub(crate) &'a Options);

/// An optimizer, whichever: for those that run others, such as [`Sequence`](crate::Sequence). One of your own is a
/// [`Custom`](crate::Custom).
pub trait Optimizer: crate::Recipe {
    /// What it has in common with all others.
    #[doc(hidden)]
    fn shared(&self) -> Shared<'_>;
}

/// Gives an optimizer with a field `options` its shared options and `compile`.
macro_rules! optimizer {
    ($optimizer:ident) => {
        impl Default for $optimizer {
            fn default() -> Self {
                Self::new()
            }
        }

        $crate::options::optimizer!([] $optimizer);
    };
    (@options [$($generics:tt)*] $optimizer:ty) => {
        /// Options all optimizers share.
        impl<$($generics)*> $optimizer {
            /// The seed of everything random; 0 if not set. The same seed, program, data and answers give the same result.
            #[must_use]
            pub fn seed(mut self, seed: u64) -> Self {
                self.options.seed = seed;
                self
            }

            /// What the whole run may spend, the confirmation on a test set included; no limit if not set. The limit of
            /// calls is exact, and what it has room for does not depend on the concurrency. Tokens, money and time are
            /// checked before each rollout and each call, so they can be overshot by what is in flight, and where they
            /// end a run depends on when answers came. What a cache answers costs no call, so with a cache the end of a
            /// budget depends on what it holds.
            #[must_use]
            pub fn budget(mut self, budget: dictum_core::lm::Budget) -> Self {
                self.options.budget = budget;
                self
            }

            /// The folder of the run: what is finished is kept there as it ends, and the same call with the same folder
            /// goes on from there. The results are written there too. Without one the run is in memory only.
            #[must_use]
            pub fn run_dir(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
                self.options.run_dir = Some(folder.into());
                self
            }

            /// How many rollouts run at once; 16 if not set, at least 1. It changes no result.
            #[must_use]
            pub fn concurrency(mut self, rollouts: usize) -> Self {
                self.options.concurrency = rollouts.max(1);
                self
            }

            /// Confirms the winner on these examples, which the search never sees, against the program as it was. Their
            /// calls are set aside from the budget at the start. Without them the comparison on the validation set has to
            /// do, held to a stricter level where the winner was chosen among several on it.
            #[must_use]
            pub fn confirm_on(mut self, testset: &[dictum_core::data::Example]) -> Self {
                self.options.testset = testset.to_vec();
                self
            }

            /// The level below which the p value of the paired test must be to speak of a difference; 0.05 if not set.
            #[must_use]
            pub fn significance(mut self, alpha: f64) -> Self {
                self.options.alpha = alpha;
                self
            }

            /// Goes on when most of the validation or test set stands in the trainset too. Otherwise that is an error, for
            /// its scores would mean little; single overlaps are reported only.
            #[must_use]
            pub fn allow_overlap(mut self) -> Self {
                self.options.allow_overlap = true;
                self
            }

            /// Gives the best candidate even when its gain may be chance; otherwise the program stays as it was.
            #[must_use]
            pub fn keep_best_anyway(mut self) -> Self {
                self.options.keep_best_anyway = true;
                self
            }

            /// How many rollouts may fail because the model could not be reached (after all retries of its layers) before
            /// the run stops; 10 if not set. Such failures are not kept in the run folder: run again, and they are tried
            /// again.
            #[must_use]
            pub fn max_outages(mut self, rollouts: usize) -> Self {
                self.options.max_outages = rollouts;
                self
            }

            /// The most calls one rollout may take under a budget of calls, retries included: so many are set aside while
            /// it is in flight. If not set, four times the calls of a rollout in which every predictor is called once and
            /// asked again as often as the context's repair policy says, and at least 8. A rollout that wants more fails.
            #[must_use]
            pub fn calls_per_rollout(mut self, calls: u64) -> Self {
                self.options.calls_per_rollout = Some(calls.max(1));
                self
            }

            /// What an example counts that the program failed on; 0 if not set.
            #[must_use]
            pub fn failure_score(mut self, score: f64) -> Self {
                self.options.failure_score = score;
                self
            }

            /// Tells this callback how far the run is after every rollout. It must not block.
            #[must_use]
            pub fn on_progress(
                mut self,
                callback: impl Fn(&$crate::Progress) + Send + Sync + 'static,
            ) -> Self {
                self.options.on_progress = Some(std::sync::Arc::new(callback));
                self
            }

            /// Lets this handle pause the run, let it go on step by step, or end it early with the best so far. A run folder
            /// can go on from there: a stopped run is one whose budget ended.
            #[must_use]
            pub fn stop_with(mut self, stop: &$crate::Stop) -> Self {
                self.options.stop = stop.clone();
                self
            }
        }
    };
    ([$($generics:tt)*] $optimizer:ty) => {
        $crate::options::optimizer!(@options [$($generics)*] $optimizer);

        impl<$($generics)*> $crate::Optimizer for $optimizer {
            fn shared(&self) -> $crate::options::Shared<'_> {
                $crate::options::Shared(&self.options)
            }
        }

        impl<$($generics)*> $optimizer {
            /// What [`Self::compile`] would take, without calling a model or writing anything: an estimate.
            ///
            /// # Errors
            /// When the data or settings make no sense, as `compile` would say.
            pub async fn dry_run<P: dictum_core::program::DynModule>(
                &self,
                ctx: &dictum_core::program::Context,
                program: &P,
                trainset: &[dictum_core::data::Example],
                valset: &[dictum_core::data::Example],
            ) -> dictum_core::Result<$crate::Forecast> {
                let task = $crate::compile::Task {
                    options: &self.options,
                    recipe: self,
                    ctx,
                    program,
                    start: None,
                    tuned: &[],
                    metric: &$crate::engine::Answered,
                };
                $crate::compile::dry_run(task, trainset, valset).await
            }

            /// Compiles the program: searches, measures, and keeps what is better. The program itself is not changed; see
            /// [`Compiled::apply`]($crate::Compiled::apply). Dropping the future cancels the calls in flight and leaves a
            /// run folder that can be resumed.
            ///
            /// # Errors
            /// When the data or settings make no sense, the run folder holds another run or is in use, the metric can judge
            /// nothing, or the model can't be reached. What was done until then is in the run folder.
            pub async fn compile<P: dictum_core::program::DynModule>(
                &self,
                ctx: &dictum_core::program::Context,
                program: &P,
                trainset: &[dictum_core::data::Example],
                valset: &[dictum_core::data::Example],
                metric: impl dictum_core::evaluate::Metric,
            ) -> dictum_core::Result<$crate::Compiled> {
                let task = $crate::compile::Task {
                    options: &self.options,
                    recipe: self,
                    ctx,
                    program,
                    start: None,
                    tuned: &[],
                    metric: &metric,
                };
                $crate::compile::compile(task, trainset, valset).await
            }
        }
    };
}

/// Gives an optimizer with a field `how` the options of bootstrapping.
macro_rules! teacher_options {
    ($optimizer:ident) => {
        $crate::options::teacher_options!($optimizer, "16");
    };
    ($optimizer:ident, $labeled:literal) => {
        /// Options of bootstrapping.
        impl $optimizer {
            /// Most bootstrapped demonstrations of each predictor; 4 if not set.
            #[must_use]
            pub fn max_bootstrapped(mut self, demos: usize) -> Self {
                self.how.max_bootstrapped = demos;
                self
            }

            /// Most demonstrations of each predictor in all: labelled examples fill up to this number. The teacher is shown
            /// so many labelled ones.
            #[doc = concat!($labeled, " if not set.")]
            #[must_use]
            pub fn max_labeled(mut self, demos: usize) -> Self {
                self.how.max_labeled = demos;
                self
            }

            /// How often an example is tried; once if not set. After the first time at temperature 1 and with new samples.
            #[must_use]
            pub fn rounds(mut self, rounds: u64) -> Self {
                self.how.rounds = rounds;
                self
            }

            /// The least score an answer needs to become a demonstration. If not set, any above 0 will do.
            #[must_use]
            pub fn metric_threshold(mut self, score: f64) -> Self {
                self.how.threshold = Some(score);
                self
            }

            /// How many failed rollouts of the teacher one bootstrap may have; more end the run with an error that says
            /// their causes. No limit if not set; the report has the causes in any case.
            #[must_use]
            pub fn max_errors(mut self, rollouts: usize) -> Self {
                self.how.max_errors = Some(rollouts);
                self
            }
        }

        $crate::options::taught_options!([] $optimizer);
    };
}

/// Gives an optimizer whose recipe learns from what a program answers the options of which, and in which context.
macro_rules! taught_options {
    ([$($generics:tt)*] $optimizer:ty) => {
        /// Options of the teacher.
        impl<$($generics)*> $optimizer {
            /// A program in whose place the compiled one learns to answer: it must have the same predictors. If not set, the
            /// program itself.
            #[must_use]
            pub fn teacher(mut self, program: impl dictum_core::program::DynModule + 'static) -> Self {
                self.options.teacher = Some(std::sync::Arc::new(program));
                self
            }

            /// The context the teacher answers in: a larger model, say. If not set, the program's. Its calls count against
            /// the run's budget, in place of one that context has.
            #[must_use]
            pub fn teacher_context(mut self, ctx: &dictum_core::program::Context) -> Self {
                self.options.teacher_context = Some(ctx.clone());
                self
            }
        }
    };
}

/// Gives an optimizer that asks a model for proposals the option of which.
macro_rules! proposer_options {
    ($optimizer:ident) => {
        $crate::options::proposer_options!([] $optimizer);
    };
    ([$($generics:tt)*] $optimizer:ty) => {
        /// Options of proposals.
        impl<$($generics)*> $optimizer {
            /// The context proposals are made in: a stronger model, say. If not set, the program's. Its calls count against
            /// the run's budget, in place of one that context has.
            #[must_use]
            pub fn proposer_context(mut self, ctx: &dictum_core::program::Context) -> Self {
                self.options.proposer_context = Some(ctx.clone());
                self
            }
        }
    };
}

pub(crate) use {optimizer, proposer_options, taught_options, teacher_options};
