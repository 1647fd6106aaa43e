//! What became of the proposals: the memory of what was tried, and the words for the report.

use super::lane::Lane;

/// What became of the proposals.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) proposals: usize,
    pub(super) accepted: usize,
    pub(super) rejected: usize,
    pub(super) repeated: usize,
    pub(super) unreadable: usize,
    pub(super) too_long: usize,
    pub(super) perfect: usize,
    pub(super) silent: usize,
    pub(super) merges: usize,
    pub(super) merged: usize,
    /// Rollouts on the trainset and on the validation set.
    pub(super) minibatch: usize,
    pub(super) validation: usize,
    /// What was tried: the parent's place, the predictor's, and the words about it.
    tried: Vec<(usize, usize, String)>,
}

/// How many earlier proposals a question shows.
const SHOWN: usize = 4;

impl Tally {
    /// Rollouts so far.
    pub(super) fn used(&self) -> usize {
        self.minibatch + self.validation
    }

    /// Remembers that a proposal was no better.
    pub(super) fn remember(&mut self, lane: &Lane) {
        let [parent] = lane.parents.as_slice() else {
            return;
        };
        for component in &lane.changed {
            if let Some(text) = lane.texts.get(*component) {
                self.tried.push((*parent, *component, text.clone()));
            }
        }
    }

    /// What was tried in place of a parent's instructions of a predictor, the last ones.
    pub(super) fn tried(&self, parent: usize, component: usize) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for (of, place, text) in self.tried.iter().rev() {
            if (*of, *place) == (parent, component) && !texts.contains(text) {
                texts.push(text.clone());
                if texts.len() == SHOWN {
                    break;
                }
            }
        }
        texts.reverse();
        texts
    }

    /// The words for the report.
    pub(super) fn words(&self, limit: usize) -> String {
        let mut words = format!(
            "{} proposals: {} accepted on their minibatch and scored, {} rejected",
            self.proposals, self.accepted, self.rejected
        );
        for (count, what) in [
            (self.repeated, "a repetition of earlier ones"),
            (self.unreadable, "without a readable answer"),
            (self.too_long, "longer than the limit"),
        ] {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        }
        for (count, what) in [
            (self.perfect, "were skipped, for all their answers were perfect"),
            (self.silent, "had nothing to learn from"),
        ] {
            if count > 0 {
                words.push_str(&format!("; {count} minibatches {what}"));
            }
        }
        if self.merges > 0 {
            words.push_str(&format!(
                "; merges tried: {}, accepted: {}",
                self.merges, self.merged
            ));
        }
        words.push_str(&format!(
            "; {} of {limit} rollouts used, {} on the validation set and {} on minibatches",
            self.used(),
            self.validation,
            self.minibatch
        ));
        words
    }
}
