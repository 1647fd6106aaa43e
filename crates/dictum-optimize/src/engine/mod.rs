//! The engine: runs the rollouts a strategy asks for, within the budget, and journals them.

mod ledger;
mod one;
mod phases;
mod progress;
mod rehearsal;

pub use phases::Phase;
pub(crate) use phases::Phases;
pub use progress::Progress;
pub(crate) use rehearsal::{MADE_UP, Rehearsal};

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use dictum_core::error::{Error, Result};
use dictum_core::evaluate::{Case, Metric, MetricError, Score};
use dictum_core::lm::{Budget, Lm, LmError, LmErrorKind, Meter};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, DynModule, Overlay, PredictorId, predictors, thresholds};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use indexmap::IndexMap;
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::candidate::{Candidate, Role};
use crate::run::{Journal, not_there};
use crate::stop::Stop;
use crate::strategy::{Batch, Done, Job};
use ledger::{Admission, Ledger};

/// What tells how far a run is.
pub(crate) type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A program that is someone's, or the engine's own.
#[derive(Clone)]
pub(crate) enum Program<'a> {
    Lent(&'a dyn DynModule),
    Own(Arc<dyn DynModule>),
}

impl<'a> Deref for Program<'a> {
    type Target = dyn DynModule + 'a;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Lent(program) => *program,
            Self::Own(program) => &**program,
        }
    }
}

/// A program with the context it runs in.
pub(crate) struct Player<'a> {
    pub(crate) program: Program<'a>,
    /// With the run's meter.
    pub(crate) ctx: Context,
    /// Its predictors, to tell their steps from those of metrics.
    pub(crate) ids: Arc<HashSet<PredictorId>>,
    /// States that hold where a candidate has none.
    pub(crate) start: Overlay,
    /// Whether it has thresholds: rollouts that differ in them alone share their calls.
    shares: bool,
}

impl<'a> Player<'a> {
    pub(crate) fn new(program: Program<'a>, ctx: &Context, meter: &Meter) -> Self {
        let all = predictors(&*program).into_iter();
        let ids = all.map(|(_, predictor)| predictor.id()).collect();
        let shares = !thresholds(&*program).is_empty();
        Self {
            shares,
            program,
            ctx: ctx.with_meter(meter.clone()),
            ids: Arc::new(ids),
            start: Overlay::new(),
        }
    }

    /// The context of the program in these states.
    fn bind(&self, overlay: &Overlay) -> Result<Context> {
        let all = self.start.clone().over(overlay);
        self.ctx.with_overlay(&*self.program, &all)
    }
}

/// What judges the answers to the search's own questions: the search does.
pub(crate) struct Answered;

impl Metric for Answered {
    fn name(&self) -> &str {
        "answered"
    }

    fn score<'a>(&'a self, _: &'a Context, _: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>> {
        Box::pin(async { Ok(Score::from(1.0)) })
    }
}

/// What the engine may do.
pub(crate) struct Limits {
    pub(crate) budget: Budget,
    pub(crate) calls_per_rollout: u64,
    pub(crate) concurrency: usize,
    pub(crate) max_outages: usize,
    pub(crate) stop: Stop,
    /// Set if rollouts are made up and no model is called.
    pub(crate) rehearsal: Option<Arc<Rehearsal>>,
}

/// Runs rollouts.
pub(crate) struct Engine<'a> {
    pub(crate) student: Player<'a>,
    pub(crate) teacher: Option<Player<'a>>,
    pub(crate) metric: &'a dyn Metric,
    pub(crate) journal: Arc<Journal>,
    pub(crate) meter: Meter,
    pub(crate) phases: Phases,
    pub(crate) best: Option<f64>,
    on_progress: Option<OnProgress>,
    ledger: Ledger,
    limits: Limits,
    /// The context the search's own questions are asked in.
    pub(crate) proposer: Option<Context>,
    /// What asks them, by candidate.
    proposers: HashMap<String, Player<'a>>,
    contexts: HashMap<String, Context>,
    /// Why rollouts failed that could not reach the model.
    outages: Vec<LmError>,
    /// Why calls of rollouts failed that the budget did not last for.
    wasted: Vec<LmError>,
    exhausted: bool,
}

