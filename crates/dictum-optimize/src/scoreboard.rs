//! Candidates with their scores on the validation set, for strategies that choose by them.

use std::sync::Arc;

use dictum_core::data::Example;

use crate::candidate::Candidate;
use crate::strategy::{Considered, Done, Job};

/// Candidates with their scores on the validation set.
#[derive(Debug)]
pub struct Scoreboard {
    valset: Vec<Arc<Example>>,
    failure_score: f64,
    candidates: Vec<Considered>,
    /// How many of the candidates, the last ones, are being scored.
    asked: usize,
}

impl Scoreboard {
    /// An empty board. A row the program failed on counts as `failure_score`.
    #[must_use]
    pub fn new(valset: Vec<Arc<Example>>, failure_score: f64) -> Self {
        Self {
            valset,
            failure_score,
            candidates: Vec::new(),
            asked: 0,
        }
    }

    /// The rollouts that score these candidates, one candidate after the other.
    pub fn ask(&mut self, candidates: Vec<Arc<Candidate>>) -> Vec<Job> {
        self.asked = candidates.len();
        let mut jobs = Vec::with_capacity(candidates.len() * self.valset.len());
        for candidate in candidates {
            jobs.extend(
                self.valset
                    .iter()
                    .map(|example| Job::new(candidate.clone(), example.clone())),
            );
            self.candidates.push(Considered {
                candidate,
                rows: Vec::new(),
            });
        }
        jobs
    }

    /// What came of them, in their order.
    pub fn tell(&mut self, done: Vec<Option<Arc<Done>>>) {
        let first = self.candidates.len().saturating_sub(self.asked);
        let rows = done.chunks(self.valset.len().max(1));
        for (considered, rows) in self.candidates.iter_mut().skip(first).zip(rows) {
            considered.rows = rows.to_vec();
        }
        self.asked = 0;
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
}

impl Considered {
    pub(crate) fn of(candidate: &Arc<Candidate>, rows: Vec<Option<Arc<Done>>>) -> Self {
        Self {
            candidate: candidate.clone(),
            rows,
        }
    }

    /// Mean of the rows that count, when all rows were run; a row the program failed on counts as `failure_score`.
    #[must_use]
    pub fn mean(&self, failure_score: f64) -> Option<f64> {
        let mut scores = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            scores.extend(row.as_ref()?.row.score(failure_score));
        }
        dictum_core::evaluate::stats::mean(&scores)
    }
}
