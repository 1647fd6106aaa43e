//! [`KnnFewShot`]: in each call the demonstrations of the nearest examples.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dictum_core::data::Example;
use dictum_core::embed::Embedder;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::Metric;
use dictum_core::modules::{DemoIndex, Indexed};
use dictum_core::program::{Context, Demo, DynModule};
use serde_json::{Value, json};

use super::bootstrap::BootstrapFewShot;
use super::bootstrapper::{Bootstrap, Bootstrapper};
use super::demos;
use crate::compile::{Forecast, Task, compile, dry_run};
use crate::engine::Answered;
use crate::options::Options;
use crate::plan::{Plan, Recipe};
use crate::report::Report;
use crate::strategy::{Ask, Batch, Choice, Done, Strategy};

/// Makes demonstrations of the whole trainset, once, and an index by which a
/// [`NearestDemos`](dictum_core::modules::NearestDemos) shows each call those of the nearest examples.
///
/// The teacher answers every example; answers that pass the metric become demonstrations, with all their steps. Of an
/// example it misses, predictors are shown what it labels. What the whole is worth is for
/// [`Evaluate`](dictum_core::evaluate::Evaluate) and [`compare`](dictum_core::evaluate::compare) to say.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context, program: dictum_core::modules::Predict,
/// #     embedder: std::sync::Arc<dyn dictum_core::embed::Embedder>, trainset: Vec<dictum_core::data::Example>,
/// #     valset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::{evaluate::{Evaluate, compare}, metrics::exact_match, modules::NearestDemos};
/// use dictum_optimize::{BootstrapFewShot, KnnFewShot};
///
/// let knn = KnnFewShot::new(4, embedder.clone()).bootstrap(BootstrapFewShot::new().run_dir("runs/knn"));
/// let found = knn.compile(&ctx, &program, &trainset, exact_match("team")).await?;
/// let near = NearestDemos::new(program.clone(), found.index, embedder)?;
/// let evaluate = Evaluate::new(&valset, exact_match("team"));
/// println!("{}", compare(&evaluate.run(&ctx, &program).await?, &evaluate.run(&ctx, &near).await?));
/// near.save("near.json")?;
/// # Ok(()) }
/// ```
///
/// Other than DSPy's `KNNFewShot`:
/// - It bootstraps once, at compile time, journaled and under the budget. DSPy bootstraps the neighbours anew in every call,
///   with calls of the model, and can't be saved.
/// - The nearest demonstration is shown last, next to the input. An input that is asked as it stands in the trainset is not
///   shown its own.
/// - Each neighbour gives a predictor one demonstration: its own call, or else what is labelled. Nothing else fills up.
/// - What [`BootstrapFewShot`] says of bootstrapping holds here too, but for the number of demonstrations.
#[derive(Debug, Clone)]
pub struct KnnFewShot {
    k: usize,
    embedder: Arc<dyn Embedder>,
    bootstrap: BootstrapFewShot,
}

/// What [`KnnFewShot`] found.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// The index, for [`NearestDemos`](dictum_core::modules::NearestDemos).
    pub index: DemoIndex,
    /// From how many examples the demonstrations are the program's own calls; those of the others are labelled.
    pub bootstrapped: usize,
    /// How it went: calls, tokens, notes. It compares nothing.
    pub report: Report,
}

impl KnnFewShot {
    /// `k` demonstrations in each call, near by this embedder.
    #[must_use]
    pub fn new(k: usize, embedder: impl Embedder + 'static) -> Self {
        Self {
            k,
            embedder: Arc::new(embedder),
            bootstrap: BootstrapFewShot::new(),
        }
    }

    /// How demonstrations are made: teacher, threshold, rounds, budget, run folder and so on. Its numbers of demonstrations
    /// don't hold here, but that the teacher is shown `max_labeled`; a test set is not looked at.
    #[must_use]
    pub fn bootstrap(mut self, bootstrap: BootstrapFewShot) -> Self {
        self.bootstrap = bootstrap;
        self
    }