/// How a rollout ended for the engine.
pub(crate) enum Ended {
    /// It is done. An outage is why it failed, if it failed because the model could not be reached.
    Done {
        done: Arc<Done>,
        outage: Option<LmError>,
    },
    /// The budget did not last, and so many calls were made for nothing; with the last failure, if it ended on failing calls.
    Cut(u64, Option<LmError>),
}

impl<'a> Engine<'a> {
    pub(crate) fn new(
        student: Player<'a>,
        metric: &'a dyn Metric,
        journal: Arc<Journal>,
        meter: Meter,
        limits: Limits,
        on_progress: Option<OnProgress>,
    ) -> Self {
        Self {
            student,
            teacher: None,
            metric,
            journal,
            meter,
            phases: Phases::default(),
            best: None,
            on_progress,
            ledger: Ledger::new(limits.budget.calls, limits.calls_per_rollout),
            limits,
            proposer: None,
            proposers: HashMap::new(),
            contexts: HashMap::new(),
            outages: Vec::new(),
            wasted: Vec::new(),
            exhausted: false,
        }
    }

    /// Whether a batch was cut short because the budget is spent.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Gives the program further models, for candidates that name them from here on.
    pub(crate) fn add_lms(&mut self, lms: &[(String, Lm)]) {
        self.student.ctx = self.student.ctx.with_lms(lms.iter().cloned());
    }

    /// From now on rollouts are made up and no model is called. What they would have used is told by what is given back.
    pub(crate) fn rehearse(&mut self) -> Arc<Rehearsal> {
        self.on_progress = None;
        self.limits.rehearsal.insert(Arc::default()).clone()
    }

    /// Whether the run was asked to end early.
    pub(crate) fn stopped(&self) -> bool {
        self.limits.stop.is_stopped()
    }

    /// That the budget ended on failing calls, and on which, if it did.
    pub(crate) fn wasted(&self) -> Option<String> {
        let first = self.wasted.first()?;
        Some(format!(
            "the budget went to calls that failed ({}, first: {first})",
            match self.wasted.len() {
                1 => "1 rollout was cut off".to_owned(),
                n => format!("{n} rollouts were cut off"),
            }
        ))
    }

    /// Lets the run spend so many calls in all, of which some may be spent already.
    pub(crate) fn allow_calls(&mut self, calls: Option<u64>) {
        self.ledger.allow(calls);
        self.exhausted = false;
    }

    /// Does a batch. Results stand in the order of its jobs; `None` for those the budget had no room for.
    ///
    /// # Errors
    /// When the model can't be reached any more, or the journal can't be written: what is done so far is in the journal.
    pub(crate) async fn run(&mut self, batch: &Batch) -> Result<Vec<Option<Arc<Done>>>> {
        let span = tracing::info_span!(
            target: "dictum::optimize",
            "phase",
            otel.name = format_args!("phase {}", batch.phase),
            dictum.phase = batch.phase,
            dictum.rollouts = i64::try_from(batch.jobs.len()).unwrap_or(i64::MAX),
        );
        self.rollouts(batch).instrument(span).await
    }

