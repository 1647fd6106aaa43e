//! The way of a sequence: the steps, then the choice among what they made.

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::{Metric, Row, RowOutcome};
use dictum_core::lm::{Lm, LmErrorKind};
use dictum_core::program::{Context, DynModule};
use serde_json::json;

use super::last::{Last, Leg};
use super::step::{Ground, Made};
use super::{Sequence, Sequenced, calls};
use crate::compile::compile as choose;
use crate::report::Report;
use crate::rng::Rng;
use crate::strategies::finetune::TunedModel;
use crate::strategy::Done;

pub(super) async fn compile(
    own: &Sequence,
    ctx: &Context,
    program: &dyn DynModule,
    (train, val): (&[Example], &[Example]),
    metric: &dyn Metric,
) -> Result<Sequenced> {
    // The end has the data as it is, however many steps there were.
    let mut shuffled = train.to_vec();
    let ctx = &ctx.with_budget(own.options.budget);
    let last = own.last(program, val.len());
    let mut run = Run::default();
    for (place, step) in own.steps.iter().enumerate() {
        // A stopped step's best is not what the next one would start from in the end.
        if own.options.stop.is_stopped() {
            break;
        }
        let spent = ctx.meter().map(|meter| meter.spent().calls).unwrap_or_default();
        let share = own.share(place, spent + last);
        if share == Some(0) {
            break;
        }
        let options = own.of_step(place, step, share);
        Rng::of(&("sequence", own.options.seed, place)).shuffle(&mut shuffled);
        let on = Ground {
            options: &options,
            ctx,
            program,
            start: run.legs.last().map(|leg| &*leg.candidate),
            tuned: &run.lms,
            metric,
        };
        match step.run(&on, &shuffled, val).await {
            Ok(made) => run.add(place, made),
            // A stop ends the waiting for a job. The job goes on, and a run that goes on waits for it again.
            Err(Error::Lm(error))
                if step.trains()
                    && own.options.stop.is_stopped()
                    && error.kind() == LmErrorKind::Cancelled =>
            {
                run.halted = Some(format!("the run was stopped; {error}"));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let mut options = own.options.clone();
    let spent = ctx.meter().map(|meter| meter.spent().calls).unwrap_or_default();
    options.budget = calls(own.options.budget.calls.map(|calls| calls.saturating_sub(spent)));
    options.allow_overlap = true;
    // What was left follows from the steps, and a stopped sequence left more.
    options.known_as = Some((own.options.budget, own.options.alpha));
    // The end holds the level to the number of steps; it is to be held to the number of all their candidates.
    if options.testset.is_empty() {
        options.alpha *= run.legs.len().max(1) as f64 / run.rivals.max(1).max(run.legs.len()) as f64;
    }
    let why = match own.options.stop.is_stopped() {
        true => "the run was stopped",
        false => "the budget was spent",
    };
    let choice = Last {
        steps: own
            .steps
            .iter()
            .map(|step| json!([step.name(), step.settings()]))
            .collect(),
        legs: run.legs,
        asked: own.steps.len(),
        why: run.halted.unwrap_or_else(|| why.to_owned()),
    };
    let on = Ground {
        options: &options,
        ctx,
        program,
        start: None,
        tuned: &run.lms,
        metric,
    };
    let compiled = choose(on.task(&choice), train, val).await?;
    Ok(Sequenced {
        compiled,
        steps: run.reports,
        models: run.models,
        spent: ctx.meter().map(|meter| meter.spent()).unwrap_or_default(),
        lms: run.lms,
    })
}

#[derive(Default)]
struct Run {
    legs: Vec<Leg>,
    reports: Vec<Report>,
    /// Candidates that were scored in all steps.
    rivals: usize,
    models: Vec<TunedModel>,
    lms: Vec<(String, Lm)>,
    /// Why a step did not end.
    halted: Option<String>,
}

impl Run {
    fn add(&mut self, place: usize, made: Made) {
        let compiled = made.compiled;
        let name = format!("{} (step {})", compiled.report.optimizer, place + 1);
        let pair = compiled.report.validation.as_ref();
        let rows = pair.map(|pair| pair.best.rows()).unwrap_or_default();
        let done = |row: &Row| {
            let run = !matches!(row.outcome, RowOutcome::NotRun { .. });
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
        let kept = compiled.kept.labelled(&name);
        let kept = match self.legs.last() {
            Some(before) => kept.filled_from(&before.candidate),
            None => kept,
        };
        self.legs.push(Leg {
            candidate: Arc::new(kept),
            rows: rows.iter().map(done).collect(),
            note,
        });
        self.reports.push(compiled.report);
        self.models.extend(made.models);
        self.lms.extend(made.lms);
    }
}
