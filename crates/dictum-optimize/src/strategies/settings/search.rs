//! The search: which settings to score next, and which to take in the end.

use std::collections::HashMap;
use std::sync::Arc;

use dictum_core::error::Result;

use super::CheapestWithin;
use super::space::{Axis, candidate};
use crate::cost::{MeanCost, Objective};
use crate::front::{Found, Rival, cheapest_within};
use crate::plan::Plan;
use crate::scoreboard::Scoreboard;
use crate::strategy::{Ask, Batch, Choice, Considered, Done, Job, Saving, Strategy};

/// How many are scored at a time: enough to keep many calls in flight, few enough that the leader is soon a good one.
const GROUP: usize = 8;

/// One choice per axis.
type Choices = Vec<usize>;

pub(super) struct Search {
    plan: Plan,
    axes: Vec<Axis>,
    margin: f64,
    level: f64,
    by: Option<Objective>,
    board: Scoreboard,
    /// Places on the board.
    known: HashMap<Choices, usize>,
    way: Way,
    notes: Vec<String>,
}

/// What is left to do.
enum Way {
    /// All of these, the next one last.
    All(Vec<Choices>),
    /// One axis at a time, from here.
    Axes { at: Choices, up: bool, axis: usize },
}

/// What was found among those scored so far.
struct Verdict<'a> {
    scored: Vec<&'a Considered>,
    costs: Vec<MeanCost>,
    objective: Objective,
    found: Found,
}

impl Search {
    pub(super) fn new(settings: &CheapestWithin, plan: Plan, axes: Vec<Axis>) -> Self {
        let combinations = axes
            .iter()
            .try_fold(1_usize, |all, axis| all.checked_mul(axis.choices()))
            .unwrap_or(usize::MAX);
        let start: Choices = vec![0; axes.len()];
        let mut notes = Vec::new();
        let way = if combinations <= settings.most {
            let mut all = product(&axes);
            all.reverse();
            Way::All(all)
        } else {
            notes.push(format!(
                "of {combinations} combinations one setting was searched at a time: what needs two changes at once can be \
                 missed"
            ));
            Way::Axes {
                at: start,
                up: true,
                axis: 0,
            }
        };
        let board = Scoreboard::new(plan.valset.clone(), plan.failure_score);
        let board = match settings.racing {
            0.0 => board,
            rate => board.racing(rate, plan.seed).staying_within(settings.margin),
        };
        Self {
            plan,
            axes,
            margin: settings.margin,
            level: settings.level,
            by: settings.by,
            board,
            known: HashMap::new(),
            way,
            notes,
        }
    }

    /// The rollouts that score these choices, without those scored or dropped before.
    fn score(&mut self, wanted: Vec<Choices>) -> Vec<Job> {
        let mut fresh = Vec::new();
        for choices in wanted {
            if !self.known.contains_key(&choices) {
                let place = self.board.candidates().len() + fresh.len();
                let made = candidate(&self.plan.baseline, &self.plan.predictors, &self.axes, &choices);
                self.known.insert(choices, place);
                fresh.push(Arc::new(made));
            }
        }
        if fresh.is_empty() {
            return Vec::new();
        }
        self.board.ask(fresh)
    }

    /// The rollouts of the next candidates; none when there are no more.
    fn next(&mut self) -> Vec<Job> {
        // The program as it is first, alone: it is the first leader.
        let start = vec![0; self.axes.len()];
        if !self.known.contains_key(&start) {
            return self.score(vec![start]);
        }
        loop {
            let wanted = match &mut self.way {
                Way::All(waiting) => {
                    if waiting.is_empty() {
                        return Vec::new();
                    }
                    waiting.split_off(waiting.len().saturating_sub(GROUP))
                }
                Way::Axes { at, axis, .. } => match self.axes.get(*axis) {
                    Some(_) => along(at, *axis, &self.axes),
                    None => return Vec::new(),
                },
            };
            let jobs = self.score(wanted.into_iter().rev().collect());
            if !jobs.is_empty() {
                return jobs;
            }
            self.advance();
        }
    }

