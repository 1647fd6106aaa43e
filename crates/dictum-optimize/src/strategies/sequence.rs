//! [`Sequence`]: optimizers one after another.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dictum_core::data::{Example, split};
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::Metric;
use dictum_core::lm::{Budget, Spent, Usage};
use dictum_core::program::{Context, DynModule, predictors};
use serde_json::{Value, json};

use crate::candidate::Candidate;
use crate::compile::{Forecast, Task, compile, dry_run};
use crate::compiled::Compiled;
use crate::engine::{Answered, Phase};
use crate::options::{Optimizer, Options, optimizer};
use crate::plan::{Plan, Recipe};
use crate::report::Report;
use crate::rng::Rng;
use crate::strategy::{Ask, Choice, Considered, Done, Strategy};

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
/// - Weights are no step: fine-tuning makes another model, not another state of the program.
#[derive(Clone)]
pub struct Sequence {
    options: Options,
    steps: Vec<Arc<dyn Optimizer>>,
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

/// What a [`Sequence`] found.
#[derive(Debug, Clone)]
pub struct Sequenced {
    /// The best, with a report of what each step made of the program.
    pub compiled: Compiled,
    /// The steps' own reports, in their order. A sequence whose budget ended early has fewer.
    pub steps: Vec<Report>,
    /// What all of it spent.
    pub spent: Spent,
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
        self.steps.push(Arc::from(optimizer));
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
        // The end has the data as it is, however many steps there were.
        let mut shuffled = train.clone();
        let ctx = ctx.with_budget(self.options.budget);
        let (_, last) = self.last(program, val.len());
        let mut run = Run {
            legs: Vec::new(),
            reports: Vec::new(),
            rivals: 0,
        };
        for (place, step) in self.steps.iter().enumerate() {
            // A stopped step's best is not what the next one would start from in the end.
            if self.options.stop.is_stopped() {
                break;
            }
            let spent = ctx.meter().map(|meter| meter.spent().calls).unwrap_or_default();
            let share = self.share(place, spent + last);
            if share == Some(0) {
                break;
            }
            let options = self.of_step(place, &**step, share);
            Rng::of(&("sequence", self.options.seed, place)).shuffle(&mut shuffled);
            let task = Task {
                options: &options,
                recipe: &Step(&**step),
                ctx: &ctx,
                program,
                start: run.legs.last().map(|leg| &*leg.candidate),
                metric: &metric,
            };
            let compiled = compile(task, &shuffled, &val).await?;
            run.add(place, compiled);
        }
        let mut options = self.options.clone();
        let spent = ctx.meter().map(|meter| meter.spent().calls).unwrap_or_default();
        options.budget = calls(self.options.budget.calls.map(|calls| calls.saturating_sub(spent)));
        options.allow_overlap = true;
        // What was left follows from the steps, and a stopped sequence left more.
        options.known_as = Some((self.options.budget, self.options.alpha));
        // The end holds the level to the number of steps; it is to be held to the number of all their candidates.
        if options.testset.is_empty() {
            options.alpha *= run.legs.len().max(1) as f64 / run.rivals.max(1).max(run.legs.len()) as f64;
        }
        let last = Last {
            steps: self
                .steps
                .iter()
                .map(|step| json!([step.name(), step.settings()]))
                .collect(),
            legs: run.legs,
            asked: self.steps.len(),
            why: match self.options.stop.is_stopped() {
                true => "the run was stopped",
                false => "the budget was spent",
            },
        };
        let task = Task {
            options: &options,
            recipe: &last,
            ctx: &ctx,
            program,
            start: None,
            metric: &metric,
        };
        let compiled = compile(task, &train, &val).await?;
        Ok(Sequenced {
            compiled,
            steps: run.reports,
            spent: ctx.meter().map(|meter| meter.spent()).unwrap_or_default(),
        })
    }

    /// What [`Sequence::compile`] would take, without calling a model or writing anything: the steps' own dry runs, each from
    /// the program as it is, and the end. Phases are named after their steps.
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
        let (least, last) = self.last(program, val.len());
        let mut whole = Forecast {
            phases: Vec::new(),
            calls: 0,
            usage: Usage::default(),
            by_model: BTreeMap::new(),
            short: false,
            reasons: Vec::new(),
            notes: Vec::new(),
        };
        for (place, step) in self.steps.iter().enumerate() {
            let share = self.share(place, whole.calls + last);
            if share == Some(0) {
                whole.short = true;
                break;
            }
            let options = self.of_step(place, &**step, share);
            let task = Task {
                options: &options,
                recipe: &Step(&**step),
                ctx,
                program,
                start: None,
                metric: &Answered,
            };
            let part = dry_run(task, &train, &val).await?;
            let name = format!("{} {}", place + 1, step.name());
            whole.phases.extend(part.phases.into_iter().map(|phase| Phase {
                name: format!("{name}: {}", phase.name),
                ..phase
            }));
            whole.calls += part.calls;
            whole.usage += part.usage;
            for (lm, usage) in part.by_model {
                *whole.by_model.entry(lm).or_default() += usage;
            }
            whole.short |= part.short;
            let reasons = part.reasons.into_iter();
            whole
                .reasons
                .extend(reasons.map(|reason| format!("{name}: {reason}")));
            for note in part.notes {
                if !whole.notes.contains(&note) {
                    whole.notes.push(note);
                }
            }
        }
        // The program as it is once more; the test set, twice.
        let ends = [
            ("end: baseline", val.len()),
            ("end: confirm", 2 * self.options.testset.len()),
        ];
        for (name, rollouts) in ends.into_iter().filter(|(_, rollouts)| *rollouts > 0) {
            let all = least * rollouts as u64;
            let left = self
                .options
                .budget
                .calls
                .map_or(all, |calls| calls.saturating_sub(whole.calls));
            whole.short |= left < all;
            whole.calls += all.min(left);
            whole.phases.push(Phase {
                name: name.to_owned(),
                rollouts,
                calls: all.min(left),
                ..Phase::default()
            });
        }
        Ok(whole)
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

