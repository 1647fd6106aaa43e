//! The way of a fine-tuning: collect, write, train, measure.

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::program::{Context, predictors};

use super::collect::Collecting;
use super::data::{self, TrainingData, Wanted};
use super::training::{Training, TunedModel};
use super::{BootstrapFinetune, Finetuned, student};
use crate::compile::{Run, Says, Task, prepare};
use crate::engine::{Player, Program};
use crate::strategy::Considered;

pub(super) async fn write(
    own: &BootstrapFinetune,
    task: &Task<'_>,
    trainset: &[Example],
) -> Result<TrainingData> {
    let mut run = Run::begin(task, prepare(task, trainset, &[])?)?;
    let ctx = own.call_context(task.ctx)?;
    gather(own, task, &mut run, &ctx).await
}

pub(super) async fn compile(
    own: &BootstrapFinetune,
    task: &Task<'_>,
    trainset: &[Example],
    valset: &[Example],
) -> Result<Finetuned> {
    let training = Training {
        service: own.service()?,
        terms: &own.terms,
        seed: own.options.seed,
        stop: &own.options.stop,
    };
    training.check()?;
    let steps = predictors(task.program).len();
    if own.per_predictor && steps > 1 {
        return Err(Error::input(
            "per_predictor",
            "makes a model for each predictor, and a context has one: `write` the files, or train one model for all",
        ));
    }
    let ctx = own.call_context(task.ctx)?;
    // The tuned model is scored on the validation set after the search.
    let last = (steps * valset.len()) as u64;
    let mut run = Run::begin(task, prepare(task, trainset, valset)?.setting_aside(last))?;
    let baseline = run.baseline().await?;
    let data = gather(own, task, &mut run, &ctx).await?;
    let plain = student(&run.plan.baseline, own.demos);
    if own.options.stop.is_stopped() {
        run.notes
            .push("the run was stopped before the training was begun".to_owned());
        let best = run.plan.baseline.clone();
        return Ok(Finetuned {
            models: Vec::new(),
            data,
            compiled: run.conclude(baseline, best, Vec::new(), Says::default()).await?,
            lm: None,
            kept: false,
        });
    }
    let folder = own.options.run_dir.as_deref();
    let models = training.train(&data, folder).await?;
    let Some(tuned) = models.first() else {
        return Err(Error::program("the training made no model"));
    };
    run.notes.extend(models.iter().map(|tuned| note(own, tuned)));
    let lm = own.lm(&tuned.model)?;
    let name = lm.name().to_owned();
    let best = Arc::new(plain.called_with(&name).made_from(&[&run.plan.baseline]));
    let called = task.ctx.with_lm(lm.clone());
    let player = Player::new(Program::Lent(task.program), &called, &run.engine.meter);
    run.engine.tuned.insert(name.clone(), player);
    run.engine.allow_calls(own.options.budget.calls);
    let candidates = vec![Considered::of(&best, Vec::new())];
    let compiled = run
        .conclude(baseline, best.clone(), candidates, Says::default())
        .await?;
    Ok(Finetuned {
        models,
        data,
        kept: compiled.kept.id() == best.id(),
        compiled,
        lm: Some(lm),
    })
}

/// What people should know of a training.
fn note(own: &BootstrapFinetune, tuned: &TunedModel) -> String {
    let tokens = tuned.trained_tokens.map_or_else(
        || "tokens trained: not told".to_owned(),
        |tokens| format!("tokens trained: {tokens}"),
    );
    format!(
        "`{}` was made of `{}` by job {} from {} examples; {tokens}",
        tuned.model, own.terms.model, tuned.job, tuned.examples
    )
}

/// Runs the teacher, and writes what passed.
async fn gather(
    own: &BootstrapFinetune,
    task: &Task<'_>,
    run: &mut Run<'_>,
    ctx: &Context,
) -> Result<TrainingData> {
    let mut collecting = Collecting::new(own, &run.plan);
    run.search(&mut collecting).await?;
    let wanted = Wanted {
        program: task.program,
        ctx,
        student: &student(&run.plan.baseline, own.demos),
        per_predictor: own.per_predictor,
        validation: own.validation,
        seed: own.options.seed,
    };
    let mut data = data::make(&wanted, collecting.bootstrapper.passed())?;
    let (attempts, causes) = collecting.bootstrapper.attempts();
    let failed = if causes.is_empty() {
        String::new()
    } else {
        format!("; failed: {causes}")
    };
    if data.passed == 0 {
        let why: String = run.notes.iter().map(|note| format!("; {note}")).collect();
        return Err(Error::program(format!(
            "no answer passed the metric in {attempts} attempts: there is nothing to train on{failed}{why}"
        )));
    }
    run.notes.push(format!(
        "answers to {} of {} examples passed the metric, in {attempts} attempts{failed}",
        data.passed,
        run.plan.trainset.len()
    ));
    if data.left_out > 0 {
        run.notes.push(format!(
            "{} calls were left out of the files: their sounds, documents or file ids have no place in a chat",
            data.left_out
        ));
    }
    data.notes.clone_from(&run.notes);
    if let Some(folder) = &own.options.run_dir {
        data.write_to(folder)?;
    }
    Ok(data)
}

impl BootstrapFinetune {
    /// The context the examples are written for: what the tuned model can do decides on what is sent to it.
    fn call_context(&self, ctx: &Context) -> Result<Context> {
        if self.call.is_none() && self.service.is_none() {
            return Ok(ctx.clone());
        }
        Ok(ctx.with_lm(self.lm(&self.terms.model)?))
    }
}