    /// Takes the choice of the axis under way, and goes to the next.
    fn advance(&mut self) {
        let Way::Axes { at, up, axis } = &self.way else {
            return;
        };
        let (mut at, mut up, mut axis) = (at.clone(), *up, *axis);
        let costs: Vec<(Choices, f64, Option<f64>)> = along(&at, axis, &self.axes)
            .into_iter()
            .filter_map(|choices| {
                let known = self.board.candidates().get(*self.known.get(&choices)?)?;
                let mean = known.mean(self.plan.failure_score)?;
                let cost = MeanCost::of(known)?.get(self.objective());
                Some((choices, mean, cost))
            })
            .collect();
        let best = self.board.best().map_or(0.0, |(_, mean)| mean);
        let least = if up { f64::NEG_INFINITY } else { best - self.margin };
        let mut taken: Option<&(Choices, f64, Option<f64>)> = None;
        for one in costs.iter().filter(|(_, mean, _)| *mean >= least) {
            let better = |known: &(Choices, f64, Option<f64>)| {
                let by_score = one.1.total_cmp(&known.1);
                // What is not known is not cheap.
                let (mine, theirs) = (one.2.unwrap_or(f64::INFINITY), known.2.unwrap_or(f64::INFINITY));
                let by_cost = theirs.total_cmp(&mine);
                let order = if up {
                    by_score.then(by_cost)
                } else {
                    by_cost.then(by_score)
                };
                order.is_gt()
            };
            if taken.is_none_or(better) {
                taken = Some(one);
            }
        }
        if let Some((choices, ..)) = taken {
            at.clone_from(choices);
        }
        axis += 1;
        if axis == self.axes.len() && up {
            up = false;
            axis = 0;
            if let Some((best, _)) = self.board.best()
                && let Some(choices) = self.choices_of(best.id())
            {
                at = choices;
            }
        }
        self.way = Way::Axes { at, up, axis };
    }

    fn choices_of(&self, id: &str) -> Option<Choices> {
        let place = self
            .board
            .candidates()
            .iter()
            .position(|known| known.candidate.id() == id)?;
        let found = self.known.iter().find(|(_, known)| **known == place);
        found.map(|(choices, _)| choices.clone())
    }

    /// What costs are compared by, as far as is known.
    fn objective(&self) -> Objective {
        let known = self.board.candidates().iter();
        let costs: Vec<MeanCost> = known.filter_map(MeanCost::of).collect();
        self.by.unwrap_or_else(|| Objective::common(&costs))
    }