    async fn rollouts(&mut self, batch: &Batch) -> Result<Vec<Option<Arc<Done>>>> {
        let begun = Instant::now();
        let keys: Vec<String> = batch.jobs.iter().map(one::key).collect();
        let mut results: HashMap<&str, Arc<Done>> = HashMap::new();
        let mut queue: Vec<(&Job, &str)> = Vec::new();
        let mut queued: HashSet<&str> = HashSet::new();
        for (job, key) in batch.jobs.iter().zip(&keys) {
            if self.phases.counted(key) {
                // Done earlier in this process: the cache answers and nothing counts twice.
                if let Some(done) = self.journal.rollout(key) {
                    results.insert(key, done);
                }
            } else if queued.insert(key) {
                queue.push((job, key));
            }
        }
        for (job, _) in &queue {
            self.prepare(&job.candidate)?;
        }
        let mut tally = Tally {
            phase: batch.phase,
            total: queue.len(),
            done: 0,
            replayed: 0,
        };
        let mut spent = Vec::new();
        // What is done already is no batch to wait for.
        let stepping = queue.is_empty() || self.limits.rehearsal.is_some() || self.limits.stop.batch().await;
        {
            let mut queue = queue.iter().peekable();
            let mut running = FuturesUnordered::new();
            // Those that share their calls run one after another, in their order: which of them makes a call must not depend
            // on which comes first.
            let mut latest: HashMap<String, oneshot::Receiver<()>> = HashMap::new();
            loop {
                while !self.exhausted && running.len() < self.limits.concurrency {
                    let Some((job, key)) = queue.peek() else { break };
                    if !stepping && self.limits.stop.is_paused() && !self.stopped() {
                        if !running.is_empty() {
                            break;
                        }
                        self.limits.stop.going().await;
                    }
                    let limit = match self.admit(job, running.len()) {
                        Admission::Go(limit) => limit,
                        Admission::Wait => break,
                        Admission::Spent => {
                            self.exhausted = true;
                            break;
                        }
                    };
                    queue.next();
                    let order = self.order(job, key, limit)?;
                    let (over, ended) = oneshot::channel();
                    let before = match &order.shared {
                        Some(group) => latest.insert(group.clone(), ended),
                        None => None,
                    };
                    running.push(async move {
                        if let Some(before) = before {
                            // It tells by being dropped.
                            let _ = before.await;
                        }
                        let result = one::run(order).await;
                        drop(over);
                        result
                    });
                }
                let Some((key, ended, replayed)) = running.next().await else {
                    break;
                };
                match ended {
                    Ended::Cut(calls, failure) => {
                        self.ledger.ended(calls);
                        self.wasted.extend(failure);
                        self.exhausted = true;
                    }
                    Ended::Done { done, outage } => {
                        self.ledger.ended(done.spent);
                        tally.done += 1;
                        tally.replayed += usize::from(replayed);
                        if let Some(error) = outage {
                            self.outage(error)?;
                        }
                        spent.push((key, done.clone(), replayed));
                        results.insert(key, done);
                        self.tell(&tally);
                    }
                }
                if let Some(problem) = self.journal.failure() {
                    return Err(Error::program(format!(
                        "the run's journal can't be written: {problem}; what is in it so far can be resumed"
                    )));
                }
            }
        }
        for (key, done, replayed) in spent {
            self.phases.count(batch.phase, key, &done, replayed);
        }
        self.phases.took(batch.phase, begun.elapsed());
        if let Some(wasted) = self.wasted()
            && self.phases.all.iter().all(|phase| phase.rollouts == 0)
        {
            return Err(Error::program(format!(
                "the run stopped before anything was measured: {wasted}"
            )));
        }
        Ok(keys
            .iter()
            .map(|key| results.get(key.as_str()).cloned())
            .collect())
    }

    /// Binds a candidate to its program, once.
    fn prepare(&mut self, candidate: &Arc<Candidate>) -> Result<()> {
        let id = candidate.id();
        if !self.contexts.contains_key(id) {
            if let Some(question) = candidate.question() {
                let program = Program::Own(Arc::new(Predict::from_spec(question.clone())));
                let ctx = self.proposer.as_ref().unwrap_or(&self.student.ctx);
                let player = Player::new(program, ctx, &self.meter);
                self.proposers.insert(id.to_owned(), player);
            }
            let player = self.player(candidate);
            let ctx = player.bind(candidate.overlay())?;
            self.contexts.insert(id.to_owned(), ctx);
        }
        Ok(())
    }

