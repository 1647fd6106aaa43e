//! [`BootstrapRandomSearch`]: the best of many bootstraps.

use std::collections::HashSet;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use serde_json::{Value, json};

use super::bootstrapper::{Bootstrap, Bootstrapper};
use super::demos;
use crate::candidate::Candidate;
use crate::options::{Options, optimizer, teacher_options};
use crate::plan::{Plan, Recipe};
use crate::rng::Rng;
use crate::scoreboard::Scoreboard;
use crate::strategy::{Ask, Batch, Choice, Done, Job, Strategy};

/// Tries the program as it is, without demonstrations, with labelled ones, with one bootstrap in the trainset's order, and
/// with many bootstraps of random size over the shuffled trainset. The best on the validation set wins; among equals the
/// one tried first, which is the simpler.
///
/// Other than DSPy's `BootstrapFewShotWithRandomSearch`:
/// - An empty validation set is split off from the trainset (a quarter); DSPy scores on the trainset, where demonstrations
///   answer themselves.
/// - All bootstraps share one teacher, so that an example it has answered is not answered again for another candidate.
/// - Candidates are bootstrapped and scored four at a time; `stop_at_score` is looked at after each four.
/// - Candidates that came out the same are scored once. One whose scoring the budget cut short is not considered.
/// - What [`BootstrapFewShot`](super::BootstrapFewShot) says of bootstrapping holds here too.
#[derive(Debug, Clone)]
pub struct BootstrapRandomSearch {
    options: Options,
    how: Bootstrap,
    candidates: usize,
    stop_at: Option<f64>,
    racing: Option<f64>,
}

optimizer!(BootstrapRandomSearch);
teacher_options!(BootstrapRandomSearch);

impl BootstrapRandomSearch {
    /// 16 random candidates of at most 4 bootstrapped and 16 demonstrations in all, one round.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: Bootstrap::default(),
            candidates: 16,
            stop_at: None,
            racing: None,
        }
    }

    /// So many random candidates, beside the fixed ones.
    #[must_use]
    pub fn candidates(mut self, candidates: usize) -> Self {
        self.candidates = candidates;
        self
    }

    /// Stops scoring a candidate when it can no longer win. One that would have won is dropped with at most this
    /// probability (0.05, say). If not set, all are scored in full. The report says what it saved.
    #[must_use]
    pub fn racing(mut self, error_rate: f64) -> Self {
        self.racing = Some(error_rate);
        self
    }

    /// Stops the search when a candidate's mean on the validation set reaches this.
    #[must_use]
    pub fn stop_at_score(mut self, score: f64) -> Self {
        self.stop_at = Some(score);
        self
    }
}

impl Recipe for BootstrapRandomSearch {
    fn name(&self) -> &'static str {
        "BootstrapRandomSearch"
    }

    fn settings(&self) -> Value {
        json!({ "bootstrap": self.how, "candidates": self.candidates, "stop_at_score": self.stop_at, "racing": self.racing })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let mut kinds = vec![Kind::AsItIs, Kind::ZeroShot];
        if self.how.max_labeled > 0 {
            kinds.push(Kind::Labeled);
        }
        if self.how.max_bootstrapped > 0 {
            kinds.push(Kind::Bootstrap);
            kinds.extend((1..=self.candidates).map(Kind::Shuffled));
        }
        kinds.reverse();
        Ok(Box::new(Search {
            teacher: self.how.teacher(&plan),
            board: match self.racing {
                Some(rate) => {
                    Scoreboard::new(plan.valset.clone(), plan.failure_score).racing(rate, plan.seed)
                }
                None => Scoreboard::new(plan.valset.clone(), plan.failure_score),
            },
            plan,
            how: self.how.clone(),
            stop_at: self.stop_at,
            waiting: kinds,
            group: Vec::new(),
            asked: Asked::Nothing,
            seen: HashSet::new(),
            notes: Vec::new(),
        }))
    }
}

/// How many candidates are made and scored at a time: enough to keep many calls in flight, few enough that a small budget
/// is not spent on making candidates it can't score. Part of the algorithm: it must not depend on the machine.
const GROUP: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Kind {
    AsItIs,
    ZeroShot,
    Labeled,
    Bootstrap,
    Shuffled(usize),
}

/// A candidate that is made already, or is being made.
enum Making {
    Made(Candidate),
    Boot(String, Box<Bootstrapper>),
}

enum Asked {
    Nothing,
    /// Attempts by each of the group, so many each.
    Bootstraps(Vec<usize>),
    Scores,
}

