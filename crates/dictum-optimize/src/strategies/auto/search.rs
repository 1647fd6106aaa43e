//! The run: a look at the program, then the optimizers of the plan, each from the best of the one before.

use std::sync::Arc;

use dictum_core::error::Result;
use dictum_core::evaluate::RowOutcome;

use super::decide::{Decision, Facts, Leg, decide};
use crate::candidate::Candidate;
use crate::engine::MADE_UP;
use crate::headroom::Headroom;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::strategy::{Ask, Batch, Choice, Considered, Done, Job, Strategy};

/// How many examples are answered twice.
const LOOK: usize = 30;

pub(super) struct Search {
    plan: Plan,
    stage: Stage,
    decision: Option<Decision>,
    /// Optimizers that have not begun, the next last.
    waiting: Vec<Leg>,
    /// What the optimizers that are over found.
    found: Vec<Considered>,
    /// What was made without being scored: the engine does that.
    unscored: Option<Arc<Candidate>>,
    notes: Vec<String>,
}

enum Stage {
    /// The program as it is answers examples again.
    Look,
    /// An optimizer is under way.
    Leg(String, Box<dyn Strategy>),
    Over,
}

impl Search {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            stage: Stage::Look,
            decision: None,
            waiting: Vec::new(),
            found: Vec::new(),
            unscored: None,
            notes: Vec::new(),
        }
    }

    /// The whole validation set once, which the engine has scored already, and some of it once more. Nothing of data that is
    /// too small for any plan.
    fn look(&self) -> Vec<Job> {
        let job = |place: &usize| {
            let example = self.plan.valset.get(*place)?;
            Some(Job::new(self.plan.baseline.clone(), example.clone()))
        };
        let mut places: Vec<usize> = (0..self.plan.valset.len()).collect();
        let once: Vec<Job> = places.iter().filter_map(job).collect();
        Rng::of(&("look", self.plan.seed)).shuffle(&mut places);
        places.truncate(LOOK);
        places.sort_unstable();
        let again = places.iter().filter_map(job).map(|job| job.sample(1));
        once.into_iter().chain(again).collect()
    }

    fn facts(&self, jobs: &[Job], done: &[Option<Arc<Done>>]) -> Facts {
        let plan = &self.plan;
        let score = |done: &Option<Arc<Done>>| done.as_ref()?.row.score(plan.failure_score);
        let once = plan.valset.len();
        let mut pairs = Vec::new();
        for (job, second) in jobs.iter().zip(done).skip(once) {
            let mut firsts = jobs.iter().zip(done).take(once);
            let first = firsts.find(|(other, _)| other.example.id() == job.example.id());
            if let (Some(a), Some(b)) = (first.and_then(|(_, first)| score(first)), score(second)) {
                pairs.push((a, b));
            }
        }
        let run: Vec<&Arc<Done>> = done.iter().flatten().collect();
        let spent: u64 = run.iter().map(|done| done.spent).sum();
        let mut facts = Facts {
            train: plan.trainset.len(),
            val: once,
            rows: if plan.confirm > 0 { plan.confirm } else { once },
            confirmed: plan.confirm > 0,
            headroom: Headroom::of(&pairs, spent),
            calls: plan.calls.map(|calls| calls.saturating_sub(spent)),
            per_rollout: spent as f64 / run.len().max(1) as f64,
            wrong: 0,
            told: 0,
            made_up: false,
        };
        for done in run {
            match &done.row.outcome {
                RowOutcome::Scored { score, .. } => {
                    facts.made_up |= score.objectives.contains_key(MADE_UP);
                    if score.value < 1.0 {
                        facts.wrong += 1;
                        facts.told += usize::from(score.feedback.is_some() || !score.feedback_for.is_empty());
                    }
                }
                RowOutcome::Failed { .. } => facts.wrong += 1,
                RowOutcome::Unjudged { .. } | RowOutcome::NotRun { .. } => {}
            }
        }
        facts
    }

    /// Begins the next optimizer, from the best so far.
    fn begin(&mut self) -> Result<()> {
        let Some(leg) = self.waiting.pop() else {
            self.stage = Stage::Over;
            return Ok(());
        };
        let mut plan = self.plan.clone();
        if let Some(best) = best(&self.found, plan.failure_score) {
            plan.start_from(&best);
        }
        let recipe = leg.recipe();
        self.stage = Stage::Leg(recipe.name().to_owned(), recipe.strategy(plan)?);
        Ok(())
    }

    /// Keeps what the optimizer under way has found.
    fn end(&mut self) {
        if let Stage::Leg(name, strategy) = &self.stage {
            let choice = strategy.best();
            let notes = choice.notes.into_iter();
            self.notes.extend(notes.map(|note| format!("{name}: {note}")));
            self.unscored = unscored(choice.best, &choice.candidates);
            merge(&mut self.found, choice.candidates);
        }
    }
}

