//! A step: a search, or a training.

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::evaluate::Metric;
use dictum_core::lm::Lm;
use dictum_core::program::{Context, DynModule};
use serde_json::Value;

use crate::candidate::Candidate;
use crate::compile::{Forecast, Task, compile, foresee};
use crate::compiled::Compiled;
use crate::options::{Optimizer, Options};
use crate::plan::{Plan, Recipe};
use crate::strategies::finetune::{self, BootstrapFinetune, Lack, TunedModel};
use crate::strategy::Strategy;

#[derive(Clone)]
pub(super) enum Step {
    Search(Arc<dyn Optimizer>),
    Tuning(Box<BootstrapFinetune>),
}

/// What a step is run on.
pub(super) struct Ground<'a> {
    pub(super) options: &'a Options,
    pub(super) ctx: &'a Context,
    pub(super) program: &'a dyn DynModule,
    /// What the step before it made.
    pub(super) start: Option<&'a Candidate>,
    /// The models trained so far.
    pub(super) tuned: &'a [(String, Lm)],
    pub(super) metric: &'a dyn Metric,
}

/// What a step made.
pub(super) struct Made {
    pub(super) compiled: Compiled,
    pub(super) models: Vec<TunedModel>,
    pub(super) lms: Vec<(String, Lm)>,
}

impl<'a> Ground<'a> {
    pub(super) fn task(&'a self, recipe: &'a dyn Recipe) -> Task<'a> {
        Task {
            options: self.options,
            recipe,
            ctx: self.ctx,
            program: self.program,
            start: self.start,
            tuned: self.tuned,
            metric: self.metric,
        }
    }
}

impl Step {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Search(optimizer) => optimizer.name(),
            Self::Tuning(tuner) => tuner.recipe("").name(),
        }
    }

    pub(super) fn settings(&self) -> Value {
        match self {
            Self::Search(optimizer) => optimizer.settings(),
            Self::Tuning(tuner) => tuner.recipe("").settings(),
        }
    }

    /// Its own options.
    pub(super) fn options(&self) -> &Options {
        match self {
            Self::Search(optimizer) => optimizer.shared().0,
            Self::Tuning(tuner) => tuner.options(),
        }
    }

    /// What is wrong with it, before anything is spent.
    pub(super) fn ready(&self) -> Result<()> {
        match self {
            Self::Search(_) => Ok(()),
            Self::Tuning(tuner) => tuner.ready(),
        }
    }

    /// Whether it waits for a job that goes on by itself.
    pub(super) fn trains(&self) -> bool {
        matches!(self, Self::Tuning(_))
    }

    pub(super) async fn run(
        &self,
        on: &Ground<'_>,
        trainset: &[Example],
        valset: &[Example],
    ) -> Result<Made> {
        match self {
            Self::Search(optimizer) => Ok(Made {
                compiled: compile(on.task(&Lent(&**optimizer)), trainset, valset).await?,
                models: Vec::new(),
                lms: Vec::new(),
            }),
            Self::Tuning(tuner) => {
                let tuner = tuner.with_options(on.options.clone());
                let recipe = tuner.recipe("");
                let task = on.task(&recipe);
                let found = finetune::compile(&tuner, &task, trainset, valset, Lack::Stays).await?;
                let (models, lms, compiled) = found.into_parts();
                Ok(Made {
                    compiled,
                    models,
                    lms,
                })
            }
        }
    }

    /// What it would take, what it would make, and the model it would train, under this name.
    pub(super) async fn foresee(
        &self,
        on: &Ground<'_>,
        trainset: &[Example],
        valset: &[Example],
        tuned: &str,
    ) -> Result<(Forecast, Arc<Candidate>, Option<(String, Lm)>)> {
        match self {
            Self::Search(optimizer) => {
                let (forecast, best) = foresee(on.task(&Lent(&**optimizer)), trainset, valset).await?;
                Ok((forecast, best, None))
            }
            Self::Tuning(tuner) => {
                tuner.check()?;
                let stand_in = finetune::stand_in(tuned);
                let lms: Vec<(String, Lm)> = on.tuned.iter().cloned().chain([stand_in.clone()]).collect();
                let recipe = tuner.recipe(tuned);
                let task = Task {
                    tuned: &lms,
                    ..on.task(&recipe)
                };
                let (forecast, best) = foresee(task, trainset, valset).await?;
                Ok((forecast, best, Some(stand_in)))
            }
        }
    }
}

/// An optimizer's recipe behind a reference.
struct Lent<'a>(&'a dyn Optimizer);

impl Recipe for Lent<'_> {
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
