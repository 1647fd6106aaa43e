//! One rollout: from the journal where it is done, else run and journaled.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use dictum_core::evaluate::{Metric, Row, RowOutcome, rollout};
use dictum_core::lm::{Budget, Digest, LmErrorKind, Settings, Usage};
use dictum_core::program::{Context, PredictorId, Trace};

use super::rehearsal::{self, Rehearsal};
use super::{Ended, Program};
use crate::cost::Cost;
use crate::run::{Journal, JournalLayer, Scope};
use crate::strategy::{Done, DoneStep, Job};

/// All that one rollout needs.
pub(super) struct Order<'j> {
    pub(super) job: &'j Job,
    pub(super) key: &'j str,
    /// What its calls are shared under.
    pub(super) shared: Option<String>,
    pub(super) program: Program<'j>,
    pub(super) ids: Arc<HashSet<PredictorId>>,
    pub(super) ctx: Context,
    pub(super) metric: &'j dyn Metric,
    pub(super) journal: Arc<Journal>,
    /// Set if it is to be made up: what it would have used is noted here.
    pub(super) rehearsal: Option<Arc<Rehearsal>>,
    /// The most calls it may take.
    pub(super) limit: u64,
    /// Whether that is what every rollout may take, and not the rest of the budget.
    pub(super) whole: bool,
}

/// What identifies a rollout.
pub(super) fn key(job: &Job) -> String {
    let mut key = key_of(job, job.candidate.id());
    if job.steps {
        key.push_str(".steps");
    }
    key
}

/// What the calls of a rollout are shared under: the same for all that differ in thresholds alone.
pub(super) fn shared_key(job: &Job) -> String {
    format!("calls.{}", key_of(job, job.candidate.calls_id()))
}

fn key_of(job: &Job, candidate: &str) -> String {
    let mut key = format!("{candidate}.{}.{}", job.example.id(), job.sample);
    if job.settings != Settings::default() {
        key.push('.');
        key.push_str(&crate::candidate::short(&Digest::of(&job.settings)));
    }
    key
}

/// Does a rollout. Gives its key, how it ended, and whether the journal had it.
pub(super) async fn run(order: Order<'_>) -> (&str, Ended, bool) {
    let Order {
        job,
        key,
        journal,
        shared,
        ..
    } = &order;
    let Some(meter) = order
        .ctx
        .meter()
        .map(|meter| meter.child(Budget::calls(order.limit)))
    else {
        return (key, Ended::Cut(0, None), false);
    };
    if let Some(done) = journal.rollout(key) {
        // It counts as it did when it was done.
        for _ in 0..done.spent {
            if meter.begin().is_err() {
                return (key, Ended::Cut(meter.spent().calls, None), true);
            }
        }
        if done.spent > 0 {
            meter.end(&done.row.usage);
        }
        return (key, Ended::Done { done, outage: None }, true);
    }
    if let Some(rehearsal) = &order.rehearsal {
        let first = shared.as_ref().is_none_or(|group| rehearsal.share(group));
        let done = rehearsal::done(job, key, &*order.program, &order.ctx, first.then_some(rehearsal));
        let done = Arc::new(done);
        for _ in 0..done.spent {
            if meter.begin().is_err() {
                return (key, Ended::Cut(meter.spent().calls, None), false);
            }
        }
        meter.end(&done.row.usage);
        journal.add_rollout(key, job.candidate.label(), &done, false);
        return (key, Ended::Done { done, outage: None }, false);
    }
    let scope = Scope::new(key, shared.as_deref(), journal.clone());
    let ctx = order
        .ctx
        .map_lms(|name, lm| lm.clone().layer(JournalLayer::new(scope.clone(), name)))
        .with_settings(&job.settings)
        .with_sample(job.sample)
        .with_meter(meter.clone())
        .with_scope(job.candidate.label());
    let rollout = rollout(&ctx, &*order.program, &job.example, order.metric).await;
    let spent = meter.spent().calls;
    let steps = if job.steps {
        steps(&rollout.trace, &order.ids)
    } else {
        Vec::new()
    };
    let usage = usage(&rollout.trace);
    let compared = compared(&rollout.trace);
    let own = rollout.trace.steps();
    let own = own.iter().filter(|step| order.ids.contains(&step.predictor));
    let cost = Cost::of(own.map(|step| &**step), rollout.took.as_secs_f64());
    let mut row = Row::of(&job.example, rollout);
    row.usage = usage;
    // A refusal is the run's when the rollout's meter, or one above it, is at its end; else the program set a budget itself.
    if scope.refused() && meter.check().is_err() {
        if !order.whole || spent < order.limit {
            return (key, Ended::Cut(spent, scope.outage()), false);
        }
        let why = match scope.outage() {
            Some(error) => format!(", for calls failed: {error}"),
            None => String::new(),
        };
        row.outcome = RowOutcome::Failed {
            cause: "call limit".to_owned(),
            message: format!(
                "the rollout wanted more than {} calls{why}; allow more with `calls_per_rollout`",
                order.limit
            ),
        };
    } else if matches!(row.outcome, RowOutcome::NotRun { .. }) {
        row.outcome = RowOutcome::Failed {
            cause: LmErrorKind::Budget.name().to_owned(),
            message: "a budget that the program set itself is spent".to_owned(),
        };
    }
    // A program or metric that got through all the same needs no second try.
    let outage = match row.outcome {
        RowOutcome::Scored { .. } => None,
        _ => scope.outage(),
    };
    let done = Arc::new(Done {
        row,
        steps,
        compared,
        spent,
        cost: Some(cost),
    });
    journal.add_rollout(key, job.candidate.label(), &done, outage.is_none());
    (key, Ended::Done { done, outage }, false)
}

/// Tokens and money of a rollout, replayed answers included: they were paid for.
fn usage(trace: &Trace) -> Usage {
    let mut usage = Usage::default();
    for response in trace
        .steps()
        .iter()
        .flat_map(|step| &step.calls)
        .filter_map(|call| call.result.as_ref().ok())
    {
        use dictum_core::lm::Source::{Model, Replay};
        if matches!(response.source, Model | Replay) {
            usage += response.usage;
        }
    }
    usage
}

/// The values held against thresholds. In what order is left out: a program may do several things at once.
fn compared(trace: &Trace) -> BTreeMap<String, Vec<f64>> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for seen in trace.compared() {
        all.entry(seen.path.to_string()).or_default().push(seen.value);
    }
    for values in all.values_mut() {
        values.sort_by(f64::total_cmp);
        values.dedup();
    }
    all
}

/// The steps of the program's own predictors.
fn steps(trace: &Trace, ids: &HashSet<PredictorId>) -> Vec<DoneStep> {
    let own = trace
        .steps()
        .into_iter()
        .filter(|step| ids.contains(&step.predictor));
    own.map(|step| DoneStep {
        path: step.path.to_string(),
        inputs: step.inputs.clone(),
        outputs: step.outcome.clone().unwrap_or_default(),
        failure: step.outcome.as_ref().err().cloned(),
    })
    .collect()
}
