//! [`BootstrapFinetune`]: from good answers to a model that gives them.

mod bind;
mod chat;
mod collect;
mod data;
mod found;
mod ledger;
mod run;
mod training;

pub use data::{ChatFile, TrainingData, TrainingFile};
pub use found::Finetuned;
pub use training::TunedModel;

use std::fmt;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::Metric;
use dictum_core::finetune::{FineTuning, Job, Polling};
use dictum_core::lm::{Lm, LmError};
use dictum_core::program::{Context, DynModule};
use serde_json::Value;

use super::bootstrapper::Bootstrap;
use crate::compile::{Forecast, Task};
use crate::engine::Answered;
use crate::options::{Options, optimizer, taught_options};
pub(super) use bind::stand_in;
pub(super) use collect::Collect;
use ledger::Ledger;
pub(super) use run::{Lack, compile};
use training::{Terms, Training};

/// Trains a model on what the program, or a teacher, answered well: the calls behind answers that pass the metric become chats,
/// a provider trains one of its models on them, and the program is measured with the model that comes of it.
///
/// ```no_run
/// # async fn example<S: dictum_core::finetune::FineTuning + 'static>(ctx: dictum_core::program::Context,
/// #     large: dictum_core::program::Context, service: S, program: dictum_core::modules::Predict,
/// #     trainset: Vec<dictum_core::data::Example>, testset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::metrics::exact_match;
/// use dictum_optimize::BootstrapFinetune;
///
/// // `dictum_providers::finetune::openai()` makes a service.
/// let tuned = BootstrapFinetune::new()
///     .teacher_context(&large) // a large model shows how; without it the program's own does
///     .train(service, "gpt-4.1-nano-2025-04-14")
///     .run_dir("runs/tuned") // goes on from here after a crash: nothing is uploaded or trained twice
///     .confirm_on(&testset)
///     .compile(&ctx, &program, &trainset, &[], exact_match("team"))
///     .await?;
/// println!("{}", tuned.compiled.report);
/// tuned.compiled.save("tuned.json")?; // names the tuned model, if the program was better with it
/// let ctx = tuned.context(&ctx); // the same, with the tuned model in its roster
/// # Ok(()) }
/// ```
///
/// A chat is what the program sends (system message, inputs, in the adapter's layout) and the answer as the adapter would have
/// it, whatever the teacher's was like. Instructions are the program's own. Equal chats are taken once, and all are put in an
/// order that follows from the seed: the same run writes the same bytes. They are in `train.jsonl` in the run folder, and in
/// `validation.jsonl` those of a share of examples that is set apart. [`BootstrapFinetune::write`] stops there.
///
/// The run folder keeps what was asked of the provider (`tuning.json`): each upload and job is noted before it is asked for and
/// again with its id. A run that goes on looks up what it may have begun (files by name, jobs by their training file) and waits
/// for the job that is there. A job that failed is begun anew, on the same stored files, when the run is started again.
///
/// The tuned program is bound to its models as any program is: the state of each predictor has the full name of its model as
/// [`lm`](dictum_core::program::PredictorState::lm), and the context has the models in its roster
/// ([`Context::with_lms`]). A process that loads the state later gives its context the models by these names.
///
/// What calls cost is counted and held to the budget as everywhere; what the training costs, the provider's bill says. The tokens
/// it was trained on are in the report's notes.
///
/// After DSPy's `BootstrapFinetune`; the weights half of BetterTogether (Soylu, Potts, Khattab, 2024, "Fine-Tuning and Prompt
/// Optimization: Two Great Steps that Work Better Together"). Other than DSPy's:
/// - Demonstrations are left out of the chats, and of the prompts of the tuned model, unless asked for: what they show is in
///   the weights. With them, their answers are shown and not learned (`weight` 0). DSPy leaves them in, and learns them.
/// - `metric_threshold` holds for every number; without one any score above 0 passes.
/// - One teacher; DSPy takes a list of them, one after the other.
/// - Every call with an outcome is taken, an answer that was repaired as it should have been.
/// - Equal chats are taken once. A share of examples can be set apart for validation, never a chat that is learned too.
/// - Too few examples are an error before anything is uploaded.
/// - The program is not changed, and the tuned model is kept only if it is better; DSPy changes the student and does not
///   measure.
/// - A crash costs no second training.
/// - No models are launched or killed: serving one's own is for those who run it.
///
/// Prompts and weights take turns in a [`Sequence`](crate::Sequence): [`Sequence::then_finetune`](crate::Sequence::then_finetune).
#[derive(Clone)]
pub struct BootstrapFinetune {
    options: Options,
    how: Bootstrap,
    per_predictor: bool,
    demos: bool,
    validation: f64,
    service: Option<Arc<dyn FineTuning>>,
    terms: Terms,
    further: bool,
    call: Option<Arc<MakeLm>>,
}

/// What the tuned model is called in a forecast.
const FORESEEN: &str = "the tuned model";

