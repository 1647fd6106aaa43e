//! The way from a program and data to a compiled program: prepare, search, confirm, report.

mod confirm;
mod dry_run;
mod prepare;

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::stats::Interval;
use dictum_core::evaluate::{Comparison, Evaluation, Metric, Row, compare};
use dictum_core::lm::{Lm, Meter};
use dictum_core::program::{Context, DynModule};
use tracing::Instrument;

use crate::candidate::Candidate;
use crate::compiled::{Compiled, Outcome};
use crate::engine::{Engine, Limits, Player, Program};
use crate::options::Options;
use crate::plan::{Plan, Recipe};
use crate::report::{Report, Story};
use crate::run::{Folder, Journal};
use crate::strategy::{Ask, Batch, Choice, Considered, Job, Saving, Strategy};
pub use dry_run::Forecast;
pub(crate) use dry_run::{dry_run, foresee, foresee_end};
pub(crate) use prepare::prepare;

/// A compilation.
pub(crate) struct Task<'a> {
    pub(crate) options: &'a Options,
    pub(crate) recipe: &'a dyn Recipe,
    pub(crate) ctx: &'a Context,
    pub(crate) program: &'a dyn DynModule,
    /// The state the program begins in, where that is not its own.
    pub(crate) start: Option<&'a Candidate>,
    /// Models beside the context's that were trained on the way here. The states that name them tell what the run is known by,
    /// so they are no part of that themselves.
    pub(crate) tuned: &'a [(String, Lm)],
    pub(crate) metric: &'a dyn Metric,
}

impl Task<'_> {
    /// The context with the models that were trained on the way here.
    pub(crate) fn context(&self) -> Context {
        self.ctx.with_lms(self.tuned.iter().cloned())
    }
}

pub(crate) async fn compile(task: Task<'_>, trainset: &[Example], valset: &[Example]) -> Result<Compiled> {
    let name = task.recipe.name();
    let span = tracing::info_span!(
        target: "dictum::optimize",
        "compile",
        otel.name = format_args!("compile {name}"),
        dictum.optimizer = name,
    );
    compiled(task, trainset, valset).instrument(span).await
}

async fn compiled(task: Task<'_>, trainset: &[Example], valset: &[Example]) -> Result<Compiled> {
    let mut run = Run::begin(&task, prepare(&task, trainset, valset)?)?;
    let mut strategy = task.recipe.strategy(run.plan.clone())?;

    // The program as it is goes first: a budget that is too small should at least tell how good that is.
    let baseline = run.baseline().await?;
    run.search(&mut *strategy).await?;
    let Choice {
        best,
        candidates,
        notes,
    } = strategy.best();
    run.notes.extend(notes);
    let best = best.unwrap_or_else(|| run.plan.baseline.clone());
    run.conclude(baseline, best, candidates, Says::of(&*strategy))
        .await
}

/// What a strategy says of its best, beside which it is.
pub(crate) struct Says {
    saving: Option<Saving>,
    reasons: Vec<String>,
    confirms: bool,
}

impl Says {
    fn of(strategy: &dyn Strategy) -> Self {
        Self {
            saving: strategy.cheaper(),
            reasons: strategy.reasons(),
            confirms: strategy.confirms(),
        }
    }
}

impl Default for Says {
    fn default() -> Self {
        Self {
            saving: None,
            reasons: Vec::new(),
            confirms: true,
        }
    }
}

/// A compilation under way.
pub(crate) struct Run<'a> {
    task: &'a Task<'a>,
    folder: Option<Folder>,
    pub(crate) engine: Engine<'a>,
    pub(crate) plan: Plan,
    testset: Vec<Arc<Example>>,
    pub(crate) notes: Vec<String>,
}

impl<'a> Run<'a> {
    pub(crate) fn begin(task: &'a Task<'a>, prepared: prepare::Prepared) -> Result<Self> {
        let (folder, journal) = match &task.options.run_dir {
            Some(path) => {
                let (folder, journal) = Folder::open(path, &prepared.identity)?;
                (Some(folder), journal)
            }
            None => (None, Journal::default()),
        };
        let mut notes = prepared.notes.clone();
        if journal.damaged() > 0 {
            notes.push(format!(
                "{} damaged lines of the journal were left out; what they held was done again",
                journal.damaged()
            ));
        }
        let meter = match task.ctx.meter() {
            Some(meter) => meter.child(task.options.budget),
            None => Meter::new(task.options.budget),
        };
        Ok(Self {
            task,
            folder,
            engine: engine(task, &prepared, Arc::new(journal), meter),
            plan: prepared.plan,
            testset: prepared.testset,
            notes,
        })
    }

    /// Scores the program as it is.
    pub(crate) async fn baseline(&mut self) -> Result<Considered> {
        let plan = &self.plan;
        let baseline = scores(&mut self.engine, "baseline", &plan.baseline, &plan.valset).await?;
        self.engine.best = baseline.mean(plan.failure_score);
        Ok(baseline)
    }

