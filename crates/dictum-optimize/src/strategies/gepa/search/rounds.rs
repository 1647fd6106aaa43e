//! Which proposals begin, and when.

use std::sync::Arc;

use super::super::frontier::{wins, without_dominated};
use super::super::lane::{Lane, Rows, Stage};
use super::super::merge;
use super::Search;
use crate::candidate::Candidate;
use crate::rng::Rng;

/// On how many rows of the validation set a merge is tried.
const MERGE_ROWS: usize = 5;

impl Search {
    /// Lets go of what is over, and begins anew: a round when all of the last are over; where lanes don't wait for each other,
    /// one for each that is over. Says why there is nothing more, if there is nothing more.
    pub(super) fn refill(&mut self) -> Result<(), String> {
        let steady = self.how.sampling.steady();
        if steady || self.lanes.iter().all(|lane| lane.stage == Stage::Over) {
            let running = self.lanes.len();
            self.lanes.retain(|lane| lane.stage != Stage::Over);
            if self.lanes.len() < running {
                let new = self.tally.used() > self.before;
                self.idle = if new { 0 } else { self.idle + 1 };
                self.before = self.tally.used();
            }
        }
        while self.lanes.is_empty()
            || steady && self.lanes.len() < self.how.sampling.lanes() && !self.pool.members().is_empty()
        {
            match self.begin() {
                Ok(()) => {}
                // Those on their way may leave room.
                Err(_) if !self.lanes.is_empty() => break,
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Begins a round. Says why there is none, if there is none.
    fn begin(&mut self) -> Result<(), String> {
        if self.pool.members().is_empty() {
            let mut lane = Lane::new(
                Stage::Validate,
                Vec::new(),
                Rows::Val(Vec::new()),
                self.plan.valset.len(),
            );
            lane.texts = self.first.clone();
            lane.child = Some(self.plan.baseline.clone());
            self.lanes.push(lane);
            return Ok(());
        }
        if self
            .how
            .stop
            .enough(self.best.1, self.tally.proposals, self.best.0)
        {
            return Err("the search ended early, as asked for".into());
        }
        // Perfect minibatches and repeated proposals cost no rollouts, so the budget alone would not end this.
        if self.idle > self.batches.per_epoch() + 10 {
            return Err(format!(
                "the search ended, for {} rounds gave nothing new to try",
                self.idle
            ));
        }
        let due = self.how.merge && self.merges_due > 0 && self.found;
        self.found = false;
        if due && let Some(lane) = self.merge() {
            self.lanes.push(lane);
            return Ok(());
        }
        if !self.reflections() {
            return Err(match self.tally.proposals {
                0 => format!(
                    "the {} rollouts of the search have no room for a proposal: the validation set takes {}, and a proposal \
                     up to {}",
                    self.limit,
                    self.plan.valset.len(),
                    self.price()
                ),
                _ => "the search used its rollouts".into(),
            });
        }
        Ok(())
    }

    /// The most rollouts a proposal takes.
    fn price(&self) -> usize {
        2 * self.how.minibatch + self.plan.valset.len()
    }

    /// Begins proposals. Says whether there was room for any.
    fn reflections(&mut self) -> bool {
        let (fronts, means) = (self.pool.fronts(), self.pool.means());
        self.rounds += 1;
        let (how, seed, round) = (&self.how, self.plan.seed, self.rounds);
        let parents = how.sampling.parents(|place| {
            let mut rng = Rng::of(&("gepa parent", seed, round, place));
            how.parent.pick(&fronts, &means, &mut rng)
        });
        let running = self.lanes.len();
        for parent in parents {
            // Never more than the limit: what could not be scored in full is not begun.
            if self.room() < self.price() {
                break;
            }
            let rows = Rows::Train(self.batches.next(), Vec::new());
            let lane = Lane::new(Stage::Minibatch, vec![parent], rows, self.price());
            self.lanes.push(lane);
        }
        self.lanes.len() > running
    }

    /// The rollouts that are left when all proposals on their way take as many as they may.
    fn room(&self) -> usize {
        let reserved = self
            .lanes
            .iter()
            .map(|lane| lane.price.saturating_sub(lane.spent));
        self.limit
            .saturating_sub(self.tally.used() + reserved.sum::<usize>())
    }

    fn merge(&mut self) -> Option<Lane> {
        let means = self.pool.means();
        let mean = |place: usize| means.get(place).copied().unwrap_or(f64::NEG_INFINITY);
        let places: Vec<usize> = wins(&without_dominated(&self.pool.fronts(), mean))
            .into_keys()
            .collect();
        let mut rng = Rng::of(&(
            "gepa merge",
            self.plan.seed,
            self.tally.proposals,
            self.tally.merges,
        ));
        let merge = self.merged.find(&self.pool.known(), &places, &mut rng)?;
        let (one, two) = merge.of;
        let rows = merge::rows(
            &self.pool.scores(one),
            &self.pool.scores(two),
            MERGE_ROWS,
            &mut rng,
        );
        let price = rows.len() + self.plan.valset.len();
        if rows.is_empty() || self.room() < price {
            return None;
        }
        let number = self.tally.merges + 1;
        let mut lane = Lane::new(Stage::Trial, vec![one, two], Rows::Val(rows), price);
        lane.number = number;
        lane.texts = merge.texts;
        self.make(&mut lane);
        lane.child.is_some().then(|| {
            self.tally.merges = number;
            lane
        })
    }

    /// Makes the child of a lane from its texts, when it is a new one.
    pub(super) fn make(&mut self, lane: &mut Lane) {
        let label = if lane.merges() {
            format!("merge {}", lane.number)
        } else {
            format!("reflection {}", lane.number)
        };
        let parts = self.components.iter().zip(lane.texts.iter().zip(&self.first));
        // What is as it was stays unset, so that the same candidate has the same id.
        let changed = parts.filter(|(_, (text, first))| text != first);
        let texts = changed.map(|(part, (text, _))| (part.path(), text.as_str()));
        let child = self.plan.baseline.instructed(label, texts);
        let parents = lane.parents.iter().filter_map(|place| self.pool.get(*place));
        let parents: Vec<&Candidate> = parents.map(|member| &*member.considered.candidate).collect();
        let child = child.made_from(&parents);
        if self.seen.insert(child.id().to_owned()) {
            lane.child = Some(Arc::new(child));
        }
    }
}