/// The best, when it is one that was not scored.
fn unscored(best: Option<Arc<Candidate>>, candidates: &[Considered]) -> Option<Arc<Candidate>> {
    best.filter(|_| candidates.iter().all(|known| known.rows.is_empty()))
}

/// Adds candidates that are not known yet, and rows that were not.
fn merge(found: &mut Vec<Considered>, more: Vec<Considered>) {
    for new in more {
        match found
            .iter_mut()
            .find(|known| known.candidate.id() == new.candidate.id())
        {
            Some(known) => {
                let run = |considered: &Considered| considered.rows.iter().flatten().count();
                if run(&new) > run(known) {
                    known.rows = new.rows;
                }
            }
            None => found.push(new),
        }
    }
}

/// The best of those scored in full; among equals the first.
fn best(found: &[Considered], failure_score: f64) -> Option<Arc<Candidate>> {
    let mut best: Option<(&Considered, f64)> = None;
    for known in found {
        if let Some(mean) = known.mean(failure_score)
            && best.is_none_or(|(_, so_far)| mean > so_far)
        {
            best = Some((known, mean));
        }
    }
    best.map(|(known, _)| known.candidate.clone())
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        loop {
            match &mut self.stage {
                Stage::Look => {
                    return Ask::Rollouts(Batch {
                        phase: "look",
                        jobs: self.look(),
                    });
                }
                Stage::Leg(_, strategy) => {
                    if let Ask::Rollouts(batch) = strategy.ask() {
                        return Ask::Rollouts(batch);
                    }
                }
                Stage::Over => return Ask::Finished,
            }
            self.end();
            if let Err(error) = self.begin() {
                self.notes.push(format!("the next step could not begin: {error}"));
                self.stage = Stage::Over;
            }
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        match &mut self.stage {
            Stage::Leg(_, strategy) => strategy.tell(done),
            Stage::Look => {
                let jobs = self.look();
                let facts = self.facts(&jobs, &done);
                let decision = decide(&facts);
                self.waiting = decision.legs.iter().rev().cloned().collect();
                self.decision = Some(decision);
                let rows = done.into_iter().take(self.plan.valset.len()).collect();
                let baseline = Considered::of(&self.plan.baseline, rows);
                merge(&mut self.found, vec![baseline]);
                self.begin()
            }
            Stage::Over => Ok(()),
        }
    }

    fn best(&self) -> Choice {
        let mut candidates = self.found.clone();
        let mut notes = self.notes.clone();
        let mut made = self.unscored.clone();
        if let Stage::Leg(name, strategy) = &self.stage {
            let choice = strategy.best();
            made = unscored(choice.best, &choice.candidates);
            merge(&mut candidates, choice.candidates);
            notes.extend(choice.notes.into_iter().map(|note| format!("{name}: {note}")));
        }
        Choice {
            best: made.or_else(|| best(&candidates, self.plan.failure_score)),
            candidates,
            notes,
        }
    }

    fn reasons(&self) -> Vec<String> {
        self.decision
            .as_ref()
            .map(|decision| decision.reasons.clone())
            .unwrap_or_default()
    }

    fn confirms(&self) -> bool {
        self.decision
            .as_ref()
            .is_none_or(|decision| !decision.legs.is_empty())
    }
}
