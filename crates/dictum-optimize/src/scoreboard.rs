//! Candidates with their scores on the validation set, for strategies that choose by them.

use std::sync::Arc;

use dictum_core::data::Example;

use crate::candidate::Candidate;
use crate::race::{self, PARTS};
use crate::rng::Rng;
use crate::strategy::{Considered, Done, Job};

/// Candidates with their scores on the validation set.
///
/// A strategy runs the jobs of [`Scoreboard::ask`], tells what came of them, and goes on with those of
/// [`Scoreboard::more`] until there are none.
#[derive(Debug)]
pub struct Scoreboard {
    valset: Vec<Arc<Example>>,
    failure_score: f64,
    candidates: Vec<Considered>,
    /// Candidates being scored, by their place.
    running: Vec<usize>,
    /// The rows asked for, by candidate and place in the validation set.
    asked: Vec<(usize, usize)>,
    race: Option<Race>,
}

#[derive(Debug)]
struct Race {
    error_rate: f64,
    /// How far below the leader, in sums of scores, still counts.
    margin: f64,
    /// The places of the validation set in the order they are run.
    order: Vec<usize>,
    /// Which part of the rows the running candidates are in.
    part: usize,
    /// The sum of scores to beat.
    leader: Option<f64>,
    saved: usize,
    dropped: usize,
}

impl Scoreboard {
    /// An empty board. A row the program failed on counts as `failure_score`.
    #[must_use]
    pub fn new(valset: Vec<Arc<Example>>, failure_score: f64) -> Self {
        Self {
            valset,
            failure_score,
            candidates: Vec::new(),
            running: Vec::new(),
            asked: Vec::new(),
            race: None,
        }
    }

