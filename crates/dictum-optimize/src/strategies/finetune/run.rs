//! The way of a fine-tuning: collect, write, train, measure.

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::lm::Lm;
use dictum_core::program::{Context, predictors};

use super::bind::{bound, student};
use super::collect::Collecting;
use super::data::{self, TrainingData, TrainingFile, Wanted};
use super::training::TunedModel;
use super::{BootstrapFinetune, Finetuned};
use crate::candidate::Candidate;
use crate::compile::{Run, Says, Task, prepare};
use crate::strategy::Considered;

/// What is to become of a run that was cut short before there was enough to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::strategies) enum Lack {
    /// It fails: it was started to train.
    Fails,
    /// The program stays as it is: there may be more to do with it.
    Stays,
}

pub(super) async fn write(
    own: &BootstrapFinetune,
    task: &Task<'_>,
    trainset: &[Example],
) -> Result<TrainingData> {
    let mut run = Run::begin(task, prepare(task, trainset, &[])?)?;
    let ctx = own.call_context(task.ctx)?;
    let (data, nothing) = gather(own, task, &mut run, &ctx).await?;
    nothing.map_or(Ok(data), Err)
}

pub(in crate::strategies) async fn compile(
    own: &BootstrapFinetune,
    task: &Task<'_>,
    trainset: &[Example],
    valset: &[Example],
    lack: Lack,
) -> Result<Finetuned> {
    let training = own.training()?;
    training.check()?;
    let ctx = own.call_context(task.ctx)?;
    // The tuned models are scored on the validation set after the search.
    let last = (predictors(task.program).len() * valset.len()) as u64;
    let mut run = Run::begin(task, prepare(task, trainset, valset)?.setting_aside(last))?;
    // What can't be trained further is told before a call is made.
    let paths: Vec<String> = run.plan.predictors.iter().map(|part| part.path.clone()).collect();
    let together = if own.per_predictor { 1 } else { paths.len().max(1) };
    for group in paths.chunks(together) {
        own.begins_with(&run.plan.baseline, group)?;
    }
    let baseline = run.baseline().await?;
    let (data, nothing) = gather(own, task, &mut run, &ctx).await?;
    let cut_short = run.engine.exhausted();
    if let Err(problem) = nothing.map_or_else(|| training.fits(&data), Err) {
        if !(own.options.stop.is_stopped() || cut_short && lack == Lack::Stays) {
            return Err(problem);
        }
        run.notes.push(format!("nothing was trained: {problem}"));
        return untrained(run, baseline, data).await;
    }
    if own.options.stop.is_stopped() {
        run.notes
            .push("the run was stopped before the training was begun".to_owned());
        return untrained(run, baseline, data).await;
    }
    let files = data
        .files
        .iter()
        .map(|file| Ok((file, own.begins_with(&run.plan.baseline, &file.predictors)?)));
    let files: Vec<(&TrainingFile, String)> = files.collect::<Result<_>>()?;
    let models = training.train(&files, own.options.run_dir.as_deref()).await?;
    let alone = models.len() == 1;
    run.notes.extend(models.iter().map(|tuned| note(tuned, alone)));
    let lms = models.iter().map(|tuned| {
        let lm = own.lm(&tuned.model)?;
        Ok((lm.name().to_owned(), lm))
    });
    let lms = lms.collect::<Result<Vec<(String, Lm)>>>()?;
    let plain = student(&run.plan.baseline, own.demos);
    let best = Arc::new(bound(&plain, &models, &lms).made_from(&[&run.plan.baseline]));
    run.engine.add_lms(&lms);
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
        lms,
    })
}

/// The program as it was.
async fn untrained(run: Run<'_>, baseline: Considered, data: TrainingData) -> Result<Finetuned> {
    let best = run.plan.baseline.clone();
    Ok(Finetuned {
        models: Vec::new(),
        data,
        compiled: run.conclude(baseline, best, Vec::new(), Says::default()).await?,
        lms: Vec::new(),
        kept: false,
    })
}

/// What people should know of a training.
fn note(tuned: &TunedModel, alone: bool) -> String {
    let tokens = tuned.trained_tokens.map_or_else(
        || "tokens trained: not told".to_owned(),
        |tokens| format!("tokens trained: {tokens}"),
    );
    let whose = match alone {
        true => String::new(),
        false => format!(" for `{}`", tuned.predictors.join("`, `")),
    };
    format!(
        "`{}` was made of `{}`{whose} by job {} from {} examples; {tokens}",
        tuned.model, tuned.from, tuned.job, tuned.examples
    )
}

/// Runs the teacher, and writes what passed; or says why there is nothing.
async fn gather(
    own: &BootstrapFinetune,
    task: &Task<'_>,
    run: &mut Run<'_>,
    ctx: &Context,
) -> Result<(TrainingData, Option<Error>)> {
    let mut collecting = Collecting::new(own, "", &run.plan);
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
        let nothing = Error::program(format!(
            "no answer passed the metric in {attempts} attempts: there is nothing to train on{failed}{why}"
        ));
        return Ok((data, Some(nothing)));
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
    Ok((data, None))
}

impl BootstrapFinetune {
    /// The model that a training for these predictors begins with, by its bare name.
    fn begins_with(&self, baseline: &Candidate, paths: &[String]) -> Result<String> {
        let wrong = |words: String| Err(Error::input("train_further", words));
        let provider = self.service()?.name();
        let mut from: Option<&str> = None;
        for path in paths {
            let bound = baseline.overlay().get(path).and_then(|state| state.lm.as_deref());
            let model = match bound.filter(|_| self.further) {
                None => &*self.terms.model,
                Some(name) => match name.split_once('/') {
                    Some((own, model)) if own == provider => model,
                    _ => {
                        return wrong(format!(
                            "can't be: `{path}` is answered by `{name}`, which is no model of {provider}"
                        ));
                    }
                },
            };
            if from.is_some_and(|from| from != model) {
                return wrong(format!(
                    "can't be: `{}` are answered by different models, and one file trains one; add `per_predictor`",
                    paths.join("`, `")
                ));
            }
            from = Some(model);
        }
        Ok(from.unwrap_or(&self.terms.model).to_owned())
    }

    /// The context the examples are written for: what the tuned model can do decides on what is sent to it.
    fn call_context(&self, ctx: &Context) -> Result<Context> {
        if self.call.is_none() && self.service.is_none() {
            return Ok(ctx.clone());
        }
        Ok(ctx.with_lm(self.lm(&self.terms.model)?))
    }
}
