//! What a call needs, as a value.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::overlay::Bound;
use super::roster::Roster;
use super::stream::Streaming;
use super::{CallRecord, Observer, Overlay, Parameters, Predictor, PredictorState, Repair, Step, Trace};
use crate::adapter::{Adapter, ChatAdapter, Prepared};
use crate::error::Result;
use crate::lm::{Budget, CachePolicy, Call, Lm, Meter, Settings};
use crate::signature::SignatureSpec;

/// What a call needs: the model, the adapter, limits, the candidate, and where its trace goes.
///
/// A cheap clone, and a value: it can be sent to other tasks and threads, and nothing about it is ambient. Every `with_*`
/// gives a new context and leaves the old one as it was.
#[derive(Debug, Clone)]
pub struct Context(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    lm: Lm,
    adapter: Arc<dyn Adapter>,
    roster: Arc<Roster>,
    repair: Repair,
    settings: Settings,
    meter: Option<Meter>,
    cache: CachePolicy,
    deadline: Option<Instant>,
    sample: u64,
    bound: Option<Arc<Bound>>,
    trace: Trace,
    observers: Arc<[Arc<dyn Observer>]>,
    scope: Option<Arc<str>>,
    streaming: Option<Arc<Streaming>>,
}

/// How many steps the trace of a new context keeps.
const TRACE_STEPS: usize = 64;

impl Context {
    /// A context with this model: chat adapter, one re-ask, no budget, a trace of the latest 64 steps.
    #[must_use]
    pub fn new(lm: Lm) -> Self {
        Self(Arc::new(Inner {
            lm,
            adapter: Arc::new(ChatAdapter::default()),
            roster: Arc::new(Roster::new()),
            repair: Repair::default(),
            settings: Settings::default(),
            meter: None,
            cache: CachePolicy::default(),
            deadline: None,
            sample: 0,
            bound: None,
            trace: Trace::bounded(TRACE_STEPS),
            observers: Arc::default(),
            scope: None,
            streaming: None,
        }))
    }

    fn with(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = (*self.0).clone();
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The same with another model.
    #[must_use]
    pub fn with_lm(&self, lm: Lm) -> Self {
        self.with(|inner| inner.lm = lm)
    }

    /// The same with another adapter.
    #[must_use]
    pub fn with_adapter(&self, adapter: impl Adapter + 'static) -> Self {
        self.with_shared_adapter(Arc::new(adapter))
    }

    /// The same with another adapter that is shared already.
    #[must_use]
    pub fn with_shared_adapter(&self, adapter: Arc<dyn Adapter>) -> Self {
        self.with(|inner| {
            // Its words hold where a state names it.
            Arc::make_mut(&mut inner.roster).add_adapter(adapter.name().into(), adapter.clone());
            inner.adapter = adapter;
        })
    }

    /// The same with these models beside its own, for states that name them ([`PredictorState::lm`]). One that has a name
    /// already is replaced. The names are free, and stand in program files.
    #[must_use]
    pub fn with_lms<N: Into<Arc<str>>>(&self, lms: impl IntoIterator<Item = (N, Lm)>) -> Self {
        self.with_roster(|roster| {
            for (name, lm) in lms {
                roster.add_lm(name.into(), lm);
            }
        })
    }

    /// The same with these adapters for states that name them ([`PredictorState::adapter`]), beside `chat`, `json` and `xml`.
    /// One that has a name already is replaced.
    #[must_use]
    pub fn with_adapters<N: Into<Arc<str>>>(
        &self,
        adapters: impl IntoIterator<Item = (N, Arc<dyn Adapter>)>,
    ) -> Self {
        self.with_roster(|roster| {
            for (name, adapter) in adapters {
                roster.add_adapter(name.into(), adapter);
            }
        })
    }

    /// The same with something done to its model and to all of its roster: a layer around each, say. `change` is told the
    /// name in the roster, and `None` for the context's own.
    #[must_use]
    pub fn map_lms(&self, change: impl Fn(Option<&str>, &Lm) -> Lm) -> Self {
        self.with(|inner| {
            inner.lm = change(None, &inner.lm);
            if inner.roster.lms().next().is_some() {
                for (name, lm) in Arc::make_mut(&mut inner.roster).lms_mut() {
                    *lm = change(Some(name), lm);
                }
            }
        })
    }

    fn with_roster(&self, change: impl FnOnce(&mut Roster)) -> Self {
        self.with(|inner| change(Arc::make_mut(&mut inner.roster)))
    }

    /// The same with another repair policy.
    #[must_use]
    pub fn with_repair(&self, repair: Repair) -> Self {
        self.with(|inner| inner.repair = repair)
    }

    /// The same with these settings over its own.
    #[must_use]
    pub fn with_settings(&self, settings: &Settings) -> Self {
        self.with(|inner| inner.settings = settings.over(&inner.settings))
    }

    /// The same under a further budget. Budgets nest: what is spent under this one counts against those above it too.
    #[must_use]
    pub fn with_budget(&self, budget: Budget) -> Self {
        let meter = match &self.0.meter {
            Some(meter) => meter.child(budget),
            None => Meter::new(budget),
        };
        self.with_meter(meter)
    }

    /// The same with a meter in place of its own.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        self.with(|inner| inner.meter = Some(meter))
    }

