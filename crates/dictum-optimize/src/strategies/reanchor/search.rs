//! The search: evidence, all searches side by side, the check.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use dictum_core::error::Result;

use super::cuts::{Cut, between};
use super::descent::{Descent, Point, Scores, mean};
use crate::candidate::Candidate;
use crate::plan::{Plan, ThresholdPart};
use crate::rng::Rng;
use crate::strategy::{Ask, Batch, Choice, Considered, Done, Job, Strategy};

pub(super) struct Search {
    plan: Plan,
    most: usize,
    folds: usize,
    stage: Stage,
    notes: Vec<String>,
}

enum Stage {
    Evidence,
    Searching(Searching),
    /// With what was found, if it was.
    Over(Option<Arc<Candidate>>),
}

struct Searching {
    /// The thresholds that can be moved, with what to try.
    parts: Vec<ThresholdPart>,
    axes: Vec<Vec<Cut>>,
    scores: Scores,
    /// On all rows.
    whole: Descent,
    /// On all rows but those beside it, each.
    parted: Vec<(Descent, Vec<usize>)>,
    asked: Vec<Point>,
}

impl Search {
    pub(super) fn new(plan: Plan, most: usize, folds: usize) -> Self {
        Self {
            plan,
            most,
            folds,
            stage: Stage::Evidence,
            notes: Vec::new(),
        }
    }

    fn jobs(&self, candidate: &Arc<Candidate>) -> Vec<Job> {
        let train = self.plan.trainset.iter();
        train
            .map(|example| Job::new(candidate.clone(), example.clone()))
            .collect()
    }

    fn scores(&self, done: &[Option<Arc<Done>>]) -> Vec<Option<f64>> {
        let score = |done: &Option<Arc<Done>>| done.as_ref()?.row.score(self.plan.failure_score);
        done.iter().map(score).collect()
    }

    /// From the evidence to the searches.
    fn begin(&mut self, done: &[Option<Arc<Done>>]) -> Stage {
        let (mut parts, mut axes) = (Vec::new(), Vec::new());
        for part in &self.plan.thresholds {
            let seen: Vec<f64> = done
                .iter()
                .flatten()
                .filter_map(|done| done.compared.get(&part.path))
                .flatten()
                .copied()
                .collect();
            let cuts = between(seen.clone(), self.most);
            if cuts.is_empty() {
                self.notes.push(match seen.first() {
                    None => format!(
                        "the threshold `{}` was never asked on the trainset: it stays {}",
                        part.path, part.value
                    ),
                    Some(value) => format!(
                        "the threshold `{}` saw the value {value} alone on the trainset: it stays {}",
                        part.path, part.value
                    ),
                });
                continue;
            }
            parts.push(part.clone());
            axes.push(cuts);
        }
        if axes.is_empty() {
            return Stage::Over(None);
        }
        let rows = self.plan.trainset.len();
        let mut shuffled: Vec<usize> = (0..rows).collect();
        Rng::of(&("reanchor folds", self.plan.seed)).shuffle(&mut shuffled);
        let folds = if rows < 2 { 0 } else { self.folds.min(rows) };
        let parted = (0..folds).map(|fold| {
            // In the order of the data: what is summed up should not depend on the shuffle beyond which rows they are.
            let (mut within, mut beside) = (Vec::new(), Vec::new());
            for (place, row) in shuffled.iter().enumerate() {
                match place % folds == fold {
                    true => beside.push(*row),
                    false => within.push(*row),
                }
            }
            within.sort_unstable();
            beside.sort_unstable();
            (Descent::new(within, axes.len()), beside)
        });
        let parted = parted.collect();
        let whole = Descent::new((0..rows).collect(), axes.len());
        let scores = Scores::from([(vec![0; axes.len()], self.scores(done))]);
        Stage::Searching(Searching {
            parts,
            axes,
            scores,
            whole,
            parted,
            asked: Vec::new(),
        })
    }