    /// Runs the strategy until it is done or the budget is spent.
    pub(crate) async fn search(&mut self, strategy: &mut dyn Strategy) -> Result<()> {
        let exhausted = search(&mut self.engine, strategy, self.plan.failure_score).await?;
        let note = if self.engine.stopped() {
            "the run was stopped; the best until then was taken, measured on what had been run"
        } else if exhausted {
            "the budget was spent before the search was over; the best until then was taken"
        } else {
            return Ok(());
        };
        self.notes.push(note.to_owned());
        Ok(())
    }

    /// Confirms the best, and reports.
    pub(crate) async fn conclude(
        mut self,
        baseline: Considered,
        best: Arc<Candidate>,
        mut candidates: Vec<Considered>,
        says: Says,
    ) -> Result<Compiled> {
        let (task, plan, engine) = (self.task, &self.plan, &mut self.engine);
        let winner = match candidates
            .iter_mut()
            .find(|known| known.candidate.id() == best.id())
        {
            Some(known) if known.rows.len() == plan.valset.len() => known.clone(),
            known => {
                let scored = scores(engine, "validate", &best, &plan.valset).await?;
                if let Some(known) = known {
                    *known = scored.clone();
                }
                scored
            }
        };
        if !candidates
            .iter()
            .any(|known| known.candidate.id() == plan.baseline.id())
        {
            candidates.insert(0, baseline.clone());
        }
        judged_something(&candidates)?;

        engine.allow_calls(task.options.budget.calls);
        let test = match says.confirms {
            true => confirm::confirm(engine, &plan.baseline, &best, &self.testset).await?,
            false => None,
        };
        if engine.exhausted() && !engine.stopped() && !self.testset.is_empty() {
            self.notes.push(
                "the budget was spent before the confirmation was over; the rows run of both were compared"
                    .into(),
            );
        }
        self.notes.extend(engine.wasted());
        let name = task.metric.name();
        let evaluate = |considered: &Considered, data: &[Arc<Example>]| {
            evaluation(name, considered, data, plan.failure_score)
        };
        let validation = (!plan.valset.is_empty())
            .then(|| (evaluate(&baseline, &plan.valset), evaluate(&winner, &plan.valset)));
        let test =
            test.map(|(first, second)| (evaluate(&first, &self.testset), evaluate(&second, &self.testset)));
        let rivals = candidates
            .iter()
            .filter(|known| known.rows.iter().any(Option::is_some))
            .count()
            .saturating_sub(1);
        let verdict = verdict(
            task,
            validation.as_ref(),
            test.as_ref(),
            best.id() == plan.baseline.id(),
            rivals,
            says.saving,
        );
        let kept = if verdict.keeps_best(task.options.keep_best_anyway) {
            best.clone()
        } else {
            plan.baseline.clone()
        };

        let report = Report::new(Story {
            task,
            ctx: &engine.student.ctx,
            baseline: &plan.baseline,
            best: &best,
            kept: &kept,
            candidates: &candidates,
            validation,
            test,
            verdict,
            phases: engine.phases.all.clone(),
            spent: engine.meter.spent(),
            reasons: says.reasons,
            notes: self.notes,
            failure_score: plan.failure_score,
        });
        let compiled = Compiled::new(
            task.program,
            &plan.baseline,
            &kept,
            &candidates,
            plan.failure_score,
            report,
        );
        if let Some(folder) = &self.folder {
            compiled.write_to(folder)?;
        }
        Ok(compiled)
    }
}

fn engine<'a>(
    task: &Task<'a>,
    prepared: &prepare::Prepared,
    journal: Arc<Journal>,
    meter: Meter,
) -> Engine<'a> {
    let options = task.options;
    let limits = Limits {
        budget: prepared.search_budget,
        calls_per_rollout: prepared.calls_per_rollout,
        concurrency: options.concurrency,
        max_outages: options.max_outages,
        stop: options.stop.clone(),
        rehearsal: None,
    };
    let own = task.context();
    let mut student = Player::new(Program::Lent(task.program), &own, &meter);
    if task.start.is_some() {
        student.start = prepared.plan.baseline.overlay().clone();
    }
    let mut engine = Engine::new(
        student,
        task.metric,
        journal,
        meter,
        limits,
        options.on_progress.clone(),
    );
    if options.teacher.is_some() || options.teacher_context.is_some() {
        let program = options.teacher.as_deref().unwrap_or(task.program);
        let ctx = options.teacher_context.as_ref().unwrap_or(&own);
        engine.teacher = Some(Player::new(Program::Lent(program), ctx, &engine.meter));
    }
    engine.proposer = options.proposer_context.clone();
    engine
}