    /// The same with another treatment by caches.
    #[must_use]
    pub fn with_cache(&self, cache: CachePolicy) -> Self {
        self.with(|inner| inner.cache = cache)
    }

    /// The same, with all calls ended after this long from now, or at the earlier deadline it had.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        self.with(|inner| {
            inner.deadline = match (inner.deadline, deadline) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        })
    }

    /// The same for another sample of each call: caches keep samples apart, and models that take seeds get another one.
    #[must_use]
    pub fn with_sample(&self, sample: u64) -> Self {
        self.with(|inner| inner.sample = sample)
    }

    /// The same with another trace. [`Trace::child`] of the old one keeps both informed.
    #[must_use]
    pub fn with_trace(&self, trace: Trace) -> Self {
        self.with(|inner| inner.trace = trace)
    }

    /// The same with one more observer, told of every call and step from here on. See [`Observer`].
    #[must_use]
    pub fn with_observer(&self, observer: impl Observer + 'static) -> Self {
        self.with_shared_observer(Arc::new(observer))
    }

    /// The same with one more observer that is shared already.
    #[must_use]
    pub fn with_shared_observer(&self, observer: Arc<dyn Observer>) -> Self {
        self.with(|inner| inner.observers = inner.observers.iter().cloned().chain([observer]).collect())
    }

    /// The same, with steps that say what they are part of, such as `example 3f2a`. An evaluation names its examples so.
    #[must_use]
    pub fn with_scope(&self, scope: impl Into<Arc<str>>) -> Self {
        self.with(|inner| inner.scope = Some(scope.into()))
    }

    /// The same for calls of this program, so that its trace names predictors by their paths.
    #[must_use]
    pub fn for_program<P: Parameters + ?Sized>(&self, program: &P) -> Self {
        // An empty overlay names no unknown path, so it always binds.
        let bound = Bound::new(program, &Overlay::new()).unwrap_or_default();
        self.with(|inner| inner.bound = Some(Arc::new(bound)))
    }

    /// The same for calls of this program as a candidate: with the overlay's states in place of its own.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when the overlay names a predictor the program does not have, or a state names a model or
    /// adapter the context does not have.
    pub fn with_overlay<P: Parameters + ?Sized>(&self, program: &P, overlay: &Overlay) -> Result<Self> {
        let bound = Bound::new(program, overlay)?;
        self.0.roster.check_program(program, |path| overlay.get(path))?;
        Ok(self.with(|inner| inner.bound = Some(Arc::new(bound))))
    }

    /// The same for calls of a program that may be part of the one the context knows: with the overlay's states in place of
    /// those it would have, while all other predictors keep theirs, and all keep their paths.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when the overlay names a predictor the program does not have.
    pub(crate) fn with_inner_overlay<P: Parameters + ?Sized>(
        &self,
        program: &P,
        overlay: &Overlay,
    ) -> Result<Self> {
        let inner = Bound::new(program, overlay)?;
        let bound = match self.bound() {
            Some(bound) => bound.over(inner),
            None => inner,
        };
        Ok(self.with(|inner| inner.bound = Some(Arc::new(bound))))
    }

    /// What holds for a predictor in this context: the state of the candidate, or its own.
    pub(crate) fn state_of<'a>(&'a self, predictor: &'a Predictor) -> &'a PredictorState {
        let live = self.bound().and_then(|bound| bound.state(&predictor.id()));
        live.map_or_else(|| predictor.state(), |live| live.state())
    }

    /// The model.
    #[must_use]
    pub fn lm(&self) -> &Lm {
        &self.0.lm
    }

    /// The models beside its own, by name.
    pub fn lms(&self) -> impl Iterator<Item = (&str, &Lm)> {
        self.0.roster.lms()
    }

    /// The adapters that states may name: `chat`, `json`, `xml`, and those it was given.
    pub fn adapters(&self) -> impl Iterator<Item = (&str, &Arc<dyn Adapter>)> {
        self.0.roster.adapters()
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.0.roster
    }

    /// Whether the context has the models and adapters that the states of a program name. A call would say the same, later.
    ///
    /// # Errors
    /// [`crate::Error::Input`] with the predictor's path, the name it wants and those there are.
    pub fn check<P: Parameters + ?Sized>(&self, program: &P) -> Result<()> {
        self.0.roster.check_program(program, |_| None)
    }

    /// What is the same in every call of a predictor of this signature in this state: system message and demonstrations.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when the state names a model or adapter the context does not have.
    pub fn prepare(&self, spec: &SignatureSpec, state: &PredictorState) -> Result<Prepared> {
        let lm = match &state.lm {
            None => self.lm(),
            Some(name) => self.0.roster.lm(name, "state")?,
        };
        let adapter = match &state.adapter {
            None => self.adapter(),
            Some(name) => self.0.roster.adapter(name, "state")?,
        };
        let asked = state.asked(spec);
        Ok(adapter.prepare(asked.as_ref().unwrap_or(spec), state, lm.capabilities()))
    }

    /// The adapter.
    #[must_use]
    pub fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.0.adapter
    }

    /// The repair policy.
    #[must_use]
    pub fn repair(&self) -> &Repair {
        &self.0.repair
    }

    /// The settings of calls, under those of each predictor.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What counts the calls, if a budget was set.
    #[must_use]
    pub fn meter(&self) -> Option<&Meter> {
        self.0.meter.as_ref()
    }

    /// Which sample of each call.
    #[must_use]
    pub fn sample(&self) -> u64 {
        self.0.sample
    }

    /// The latest steps.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.0.trace
    }

    /// What steps are part of.
    #[must_use]
    pub fn scope(&self) -> Option<&Arc<str>> {
        self.0.scope.as_ref()
    }

    /// Tells the observers of a finished call.
    pub(crate) fn note_call(&self, path: &str, call: &CallRecord) {
        for observer in self.0.observers.iter() {
            observer.on_call(path, call);
        }
    }

    /// Puts a finished step into the trace and tells the observers.
    pub(crate) fn note_step(&self, step: Arc<Step>) {
        for observer in self.0.observers.iter() {
            observer.on_step(&step);
        }
        self.0.trace.push(step);
    }

    /// The terms calls are made under.
    #[must_use]
    pub fn call(&self) -> Call {
        Call {
            meter: self.0.meter.clone(),
            cache: self.0.cache,
            deadline: self.0.deadline,
        }
    }

    /// A readable history of the latest `n` steps: messages, answers, what was repaired.
    #[must_use]
    pub fn inspect(&self, n: usize) -> String {
        super::inspect::history(&self.0.trace, n)
    }

    /// Whether the context knows a program's predictors already, possibly with an overlay.
    pub(crate) fn knows_a_program(&self) -> bool {
        self.0.bound.is_some()
    }

    /// Who listens to calls, and who may end them; `None` when calls need not stream.
    pub(super) fn streaming(&self) -> Option<&Streaming> {
        self.0.streaming.as_deref()
    }

    pub(super) fn with_streaming(&self, streaming: Streaming) -> Self {
        self.with(|inner| inner.streaming = Some(Arc::new(streaming)))
    }

    pub(super) fn bound(&self) -> Option<&Bound> {
        self.0.bound.as_deref()
    }
}