type MakeLm = dyn Fn(&str) -> Result<Lm, LmError> + Send + Sync;

optimizer!(@options [] BootstrapFinetune);
taught_options!([] BootstrapFinetune);

impl Default for BootstrapFinetune {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BootstrapFinetune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootstrapFinetune")
            .field("options", &self.options)
            .field("how", &self.how)
            .field("service", &self.service)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}

/// What the examples are made from.
impl BootstrapFinetune {
    /// One try for each example, by the program itself; one file for all predictors, without demonstrations.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: Bootstrap {
                max_labeled: 0,
                ..Bootstrap::default()
            },
            per_predictor: false,
            demos: false,
            validation: 0.0,
            service: None,
            terms: Terms::default(),
            further: false,
            call: None,
        }
    }

    /// Shows the teacher so many labelled examples, if it has no demonstrations of its own, and never the one it answers; 0 if
    /// not set.
    #[must_use]
    pub fn teacher_demos(mut self, demos: usize) -> Self {
        self.how.max_labeled = demos;
        self
    }

    /// The least score an answer needs to be learned. If not set, any above 0 will do.
    #[must_use]
    pub fn metric_threshold(mut self, score: f64) -> Self {
        self.how.threshold = Some(score);
        self
    }

    /// How often an example is tried until it passes; once if not set. After the first time at temperature 1 and with new
    /// samples.
    #[must_use]
    pub fn rounds(mut self, rounds: u64) -> Self {
        self.how.rounds = rounds;
        self
    }

    /// How many failed rollouts of the teacher end the run with an error that says their causes. No limit if not set.
    #[must_use]
    pub fn max_errors(mut self, rollouts: usize) -> Self {
        self.how.max_errors = Some(rollouts);
        self
    }

    /// A file for each predictor, `train-1-PATH.jsonl` and so on, and so a model for each, which answers that predictor alone.
    /// If not set, one for all.
    #[must_use]
    pub fn per_predictor(mut self) -> Self {
        self.per_predictor = true;
        self
    }

    /// Keeps the program's demonstrations in the chats, and in the prompts of the tuned model. If not set, they are left out of
    /// both.
    #[must_use]
    pub fn with_demos(mut self) -> Self {
        self.demos = true;
        self
    }

    /// Sets apart the chats of this share of the examples, in (0, 1), for the provider to measure on while it trains. None if
    /// not set.
    #[must_use]
    pub fn validation_share(mut self, share: f64) -> Self {
        self.validation = share;
        self
    }
}

/// What is trained, and how.
impl BootstrapFinetune {
    /// Lets this provider train this model, named as the provider names it.
    #[must_use]
    pub fn train(self, service: impl FineTuning + 'static, model: impl Into<String>) -> Self {
        self.train_shared(Arc::new(service), model)
    }

    /// Lets a provider that is shared already train this model.
    #[must_use]
    pub fn train_shared(mut self, service: Arc<dyn FineTuning>, model: impl Into<String>) -> Self {
        self.service = Some(service);
        self.terms.model = model.into();
        self
    }

    /// Trains the models further that the program is bound to, where its state names some: in a
    /// [`Sequence`](crate::Sequence) a second training goes on from what the first one made, as DSPy's does. Predictors that are
    /// bound to none begin with the model named in [`BootstrapFinetune::train`]. If not set, all do, whatever the program is
    /// bound to.
    ///
    /// The models must be this provider's, and one file can't train two: where predictors are bound to different models, add
    /// [`BootstrapFinetune::per_predictor`]. Both are told as an error before a call is made.
    #[must_use]
    pub fn train_further(mut self) -> Self {
        self.further = true;
        self
    }

    /// How a model is called, given its bare name: with layers, say. If not set, as the provider calls it
    /// ([`FineTuning::lm`]), without any.
    #[must_use]
    pub fn call_with(mut self, make: impl Fn(&str) -> Result<Lm, LmError> + Send + Sync + 'static) -> Self {
        self.call = Some(Arc::new(make));
        self
    }

    /// A word for the new model's name, of at most 64 characters.
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.terms.suffix = Some(suffix.into());
        self
    }

    /// A setting of the training in the provider's words, such as `n_epochs`. The provider chooses what is not set.
    #[must_use]
    pub fn hyperparameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.terms.hyperparameters.insert(name.into(), value.into());
        self
    }

    /// A further parameter of the job, put into the request as it is; `null` takes one out.
    #[must_use]
    pub fn job_parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.terms.extra.insert(name.into(), value.into());
        self
    }

    /// How the job is waited for.
    #[must_use]
    pub fn polling(mut self, polling: Polling) -> Self {
        self.terms.polling = polling;
        self
    }

    /// Tells this callback how far a job is after every look at it. It must not block.
    #[must_use]
    pub fn on_job(mut self, callback: impl Fn(&Job) + Send + Sync + 'static) -> Self {
        self.terms.on_job = Some(Arc::new(callback));
        self
    }

    /// Takes this job for the one an earlier process began, where the provider has no list to find it in. An error asks for it.
    #[must_use]
    pub fn adopt_job(mut self, id: impl Into<String>) -> Self {
        self.terms.adopted.push(id.into());
        self
    }
}