    /// Whether what the search found holds on rows that did not choose it.
    fn conclude(&self, found: &Searching) -> (Option<Arc<Candidate>>, Vec<String>) {
        let point = found.whole.at();
        if point.iter().all(|choice| *choice == 0) {
            let words = "no other threshold scores higher on the trainset: all stay as they are";
            return (None, vec![words.to_owned()]);
        }
        let start = vec![0; point.len()];
        let rows: Vec<usize> = (0..self.plan.trainset.len()).collect();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (descent, beside) in &found.parted {
            for row in beside {
                let score = |point: &Point| found.scores.get(point)?.get(*row).copied().flatten();
                if let (Some(first), Some(second)) = (score(&start), score(descent.at())) {
                    before.push(first);
                    after.push(second);
                }
            }
        }
        let held_out = [&before, &after].map(|scores| dictum_core::evaluate::stats::mean(scores));
        let mut notes = vec![format!(
            "{} scored {:.3} on the trainset, {:.3} before",
            found.words(point),
            mean(found.scores.get(point), &rows),
            mean(found.scores.get(&start), &rows),
        )];
        let (Some(first), Some(second)) = (held_out[0], held_out[1]) else {
            notes.push("the trainset is too small to check this on rows that did not choose it: all thresholds stay as they are".to_owned());
            return (None, notes);
        };
        let mut check = format!(
            "on rows that did not choose it, by {} folds, such a choice scored {second:.3}, {first:.3} before",
            found.parted.len()
        );
        let holds = second > first;
        if !holds {
            // Writing to a string can't fail.
            let _ = write!(
                check,
                ": it fits the trainset alone, and all thresholds stay as they are"
            );
        }
        notes.push(check);
        (holds.then(|| found.candidate(&self.plan.baseline, point)), notes)
    }
}

impl Searching {
    /// Points that are not scored yet and some search goes by; none when all are over.
    fn next(&mut self) -> Vec<Point> {
        loop {
            let parted = self.parted.iter_mut().map(|(descent, _)| descent);
            let mut under_way: Vec<&mut Descent> = std::iter::once(&mut self.whole)
                .chain(parted)
                .filter(|descent| !descent.is_over())
                .collect();
            if under_way.is_empty() {
                return Vec::new();
            }
            let mut known = HashSet::new();
            let wanted: Vec<Point> = under_way
                .iter()
                .flat_map(|descent| descent.wanted(&self.axes))
                .filter(|point| !self.scores.contains_key(point) && known.insert(point.clone()))
                .collect();
            if !wanted.is_empty() {
                return wanted;
            }
            for descent in &mut under_way {
                descent.advance(&self.axes, &self.scores);
            }
        }
    }

    /// The thresholds of a point that are not as the program has them.
    fn values(&self, point: &Point) -> impl Iterator<Item = (&str, f64)> {
        let all = self.parts.iter().zip(&self.axes).zip(point.clone());
        all.filter_map(|((part, cuts), choice)| {
            let cut = cuts.get(choice.checked_sub(1)?)?;
            Some((part.path.as_str(), cut.value))
        })
    }

    fn words(&self, point: &Point) -> String {
        let words: Vec<String> = self
            .values(point)
            .map(|(path, value)| format!("{path} {value:.4}"))
            .collect();
        words.join(", ")
    }

    fn candidate(&self, baseline: &Candidate, point: &Point) -> Arc<Candidate> {
        let mut candidate = baseline.labelled(&self.words(point)).made_from(&[baseline]);
        for (path, value) in self.values(point) {
            candidate = candidate.with_threshold(path, value);
        }
        Arc::new(candidate)
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        let points = match &mut self.stage {
            Stage::Over(_) => return Ask::Finished,
            Stage::Evidence => {
                return Ask::Rollouts(Batch {
                    phase: "evidence",
                    jobs: self.jobs(&self.plan.baseline),
                });
            }
            Stage::Searching(searching) => searching.next(),
        };
        let Stage::Searching(searching) = &self.stage else {
            return Ask::Finished;
        };
        if points.is_empty() {
            let (found, notes) = self.conclude(searching);
            self.notes.extend(notes);
            self.stage = Stage::Over(found);
            return Ask::Finished;
        }
        let jobs = points
            .iter()
            .flat_map(|point| self.jobs(&searching.candidate(&self.plan.baseline, point)))
            .collect();
        if let Stage::Searching(searching) = &mut self.stage {
            searching.asked = points;
        }
        Ask::Rollouts(Batch {
            phase: "search",
            jobs,
        })
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        if done.iter().any(Option::is_none) {
            // The budget is spent: nothing more will be asked, and half a search has found nothing.
            self.notes.push(
                "the budget ended before the thresholds were compared: all stay as they are".to_owned(),
            );
            self.stage = Stage::Over(None);
            return Ok(());
        }
        if matches!(self.stage, Stage::Evidence) {
            self.stage = self.begin(&done);
            return Ok(());
        }
        let rows = self.plan.trainset.len().max(1);
        let scores: Vec<_> = done.chunks(rows).map(|rows| self.scores(rows)).collect();
        if let Stage::Searching(searching) = &mut self.stage {
            let asked = std::mem::take(&mut searching.asked);
            searching.scores.extend(asked.into_iter().zip(scores));
        }
        Ok(())
    }

    fn best(&self) -> Choice {
        let best = match &self.stage {
            Stage::Over(found) => found.clone(),
            Stage::Evidence | Stage::Searching(_) => None,
        };
        let candidates = best.iter().map(|best| Considered::of(best, Vec::new()));
        Choice {
            candidates: candidates.collect(),
            best,
            notes: self.notes.clone(),
        }
    }
}