    fn player(&self, candidate: &Candidate) -> &Player<'a> {
        let other = match candidate.role() {
            Role::Student => None,
            Role::Teacher => self.teacher.as_ref(),
            Role::Proposer => self.proposers.get(candidate.id()),
        };
        other.unwrap_or(&self.student)
    }

    /// Whether the next rollout may begin. Tokens, money and time are known only afterwards: they are checked as they are.
    fn admit(&self, job: &Job, in_flight: usize) -> Admission {
        let calls_left = self
            .meter
            .budget()
            .calls
            .is_none_or(|calls| self.meter.spent().calls < calls);
        let over = calls_left && self.meter.check().is_err();
        if over || self.stopped() {
            Admission::Spent
        } else {
            let known = |group: String| {
                let rehearsal = self.limits.rehearsal.as_ref();
                self.journal.shares(&group) || rehearsal.is_some_and(|made_up| made_up.shares(&group))
            };
            let shared = || self.shared(job).is_some_and(known);
            self.ledger.admit(in_flight, shared)
        }
    }

    /// What the calls of a rollout are shared under, if they are.
    fn shared(&self, job: &Job) -> Option<String> {
        self.player(&job.candidate).shares.then(|| one::shared_key(job))
    }

    fn order<'j>(&self, job: &'j Job, key: &'j str, limit: u64) -> Result<one::Order<'j>>
    where
        'a: 'j,
    {
        let player = self.player(&job.candidate);
        let ctx = match job
            .candidate
            .without(&crate::candidate::InputKey::of(&job.example))
        {
            Some(overlay) => player.bind(&overlay)?,
            None => match self.contexts.get(job.candidate.id()) {
                Some(ctx) => ctx.clone(),
                None => player.bind(job.candidate.overlay())?,
            },
        };
        Ok(one::Order {
            job,
            key,
            shared: self.shared(job),
            program: player.program.clone(),
            ids: player.ids.clone(),
            ctx,
            metric: match job.candidate.role() {
                Role::Proposer => &Answered,
                Role::Student | Role::Teacher => self.metric,
            },
            journal: self.journal.clone(),
            rehearsal: self.limits.rehearsal.clone(),
            limit,
            whole: limit >= self.ledger.limit(),
        })
    }

    fn outage(&mut self, error: LmError) -> Result<()> {
        // A key that is wrong, an account without credit or a model that is not there fails every call the same.
        let hopeless = matches!(error.kind(), LmErrorKind::Auth | LmErrorKind::Billing) || not_there(&error);
        self.outages.push(error);
        if hopeless || self.outages.len() > self.limits.max_outages {
            let mut causes: IndexMap<&str, (usize, &LmError)> = IndexMap::new();
            for error in &self.outages {
                causes.entry(error.kind().name()).or_insert((0, error)).0 += 1;
            }
            let causes: Vec<String> = causes
                .iter()
                .map(|(cause, (count, first))| format!("{count} x {cause}, first: {first}"))
                .collect();
            return Err(Error::program(format!(
                "the run stopped because {} rollouts could not reach the model ({}); run it again with the same run \
                 folder to go on from here",
                self.outages.len(),
                causes.join("; ")
            )));
        }
        Ok(())
    }

    fn tell(&self, tally: &Tally) {
        let progress = Progress {
            phase: tally.phase,
            done: tally.done,
            total: tally.total,
            replayed: tally.replayed,
            best: self.best,
            spent: self.meter.spent(),
        };
        tracing::debug!(
            phase = tally.phase,
            done = tally.done,
            total = tally.total,
            "rollout done"
        );
        if let Some(callback) = &self.on_progress {
            callback(&progress);
        }
    }
}

struct Tally {
    phase: &'static str,
    total: usize,
    done: usize,
    replayed: usize,
}
