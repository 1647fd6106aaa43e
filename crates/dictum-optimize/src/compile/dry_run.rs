//! What a run would take, without a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::lm::{Meter, Usage};
use serde::Serialize;

use super::confirm::confirm;
use super::{Task, engine, prepare, scores, search};
use crate::candidate::Candidate;
use crate::engine::{Engine, Phase, Rehearsal};
use crate::run::Journal;
use crate::strategy::{Batch, Job};

/// What a run would take: an estimate, made by going through it with made-up answers of which half are right. Every
/// predictor is taken to be called once in a rollout, nothing to be asked again, and four characters to be a token. What a
/// search does can depend on scores, so the real run can take fewer rollouts or more, but never more than its budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// What each phase would take; nothing in them failed, was replayed or took time.
    pub phases: Vec<Phase>,
    /// Calls of the model in all.
    pub calls: u64,
    /// Tokens in all; without a price.
    pub usage: Usage,
    /// The same by model, as [`Lm::name`](dictum_core::lm::Lm::name) has it: those of proposals, teachers and settings that are
    /// tried are named apart.
    pub by_model: BTreeMap<String, Usage>,
    /// Whether the budget would end before the search or the confirmation does.
    pub short: bool,
    /// Why the optimizer would go this way, where it chooses one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What was found about the data before the first call.
    pub notes: Vec<String>,
}

pub(crate) async fn dry_run(task: Task<'_>, trainset: &[Example], valset: &[Example]) -> Result<Forecast> {
    Ok(foresee(task, trainset, valset).await?.0)
}

/// The same, and what would be found, which is made up as all of it.
pub(crate) async fn foresee(
    task: Task<'_>,
    trainset: &[Example],
    valset: &[Example],
) -> Result<(Forecast, Arc<Candidate>)> {
    let prepared = prepare::prepare(&task, trainset, valset)?;
    let meter = Meter::new(task.options.budget);
    let mut engine = engine(&task, &prepared, Arc::new(Journal::default()), meter);
    let rehearsal = engine.rehearse();
    let plan = prepared.plan;
    let mut strategy = task.recipe.strategy(plan.clone())?;
    scores(&mut engine, "baseline", &plan.baseline, &plan.valset).await?;
    let short = search(&mut engine, &mut *strategy, plan.failure_score).await?;
    let best = strategy.best().best.unwrap_or_else(|| plan.baseline.clone());
    scores(&mut engine, "validate", &best, &plan.valset).await?;
    engine.allow_calls(task.options.budget.calls);
    if strategy.confirms() {
        confirm(&mut engine, &plan.baseline, &best, &prepared.testset).await?;
    }
    let forecast = Forecast {
        short,
        reasons: strategy.reasons(),
        ..forecast(&engine, &rehearsal, prepared.notes)
    };
    Ok((forecast, Arc::new(best.filled_from(&plan.baseline))))
}

/// What it would take to choose among candidates that are scored already: the program as it was is scored, and confirmed
/// beside this one.
pub(crate) async fn foresee_end(
    task: Task<'_>,
    best: &Arc<Candidate>,
    trainset: &[Example],
    valset: &[Example],
) -> Result<Forecast> {
    let prepared = prepare::prepare(&task, trainset, valset)?;
    let meter = Meter::new(task.options.budget);
    let mut engine = engine(&task, &prepared, Arc::new(Journal::default()), meter);
    let rehearsal = engine.rehearse();
    let baseline = &prepared.plan.baseline;
    scores(&mut engine, "baseline", baseline, &prepared.plan.valset).await?;
    engine.allow_calls(task.options.budget.calls);
    // What was made up may be the program as it was; what will be found is another, and is asked for itself.
    let sample = u64::from(best.id() == baseline.id());
    let jobs = prepared.testset.iter().flat_map(|example| {
        let second = Job {
            sample,
            ..Job::new(best.clone(), example.clone())
        };
        [Job::new(baseline.clone(), example.clone()), second]
    });
    let batch = Batch {
        phase: "confirm",
        jobs: jobs.collect(),
    };
    engine.run(&batch).await?;
    Ok(forecast(&engine, &rehearsal, prepared.notes))
}

fn forecast(engine: &Engine<'_>, rehearsal: &Rehearsal, notes: Vec<String>) -> Forecast {
    let mut usage = Usage::default();
    let mut phases = engine.phases.all.clone();
    for phase in &mut phases {
        phase.seconds = 0.0;
        usage += phase.usage;
    }
    phases.retain(|phase| phase.rollouts > 0);
    Forecast {
        calls: phases.iter().map(|phase| phase.calls).sum(),
        phases,
        usage,
        by_model: rehearsal.used(),
        short: engine.exhausted(),
        reasons: Vec::new(),
        notes,
    }
}