impl BootstrapFinetune {
    /// Writes the files of examples and trains nothing: no provider is asked. They are in the run folder if there is one, and
    /// in what is given. To have them trained afterwards, call [`BootstrapFinetune::compile`] with the same folder, data and
    /// settings, and no validation set: no rollout is run again.
    ///
    /// # Errors
    /// As other optimizers' `compile`; and [`Error::Program`] when nothing passed the metric.
    pub async fn write<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
        metric: impl Metric,
    ) -> Result<TrainingData> {
        self.check()?;
        let recipe = self.recipe(FORESEEN);
        run::write(self, &self.task(&recipe, ctx, program, &metric), trainset).await
    }

    /// Writes the files of examples, has a model trained on them, and measures the program with it: on the test set if there is
    /// one, else on the validation set. Dropping the future ends the calls in flight and the waiting; a job that was begun goes
    /// on, and the same call with the same folder waits for it again. To end the job too, see [`BootstrapFinetune::cancel`].
    ///
    /// # Errors
    /// As other optimizers' `compile`; when there is nothing to train with or on; when the job fails; and
    /// [`LmErrorKind::Cancelled`](dictum_core::lm::LmErrorKind::Cancelled) when the run was stopped while it was waited for.
    pub async fn compile<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
        valset: &[Example],
        metric: impl Metric,
    ) -> Result<Finetuned> {
        self.check()?;
        let recipe = self.recipe(FORESEEN);
        let task = self.task(&recipe, ctx, program, &metric);
        compile(self, &task, trainset, valset, Lack::Fails).await
    }

    /// What [`BootstrapFinetune::compile`] would take in calls, without making one or writing anything: an estimate. The
    /// training is not part of it.
    ///
    /// # Errors
    /// When the data or settings make no sense.
    pub async fn dry_run<P: DynModule>(
        &self,
        ctx: &Context,
        program: &P,
        trainset: &[Example],
        valset: &[Example],
    ) -> Result<Forecast> {
        self.check()?;
        let recipe = self.recipe(FORESEEN);
        let tuned = [stand_in(FORESEEN)];
        let task = Task {
            tuned: &tuned,
            ..self.task(&recipe, ctx, program, &Answered)
        };
        crate::compile::dry_run(task, trainset, valset).await
    }

    /// Ends the jobs that runs in the run folder have begun and not seen to end. Gives them as they are then.
    ///
    /// # Errors
    /// Without a run folder or provider; when `tuning.json` can't be read; and those of the provider, which refuses to end a
    /// job that is over.
    pub async fn cancel(&self) -> Result<Vec<Job>> {
        let Some(folder) = &self.options.run_dir else {
            return Err(Error::input("run_dir", "is not set: there is no run to end"));
        };
        let service = self.service()?;
        let mut jobs = Vec::new();
        for id in Ledger::open_jobs(folder)? {
            jobs.push(service.cancel(&id).await?);
        }
        Ok(jobs)
    }

    fn task<'a>(
        &'a self,
        recipe: &'a Collect<'a>,
        ctx: &'a Context,
        program: &'a dyn DynModule,
        metric: &'a dyn Metric,
    ) -> Task<'a> {
        Task {
            options: &self.options,
            recipe,
            ctx,
            program,
            start: None,
            tuned: &[],
            metric,
        }
    }

    /// The part that the engine runs. `foreseen` names the tuned model in a forecast.
    pub(super) fn recipe<'a>(&'a self, foreseen: &'a str) -> Collect<'a> {
        Collect { own: self, foreseen }
    }

    /// The same with other options.
    pub(super) fn with_options(&self, options: Options) -> Self {
        Self {
            options,
            ..self.clone()
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// What is wrong with it, before anything is spent.
    pub(super) fn ready(&self) -> Result<()> {
        self.check()?;
        self.training()?.check()
    }

    fn training(&self) -> Result<Training<'_>> {
        Ok(Training {
            service: self.service()?,
            terms: &self.terms,
            seed: self.options.seed,
            stop: &self.options.stop,
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.validation) {
            return Err(Error::input("validation_share", "must be at least 0 and below 1"));
        }
        if self.how.rounds == 0 {
            return Err(Error::input("rounds", "must be at least 1"));
        }
        Ok(())
    }

    fn service(&self) -> Result<&dyn FineTuning> {
        self.service.as_deref().ok_or_else(|| {
            let words = "is missing: say who trains what with `train`, or only `write` the examples";
            Error::input("service", words)
        })
    }

    /// A model to call, by its bare name.
    fn lm(&self, model: &str) -> Result<Lm> {
        let lm = match &self.call {
            Some(make) => make(model)?,
            None => self.service()?.lm(model)?,
        };
        Ok(lm)
    }
}