    /// What is to be taken of those scored in full.
    fn verdict(&self) -> Option<Verdict<'_>> {
        let all = self.board.candidates();
        let scored: Vec<&Considered> = all
            .iter()
            .filter(|known| known.mean(self.plan.failure_score).is_some())
            .collect();
        let costs: Vec<MeanCost> = scored.iter().filter_map(|known| MeanCost::of(known)).collect();
        let objective = self.by.unwrap_or_else(|| Objective::common(&costs));
        let scores: Vec<Vec<Option<f64>>> = scored
            .iter()
            .map(|known| {
                let rows = known.rows.iter();
                rows.map(|done| done.as_ref()?.row.score(self.plan.failure_score))
                    .collect()
            })
            .collect();
        let rivals: Vec<Rival<'_>> = scored
            .iter()
            .zip(&costs)
            .zip(&scores)
            .filter_map(|((known, cost), scores)| {
                Some(Rival {
                    mean: known.mean(self.plan.failure_score)?,
                    cost: cost.get(objective),
                    scores,
                })
            })
            .collect();
        let found = cheapest_within(&rivals, self.margin, self.level, all.len())?;
        Some(Verdict {
            scored,
            costs,
            objective,
            found,
        })
    }

    fn words(&self, verdict: &Verdict<'_>) -> Vec<String> {
        let Verdict {
            scored,
            costs,
            objective,
            found,
        } = verdict;
        let by = objective.name();
        let mut notes = Vec::new();
        let label = |place: usize| scored.get(place).map_or("", |known| known.candidate.label());
        let cost = |place: usize| {
            let cost = costs.get(place).and_then(|cost| cost.get(*objective));
            cost.map_or_else(|| "an unknown cost".to_owned(), |cost| objective.show(cost))
        };
        // Nothing needs to be shown of the program as it is.
        let is_baseline = |place: usize| {
            scored
                .get(place)
                .is_some_and(|known| known.candidate.id() == self.plan.baseline.id())
        };
        let points = self.margin * 100.0;
        let confidence = (1.0 - self.level) * 100.0;
        if found.shown {
            notes.push(format!(
                "compared by {by}: `{}` takes {} per example, and is within {points} points of the best with {confidence} % \
                 confidence, corrected for {} combinations tried",
                label(found.place),
                cost(found.place),
                self.board.candidates().len()
            ));
        } else {
            notes.push(format!(
                "compared by {by}: of nothing that costs less than `{}` ({}) it could be shown with {confidence} % confidence \
                 that it is within {points} points of all others",
                label(found.place),
                cost(found.place),
            ));
        }
        if let Some((rows, place)) = found.more_rows.filter(|(_, place)| !is_baseline(*place)) {
            notes.push(format!(
                "`{}` would take {}; to show that it is within {points} points, if it is, would need about {rows} rows, of \
                 which there are {}",
                label(place),
                cost(place),
                self.plan.valset.len()
            ));
        }
        if self.by.is_none() && *objective != Objective::Money {
            let unpriced = scored.iter().zip(costs).find(|(_, cost)| cost.usd.is_none());
            if let Some((known, _)) = unpriced {
                notes.push(format!(
                    "the price of `{}` is not known, so {by} were compared; a price list for its model would tell more",
                    known.candidate.label()
                ));
            }
        }
        notes
    }
}

/// All choices of an axis, the others as they are.
fn along(at: &[usize], axis: usize, axes: &[Axis]) -> Vec<Choices> {
    let choices = axes.get(axis).map_or(0, Axis::choices);
    (0..choices)
        .map(|choice| {
            let mut choices = at.to_vec();
            if let Some(place) = choices.get_mut(axis) {
                *place = choice;
            }
            choices
        })
        .collect()
}

/// All combinations, the last axis fastest.
fn product(axes: &[Axis]) -> Vec<Choices> {
    let mut all: Vec<Choices> = vec![Vec::new()];
    for axis in axes {
        all = all
            .iter()
            .flat_map(|choices| {
                (0..axis.choices()).map(move |choice| choices.iter().copied().chain([choice]).collect())
            })
            .collect();
    }
    all
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        let mut jobs = self.board.more();
        if jobs.is_empty() {
            jobs = self.next();
        }
        if jobs.is_empty() {
            return Ask::Finished;
        }
        Ask::Rollouts(Batch {
            phase: "search",
            jobs,
        })
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.board.tell(done);
        Ok(())
    }

    fn best(&self) -> Choice {
        let verdict = self.verdict();
        let mut notes = self.notes.clone();
        notes.extend(verdict.iter().flat_map(|verdict| self.words(verdict)));
        notes.extend(self.board.saved());
        let best = verdict
            .and_then(|verdict| verdict.scored.get(verdict.found.place).copied())
            .map(|known| known.candidate.clone());
        Choice {
            best,
            candidates: self.board.candidates().to_vec(),
            notes,
        }
    }

    fn cheaper(&self) -> Option<Saving> {
        let verdict = self.verdict().filter(|verdict| verdict.found.shown)?;
        let cost = |place: usize| verdict.costs.get(place)?.get(verdict.objective);
        let is_baseline = |known: &&Considered| known.candidate.id() == self.plan.baseline.id();
        let saving = Saving {
            margin: self.margin,
            objective: verdict.objective,
            before: cost(verdict.scored.iter().position(is_baseline)?)?,
            after: cost(verdict.found.place)?,
        };
        (saving.after < saving.before).then_some(saving)
    }
}