    /// The calls of a rollout at least, and those of the end: the program is scored once more, and both on the test set.
    fn last<P: DynModule>(&self, program: &P, val: usize) -> (u64, u64) {
        let least = predictors(program).len() as u64;
        (least, least * (val + 2 * self.options.testset.len()) as u64)
    }

    /// The calls a step may spend when so many are spent or set aside.
    fn share(&self, place: usize, taken: u64) -> Option<u64> {
        let left = self.options.budget.calls.map(|calls| calls.saturating_sub(taken));
        left.map(|left| left / (self.steps.len() - place) as u64)
    }

    /// The options of a step: the sequence's, and what is the step's own.
    fn of_step(&self, place: usize, step: &dyn Optimizer, share: Option<u64>) -> Options {
        let own = step.shared().0;
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

/// A step's recipe behind a reference.
struct Step<'a>(&'a dyn Optimizer);

impl Recipe for Step<'_> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn settings(&self) -> Value {
        self.0.settings()
    }

    fn chooses(&self) -> bool {
        self.0.chooses()
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        self.0.strategy(plan)
    }
}

/// What a step made, with its rows on the validation set.
#[derive(Clone)]
struct Leg {
    candidate: Arc<Candidate>,
    rows: Vec<Option<Arc<Done>>>,
    note: String,
}

struct Run {
    legs: Vec<Leg>,
    reports: Vec<Report>,
    /// Candidates that were scored in all steps.
    rivals: usize,
}

impl Run {
    fn add(&mut self, place: usize, compiled: Compiled) {
        let name = format!("{} (step {})", compiled.report.optimizer, place + 1);
        let pair = compiled.report.validation.as_ref();
        let rows = pair.map(|pair| pair.best.rows()).unwrap_or_default();
        let done = |row: &dictum_core::evaluate::Row| {
            let run = !matches!(row.outcome, dictum_core::evaluate::RowOutcome::NotRun { .. });
            run.then(|| {
                Arc::new(Done {
                    row: row.clone(),
                    steps: Vec::new(),
                    compared: Default::default(),
                    spent: 0,
                    cost: None,
                })
            })
        };
        let mean = |evaluation: Option<f64>| evaluation.map_or("?".to_owned(), |mean| format!("{mean:.3}"));
        let note = format!(
            "{name}: {} to {} on the validation set, {} calls",
            mean(pair.and_then(|pair| pair.baseline.mean())),
            mean(pair.and_then(|pair| pair.best.mean())),
            compiled.report.spent.calls
        );
        self.rivals += compiled.ranked().len().saturating_sub(1).max(1);
        self.legs.push(Leg {
            candidate: Arc::new(compiled.kept.labelled(&name)),
            rows: rows.iter().map(done).collect(),
            note,
        });
        self.reports.push(compiled.report);
    }
}

/// The choice at the end.
struct Last {
    steps: Vec<Value>,
    legs: Vec<Leg>,
    asked: usize,
    /// Why steps did not begin, if some did not.
    why: &'static str,
}

impl Recipe for Last {
    fn name(&self) -> &'static str {
        "Sequence"
    }

    fn settings(&self) -> Value {
        json!({ "steps": self.steps })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let missing = self.asked - self.legs.len().min(self.asked);
        let mut notes: Vec<String> = self.legs.iter().map(|leg| leg.note.clone()).collect();
        if missing > 0 {
            notes.push(format!("the last {missing} steps did not begin: {}", self.why));
        }
        Ok(Box::new(Choosing {
            legs: self.legs.clone(),
            notes,
            baseline: None,
            plan,
        }))
    }
}

struct Choosing {
    plan: Plan,
    legs: Vec<Leg>,
    notes: Vec<String>,
    /// The rows of the program as it was; asked for first, and known already.
    baseline: Option<Vec<Option<Arc<Done>>>>,
}

impl Strategy for Choosing {
    fn ask(&mut self) -> Ask {
        if self.baseline.is_some() {
            return Ask::Finished;
        }
        let job =
            |example: &Arc<Example>| crate::strategy::Job::new(self.plan.baseline.clone(), example.clone());
        Ask::Rollouts(crate::strategy::Batch {
            phase: "baseline",
            jobs: self.plan.valset.iter().map(job).collect(),
        })
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.baseline = Some(done);
        Ok(())
    }

    fn best(&self) -> Choice {
        let first = Considered {
            candidate: self.plan.baseline.clone(),
            rows: self.baseline.clone().unwrap_or_default(),
        };
        let legs = self.legs.iter().map(|leg| Considered {
            candidate: leg.candidate.clone(),
            rows: leg.rows.clone(),
        });
        let candidates: Vec<Considered> = [first].into_iter().chain(legs).collect();
        let mut best: Option<(&Considered, f64)> = None;
        for known in &candidates {
            if let Some(mean) = known.mean(self.plan.failure_score)
                && best.is_none_or(|(_, so_far)| mean > so_far)
            {
                best = Some((known, mean));
            }
        }
        Choice {
            best: best.map(|(known, _)| known.candidate.clone()),
            candidates,
            notes: self.notes.clone(),
        }
    }
}