struct Search {
    plan: Plan,
    how: Bootstrap,
    stop_at: Option<f64>,
    teacher: Arc<Candidate>,
    board: Scoreboard,
    /// The candidates still to make, the next one last.
    waiting: Vec<Kind>,
    group: Vec<Making>,
    asked: Asked,
    /// Ids of the candidates so far.
    seen: HashSet<String>,
    notes: Vec<String>,
}

impl Search {
    fn make(&self, kind: Kind) -> Making {
        let boot = |label: String, want: usize, pool: Vec<Arc<Example>>| {
            let bootstrapper = Bootstrapper::new(&self.how, want, self.teacher.clone(), pool);
            Making::Boot(label, Box::new(bootstrapper))
        };
        match kind {
            Kind::AsItIs => Making::Made((*self.plan.baseline).clone()),
            Kind::ZeroShot => Making::Made(demos::with_labeled(
                &self.plan.baseline,
                "zero-shot",
                &self.plan,
                0,
                false,
            )),
            Kind::Labeled => {
                let k = self.how.max_labeled;
                Making::Made(demos::with_labeled(
                    &self.plan.baseline,
                    "labeled",
                    &self.plan,
                    k,
                    true,
                ))
            }
            Kind::Bootstrap => boot(
                "bootstrap".into(),
                self.how.max_bootstrapped,
                self.plan.trainset.clone(),
            ),
            Kind::Shuffled(number) => {
                let mut rng = Rng::of(&("shuffled", self.plan.seed, number));
                let mut pool = self.plan.trainset.clone();
                rng.shuffle(&mut pool);
                let want = 1 + rng.below(self.how.max_bootstrapped);
                boot(format!("bootstrap {number}"), want, pool)
            }
        }
    }

    /// Attempts for all of the group that are still being made.
    fn bootstraps(&mut self) -> Vec<Job> {
        let mut counts = Vec::with_capacity(self.group.len());
        let mut jobs = Vec::new();
        for making in &mut self.group {
            let more = match making {
                Making::Boot(_, bootstrapper) => bootstrapper.ask(),
                Making::Made(_) => Vec::new(),
            };
            counts.push(more.len());
            jobs.extend(more);
        }
        self.asked = Asked::Bootstraps(counts);
        jobs
    }

    /// Turns the group into candidates to score.
    fn made(&mut self) -> Vec<Job> {
        let mut fresh = Vec::new();
        for making in std::mem::take(&mut self.group) {
            let candidate = match making {
                Making::Made(candidate) => candidate,
                Making::Boot(label, bootstrapper) => {
                    self.notes
                        .extend(bootstrapper.note().map(|note| format!("{label}: {note}")));
                    bootstrapper.candidate(&label, &self.plan)
                }
            };
            if self.seen.insert(candidate.id().to_owned()) {
                fresh.push(Arc::new(candidate));
            }
        }
        self.asked = Asked::Scores;
        self.board.ask(fresh)
    }

    fn good_enough(&self) -> bool {
        let best = self.board.best().map(|(_, mean)| mean);
        self.stop_at
            .is_some_and(|stop| best.is_some_and(|best| best >= stop))
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        let jobs = self.board.more();
        if !jobs.is_empty() {
            self.asked = Asked::Scores;
            return Ask::Rollouts(Batch {
                phase: "search",
                jobs,
            });
        }
        loop {
            if self.group.is_empty() {
                if self.waiting.is_empty() || self.good_enough() {
                    return Ask::Finished;
                }
                while self.group.len() < GROUP
                    && let Some(kind) = self.waiting.pop()
                {
                    let making = self.make(kind);
                    self.group.push(making);
                }
            }
            let jobs = self.bootstraps();
            if !jobs.is_empty() {
                return Ask::Rollouts(Batch {
                    phase: "bootstrap",
                    jobs,
                });
            }
            let jobs = self.made();
            // All of the group came out as candidates that were scored before.
            if !jobs.is_empty() {
                return Ask::Rollouts(Batch {
                    phase: "search",
                    jobs,
                });
            }
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Nothing => Ok(()),
            Asked::Scores => {
                self.board.tell(done);
                Ok(())
            }
            Asked::Bootstraps(counts) => {
                let mut rest = done.as_slice();
                for (making, count) in self.group.iter_mut().zip(counts) {
                    let (mine, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                    rest = others;
                    if let Making::Boot(_, bootstrapper) = making {
                        bootstrapper.tell(mine)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn best(&self) -> Choice {
        Choice {
            best: self.board.best().map(|(candidate, _)| candidate),
            candidates: self.board.candidates().to_vec(),
            notes: self.notes.iter().cloned().chain(self.board.saved()).collect(),
        }
    }
}