    /// What [`KnnFewShot::compile`] would take of the program's model, without calling it or writing anything. The request to
    /// the embedder is not in it.
    ///
    /// # Errors
    /// When the data or settings make no sense, as `compile` would say.
    pub async fn dry_run<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
    ) -> Result<Forecast> {
        let (options, recipe) = self.collect(trainset)?;
        let task = Task {
            options: &options,
            recipe: &recipe,
            ctx,
            program,
            start: None,
            tuned: &[],
            metric: &Answered,
        };
        dry_run(task, trainset, &[]).await
    }

    /// The options and the recipe of the bootstrap.
    fn collect(&self, trainset: &[Example]) -> Result<(Options, Collect)> {
        if self.k == 0 {
            return Err(Error::input("k", "must be at least 1"));
        }
        let mut options = self.bootstrap.options.clone();
        options.testset.clear();
        let recipe = Collect {
            how: Bootstrap {
                max_bootstrapped: trainset.len(),
                ..self.bootstrap.how.clone()
            },
            found: Arc::default(),
        };
        Ok((options, recipe))
    }

    /// Makes the index. The request to the embedder comes last, and counts against the context's own budget. When the
    /// budget ends early, examples that were not tried yet are shown as they are labelled.
    ///
    /// # Errors
    /// Those of every optimizer's `compile`, and those of the embedder.
    pub async fn compile<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
        metric: impl Metric,
    ) -> Result<Neighbours> {
        let (options, recipe) = self.collect(trainset)?;
        let task = Task {
            options: &options,
            recipe: &recipe,
            ctx,
            program,
            start: None,
            tuned: &[],
            metric: &metric,
        };
        let report = compile(task, trainset, &[]).await?.report;
        let found = std::mem::take(&mut *recipe.found.lock().unwrap_or_else(PoisonError::into_inner));
        let index = DemoIndex::new(&self.embedder, &ctx.call(), self.k, found.examples).await?;
        Ok(Neighbours {
            index,
            bootstrapped: found.bootstrapped,
            report,
        })
    }
}

#[derive(Debug, Default)]
struct Found {
    examples: Vec<Indexed>,
    bootstrapped: usize,
}

/// Bootstraps every example, and leaves what it found where the caller finds it: an index is no candidate.
struct Collect {
    how: Bootstrap,
    found: Arc<Mutex<Found>>,
}

impl Recipe for Collect {
    fn name(&self) -> &'static str {
        "KnnFewShot"
    }

    fn settings(&self) -> Value {
        json!(self.how)
    }

    fn chooses(&self) -> bool {
        false
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let teacher = self.how.teacher(&plan);
        let bootstrapper = Bootstrapper::new(&self.how, plan.trainset.len(), teacher, plan.trainset.clone());
        let collecting = Collecting {
            found: self.found.clone(),
            plan,
            bootstrapper,
        };
        // Whatever comes of the bootstrap, there is what is labelled.
        collecting.note();
        Ok(Box::new(collecting))
    }
}

struct Collecting {
    plan: Plan,
    bootstrapper: Bootstrapper,
    found: Arc<Mutex<Found>>,
}

impl Collecting {
    fn note(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = self.collect();
    }

    /// All examples in the trainset's order, with a demonstration for each predictor that can have one.
    fn collect(&self) -> Found {
        let mut found = Found::default();
        for (place, example) in self.plan.trainset.iter().enumerate() {
            let mut demos: BTreeMap<String, Demo> = BTreeMap::new();
            let mut own = false;
            for part in &self.plan.predictors {
                let made = self.bootstrapper.demo(place, part, self.plan.seed);
                own |= made.is_some();
                if let Some(demo) = made.or_else(|| demos::labeled(example, &part.spec)) {
                    demos.insert(part.path.clone(), demo);
                }
            }
            found.bootstrapped += usize::from(own);
            if !demos.is_empty() {
                found.examples.push(Indexed {
                    inputs: example.inputs().clone(),
                    demos,
                });
            }
        }
        found
    }
}

impl Strategy for Collecting {
    fn ask(&mut self) -> Ask {
        match self.bootstrapper.ask() {
            jobs if jobs.is_empty() => Ask::Finished,
            jobs => Ask::Rollouts(Batch {
                phase: "bootstrap",
                jobs,
            }),
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.bootstrapper.tell(&done)?;
        self.note();
        Ok(())
    }

    fn best(&self) -> Choice {
        Choice {
            best: None,
            candidates: Vec::new(),
            notes: self.bootstrapper.note().into_iter().collect(),
        }
    }
}
