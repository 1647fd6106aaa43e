//! Combinations with what is known of their scores.

use std::collections::HashMap;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::evaluate::stats::mean;

use crate::candidate::Candidate;
use crate::rng::Rng;
use crate::strategy::{Considered, Done, Job};

/// Candidates with their rows so far. Minibatches and full evaluations fill the same rows.
pub(super) struct Board {
    valset: Vec<Arc<Example>>,
    /// The places of the validation set that are scored on.
    used: Vec<usize>,
    failure_score: f64,
    known: Vec<Considered>,
    by_id: HashMap<String, usize>,
    asked: Vec<(usize, usize)>,
}

impl Board {
    /// Scores on a random sample of so many examples.
    pub(super) fn new(valset: &[Arc<Example>], sample: usize, failure_score: f64, seed: u64) -> Self {
        let mut used: Vec<usize> = (0..valset.len()).collect();
        if sample < used.len() {
            Rng::of(&("validation sample", seed)).shuffle(&mut used);
            used.truncate(sample);
            used.sort_unstable();
        }
        Self {
            valset: valset.to_vec(),
            used,
            failure_score,
            known: Vec::new(),
            by_id: HashMap::new(),
            asked: Vec::new(),
        }
    }

    /// The place of a candidate; one that is the same program as a known one has that one's.
    pub(super) fn place(&mut self, candidate: Candidate) -> usize {
        if let Some(place) = self.by_id.get(candidate.id()) {
            return *place;
        }
        let place = self.known.len();
        self.by_id.insert(candidate.id().to_owned(), place);
        let rows = vec![None; self.valset.len()];
        self.known.push(Considered::of(&Arc::new(candidate), rows));
        place
    }

    /// Rollouts of a candidate on so many examples it has not been scored on, in random order; all of them without a number.
    pub(super) fn ask(&mut self, candidate: usize, rows: Option<usize>, mut rng: Rng) -> Vec<Job> {
        let Some(known) = self.known.get(candidate) else {
            return Vec::new();
        };
        let scored = |place: usize| known.rows.get(place).is_some_and(Option::is_some);
        let asked = |place: usize| self.asked.contains(&(candidate, place));
        let open = self
            .used
            .iter()
            .copied()
            .filter(|place| !scored(*place) && !asked(*place));
        let mut open: Vec<usize> = open.collect();
        if let Some(rows) = rows {
            rng.shuffle(&mut open);
            open.truncate(rows);
            open.sort_unstable();
        }
        let job = |place: &usize| {
            Some(Job::new(
                known.candidate.clone(),
                self.valset.get(*place)?.clone(),
            ))
        };
        let jobs: Vec<Job> = open.iter().filter_map(job).collect();
        self.asked
            .extend(open.into_iter().map(|place| (candidate, place)));
        jobs
    }

    /// What came of all that was asked, in its order.
    pub(super) fn tell(&mut self, done: Vec<Option<Arc<Done>>>) {
        for ((candidate, place), done) in std::mem::take(&mut self.asked).into_iter().zip(done) {
            let known = self.known.get_mut(candidate);
            if let Some(row) = known.and_then(|known| known.rows.get_mut(place)) {
                *row = done;
            }
        }
    }

    /// The mean over the rows scored so far.
    pub(super) fn mean(&self, candidate: usize) -> Option<f64> {
        mean(&self.known.get(candidate)?.scores(self.failure_score))
    }

    /// Whether it is scored on all that is used.
    pub(super) fn is_full(&self, candidate: usize) -> bool {
        let rows = self
            .known
            .get(candidate)
            .map(|known| known.rows.as_slice())
            .unwrap_or_default();
        let scored = |place: &usize| rows.get(*place).is_some_and(Option::is_some);
        self.used.iter().all(scored)
    }

    /// The best of those that are fully scored, or of those that are not; among equals the first.
    pub(super) fn best(&self, full: bool) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for candidate in 0..self.known.len() {
            if self.is_full(candidate) == full
                && let Some(mean) = self.mean(candidate)
                && best.is_none_or(|(_, so_far)| mean > so_far)
            {
                best = Some((candidate, mean));
            }
        }
        best
    }

    pub(super) fn candidate(&self, place: usize) -> Option<Arc<Candidate>> {
        self.known.get(place).map(|known| known.candidate.clone())
    }

    pub(super) fn all(&self) -> &[Considered] {
        &self.known
    }

    /// How many of the examples are used, of how many.
    pub(super) fn sample(&self) -> (usize, usize) {
        (self.used.len(), self.valset.len())
    }
}