/// Runs the strategy until it is done or the budget is spent. Says whether the budget ended it.
async fn search(engine: &mut Engine<'_>, strategy: &mut dyn Strategy, failure_score: f64) -> Result<bool> {
    while !engine.exhausted() {
        let batch = match strategy.ask() {
            Ask::Finished => return Ok(false),
            Ask::Rollouts(batch) => batch,
        };
        let done = engine.run(&batch).await?;
        strategy.tell(done)?;
        let means = strategy.best().candidates;
        let means = means
            .iter()
            .filter_map(|considered| considered.mean(failure_score));
        engine.best = means.chain(engine.best).reduce(f64::max);
    }
    Ok(true)
}

/// Scores a candidate on these examples.
async fn scores(
    engine: &mut Engine<'_>,
    phase: &'static str,
    candidate: &Arc<Candidate>,
    data: &[Arc<Example>],
) -> Result<Considered> {
    let jobs = data
        .iter()
        .map(|example| Job::new(candidate.clone(), example.clone()));
    let batch = Batch {
        phase,
        jobs: jobs.collect(),
    };
    Ok(Considered {
        candidate: candidate.clone(),
        rows: engine.run(&batch).await?,
    })
}

fn evaluation(
    metric: &str,
    considered: &Considered,
    data: &[Arc<Example>],
    failure_score: f64,
) -> Evaluation {
    let rows = data
        .iter()
        .enumerate()
        .map(|(place, example)| match considered.rows.get(place) {
            Some(Some(done)) => done.row.clone(),
            _ => Row::not_run(example),
        });
    Evaluation::from_rows(metric, rows.collect(), failure_score)
}

/// A metric that can judge nothing is broken, or the labels are not what it looks for: going on would compare nothing.
fn judged_something(candidates: &[Considered]) -> Result<()> {
    let mut rows = candidates
        .iter()
        .flat_map(|known| &known.rows)
        .flatten()
        .peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let mut first = None;
    for done in rows {
        match done.row.error() {
            Some(("metric", message)) => first = first.or(Some((done, message))),
            _ => return Ok(()),
        }
    }
    match first {
        Some((done, message)) => Err(Error::program(format!(
            "the metric could judge none of the outputs; example {}: {message}",
            done.row.example.id()
        ))),
        None => Ok(()),
    }
}

/// What the comparison says.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) comparison: Option<Comparison>,
    /// The level the p value was held to.
    pub(crate) alpha: f64,
    /// Whether the comparison is on data the winner was chosen on.
    pub(crate) biased: bool,
    /// What the winner saves, where that is why it is kept.
    pub(crate) saving: Option<Saving>,
}

impl Verdict {
    fn keeps_best(&self, anyway: bool) -> bool {
        anyway
            || matches!(
                self.outcome,
                Outcome::Improved | Outcome::Cheaper | Outcome::Unmeasured
            )
    }
}

fn verdict(
    task: &Task<'_>,
    validation: Option<&(Evaluation, Evaluation)>,
    test: Option<&(Evaluation, Evaluation)>,
    same: bool,
    rivals: usize,
    saving: Option<Saving>,
) -> Verdict {
    let chosen = task.recipe.chooses();
    let (pair, biased, alpha) = match (test, validation) {
        (Some(test), _) => (Some(test), false, task.options.alpha),
        // The best of many by chance alone looks good on the data it was chosen on. Bonferroni's correction keeps the rate
        // of false claims at what was asked for.
        (None, Some(validation)) if chosen => {
            (Some(validation), true, task.options.alpha / rivals.max(1) as f64)
        }
        (None, validation) => (validation, false, task.options.alpha),
    };
    let comparison = pair
        .map(|(first, second)| compare(first, second))
        .filter(|comparison| comparison.rows > 0);
    let outcome = match &comparison {
        _ if same => Outcome::NoSignificantGain,
        None => Outcome::Unmeasured,
        Some(comparison) => comparison.verdict_at(alpha).into(),
    };
    // Data was given and could not be used: nothing may be claimed, and the program stays.
    let outcome = match outcome {
        Outcome::Unmeasured if validation.is_some() || test.is_some() => Outcome::NoSignificantGain,
        outcome => outcome,
    };
    // What costs less need not be better. That it is good enough was shown on the validation set; a test set may say else.
    let outcome = match (outcome, saving, &comparison) {
        (Outcome::NoSignificantGain | Outcome::Worse, Some(saving), Some(comparison)) if !same => {
            let worse = |interval: Interval| interval.high < -saving.margin;
            if !biased && comparison.interval.is_some_and(worse) {
                Outcome::Worse
            } else {
                Outcome::Cheaper
            }
        }
        (outcome, ..) => outcome,
    };
    Verdict {
        outcome,
        comparison,
        alpha,
        biased,
        saving: saving.filter(|_| outcome == Outcome::Cheaper),
    }
}