    /// Stops the rollouts of a candidate when it can no longer win. One that would have beaten the best so far is dropped
    /// with at most this probability. The same seed gives the same order of rows.
    #[must_use]
    pub fn racing(mut self, error_rate: f64, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..self.valset.len()).collect();
        Rng::of(&("race", seed)).shuffle(&mut order);
        self.race = Some(Race {
            error_rate,
            margin: 0.0,
            order,
            part: 0,
            leader: None,
            saved: 0,
            dropped: 0,
        });
        self
    }

    /// In a race, candidates stay that may end at this mean below the leader or above. One that would is dropped with at most
    /// the probability of the race.
    pub(crate) fn staying_within(mut self, margin: f64) -> Self {
        let rows = self.valset.len() as f64;
        if let Some(race) = &mut self.race {
            race.margin = margin * rows;
        }
        self
    }

    /// The rollouts that score these candidates, one candidate after the other; in a race, the first of them.
    pub fn ask(&mut self, candidates: Vec<Arc<Candidate>>) -> Vec<Job> {
        let leader = self.leader();
        let first = self.candidates.len();
        self.running = (first..first + candidates.len()).collect();
        let empty = vec![None; self.valset.len()];
        let fresh = candidates
            .into_iter()
            .map(|candidate| Considered::of(&candidate, empty.clone()));
        self.candidates.extend(fresh);
        if let Some(race) = &mut self.race {
            race.part = 0;
            race.leader = leader;
        }
        self.part()
    }

    /// The next rollouts of the candidates still in the race; none when they are scored.
    pub fn more(&mut self) -> Vec<Job> {
        let Some(race) = &mut self.race else {
            return Vec::new();
        };
        race.part += 1;
        let rest = rows_from(race, self.valset.len());
        if let (Some(leader), true) = (race.leader, rest > 0) {
            let (candidates, failure_score) = (&self.candidates, self.failure_score);
            self.running.retain(|place| {
                let scores = candidates.get(*place).map(|known| known.scores(failure_score));
                let out = scores.is_some_and(|scores| {
                    race::hopeless(
                        &scores,
                        candidates.get(*place).map_or(0, |known| known.rows.len()),
                        // The hopeless end at the leader's sum or below: here at less than the margin's edge.
                        leader - race.margin,
                        race.error_rate,
                    )
                });
                if out {
                    race.saved += rest;
                    race.dropped += 1;
                }
                !out
            });
        }
        self.part()
    }

    /// The jobs of the part the running candidates are in.
    fn part(&mut self) -> Vec<Job> {
        let rows = self.valset.len();
        let places: Vec<usize> = match &self.race {
            // Where nobody leads yet, nobody can be dropped.
            Some(race) if race.leader.is_some() => {
                let (from, to) = (rows * race.part / PARTS, rows * (race.part + 1) / PARTS);
                race.order.get(from..to.min(rows)).unwrap_or_default().to_vec()
            }
            Some(race) if race.part > 0 => Vec::new(),
            _ => (0..rows).collect(),
        };
        self.asked.clear();
        let mut jobs = Vec::with_capacity(self.running.len() * places.len());
        for candidate in &self.running {
            let Some(known) = self.candidates.get(*candidate) else {
                continue;
            };
            for place in &places {
                if let Some(example) = self.valset.get(*place) {
                    self.asked.push((*candidate, *place));
                    jobs.push(Job::new(known.candidate.clone(), example.clone()));
                }
            }
        }
        jobs
    }

    /// What came of them, in their order.
    pub fn tell(&mut self, done: Vec<Option<Arc<Done>>>) {
        for ((candidate, place), done) in std::mem::take(&mut self.asked).into_iter().zip(done) {
            let known = self.candidates.get_mut(candidate);
            if let Some(row) = known.and_then(|known| known.rows.get_mut(place)) {
                *row = done;
            }
        }
    }

    /// All candidates, in the order they came.
    #[must_use]
    pub fn candidates(&self) -> &[Considered] {
        &self.candidates
    }

    /// The best of those fully scored, with its mean; among equals the first.
    #[must_use]
    pub fn best(&self) -> Option<(Arc<Candidate>, f64)> {
        let mut best: Option<(&Considered, f64)> = None;
        for considered in &self.candidates {
            if let Some(mean) = considered.mean(self.failure_score)
                && best.is_none_or(|(_, so_far)| mean > so_far)
            {
                best = Some((considered, mean));
            }
        }
        best.map(|(considered, mean)| (considered.candidate.clone(), mean))
    }

    /// What racing saved, in words for the report; `None` when it dropped nobody.
    #[must_use]
    pub fn saved(&self) -> Option<String> {
        let race = self.race.as_ref().filter(|race| race.dropped > 0)?;
        Some(format!(
            "racing: {} of {} candidates were dropped when they could no longer win (at most {} in 100 of those that would \
             have won), which saved {} rollouts",
            race.dropped,
            self.candidates.len(),
            race.error_rate * 100.0,
            race.saved
        ))
    }

    /// The sum of scores to beat in a race. Where rows don't count, sums can't be compared, and there is no race.
    fn leader(&self) -> Option<f64> {
        let (best, _) = self.best()?;
        let known = self
            .candidates
            .iter()
            .find(|known| known.candidate.id() == best.id())?;
        let scores = known.scores(self.failure_score);
        (scores.len() == self.valset.len()).then(|| scores.iter().sum())
    }
}

/// How many rows come from the part on that a race is in.
fn rows_from(race: &Race, rows: usize) -> usize {
    rows.saturating_sub(rows * race.part / PARTS)
}

impl Considered {
    pub(crate) fn of(candidate: &Arc<Candidate>, rows: Vec<Option<Arc<Done>>>) -> Self {
        Self {
            candidate: candidate.clone(),
            rows,
        }
    }

    /// The scores of the rows that count and were run; a row the program failed on counts as `failure_score`.
    pub(crate) fn scores(&self, failure_score: f64) -> Vec<f64> {
        let run = self.rows.iter().flatten();
        run.filter_map(|done| done.row.score(failure_score)).collect()
    }

    /// Mean of the rows that count, when all rows were run; a row the program failed on counts as `failure_score`.
    #[must_use]
    pub fn mean(&self, failure_score: f64) -> Option<f64> {
        if self.rows.iter().any(Option::is_none) {
            return None;
        }
        dictum_core::evaluate::stats::mean(&self.scores(failure_score))
    }
}
