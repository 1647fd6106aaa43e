//! The candidates that were scored on the validation set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dictum_core::error::{Error, Result};
use dictum_core::evaluate::RowOutcome;

use super::frontier::{Frontier, Fronts, Key, Marks, fronts};
use super::merge::Known;
use crate::candidate::Candidate;
use crate::strategy::{Considered, Done};

/// A scored candidate.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) considered: Considered,
    /// The instructions of each predictor.
    pub(super) texts: Vec<String>,
    /// The members it was made from.
    pub(super) parents: Vec<usize>,
    /// Which predictor takes its turn next.
    pub(super) turn: usize,
    mean: Option<f64>,
}

/// The scored candidates, in the order they came.
#[derive(Debug)]
pub(super) struct Pool {
    frontier: Frontier,
    failure_score: f64,
    members: Vec<Member>,
    /// The objectives the metric gave so far.
    objectives: BTreeSet<String>,
}

impl Pool {
    pub(super) fn new(frontier: Frontier, failure_score: f64) -> Self {
        Self {
            frontier,
            failure_score,
            members: Vec::new(),
            objectives: BTreeSet::new(),
        }
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn get(&self, place: usize) -> Option<&Member> {
        self.members.get(place)
    }

    pub(super) fn set_turn(&mut self, place: usize, turn: usize) {
        if let Some(member) = self.members.get_mut(place) {
            member.turn = turn;
        }
    }

    /// Adds a candidate with its rows on the validation set. It goes on with the turns of its parents.
    pub(super) fn add(
        &mut self,
        candidate: &Arc<Candidate>,
        texts: Vec<String>,
        parents: Vec<usize>,
        rows: Vec<Option<Arc<Done>>>,
    ) -> Result<()> {
        for done in rows.iter().flatten() {
            if let RowOutcome::Scored { score, .. } = &done.row.outcome {
                self.objectives.extend(score.objectives.keys().cloned());
            }
        }
        let run = rows.iter().flatten();
        let scored = run
            .filter(|done| matches!(done.row.outcome, RowOutcome::Scored { .. }))
            .count();
        if self.frontier.needs_objectives() && self.objectives.is_empty() && scored > 0 {
            return Err(Error::input(
                "frontier",
                "is one of objectives, but the metric gives none (`Score::with_objective`)",
            ));
        }
        let considered = Considered::of(candidate, rows);
        let turns = parents.iter().filter_map(|parent| Some(self.get(*parent)?.turn));
        self.members.push(Member {
            turn: turns.max().unwrap_or(0),
            mean: considered.mean(self.failure_score),
            considered,
            texts,
            parents,
        });
        Ok(())
    }

    /// The scores of a member's rows.
    pub(super) fn scores(&self, place: usize) -> Vec<Option<f64>> {
        let rows = self.get(place).map_or(&[][..], |member| &member.considered.rows);
        let score = |done: &Option<Arc<Done>>| done.as_ref()?.row.score(self.failure_score);
        rows.iter().map(score).collect()
    }

    /// The means of all members; those not scored in full have the lowest.
    pub(super) fn means(&self) -> Vec<f64> {
        let mean = |member: &Member| member.mean.unwrap_or(f64::NEG_INFINITY);
        self.members.iter().map(mean).collect()
    }

    /// The best of those scored in full, with its mean; among equals the first.
    pub(super) fn best(&self) -> Option<(&Member, f64)> {
        let scored = self
            .members
            .iter()
            .filter_map(|member| Some((member, member.mean?)));
        scored.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    /// Who is best at what.
    pub(super) fn fronts(&self) -> Fronts {
        let values: Vec<BTreeMap<Key, f64>> = self.members.iter().map(|member| self.values(member)).collect();
        fronts(values.iter().enumerate())
    }

    fn values(&self, member: &Member) -> BTreeMap<Key, f64> {
        let marks = |done: &Option<Arc<Done>>| match done.as_ref().map(|done| &done.row.outcome) {
            Some(RowOutcome::Scored { score, .. }) => Marks {
                score: Some(score.value),
                objectives: score.objectives.clone(),
            },
            // A failure must not make the mean of the other rows look good.
            Some(RowOutcome::Failed { .. }) => Marks {
                score: Some(self.failure_score),
                objectives: self
                    .objectives
                    .iter()
                    .map(|name| (name.clone(), self.failure_score))
                    .collect(),
            },
            _ => Marks::default(),
        };
        let rows: Vec<Marks> = member.considered.rows.iter().map(marks).collect();
        self.frontier.values(&rows)
    }

    /// The members as merging sees them.
    pub(super) fn known(&self) -> Vec<Known> {
        let known = |member: &Member| Known {
            texts: member.texts.clone(),
            parents: member.parents.clone(),
            mean: member.mean.unwrap_or(f64::NEG_INFINITY),
        };
        self.members.iter().map(known).collect()
    }
}
