//! How many rollouts the search may use, and when it has gone on for long enough.

use serde::Serialize;

/// How many rollouts of the program the search may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rollouts {
    /// What a search of so many candidates takes (see [`auto`]).
    Auto(u32),
    /// So many.
    Exactly(usize),
    /// As many as so many evaluations of the trainset and the validation set.
    FullEvals(usize),
}

/// The settings of a light, a medium and a heavy search.
pub(super) const LIGHT: u32 = 6;
pub(super) const MEDIUM: u32 = 12;
pub(super) const HEAVY: u32 = 18;

impl Rollouts {
    /// The limit, for so many predictors and examples.
    pub(super) fn limit(self, predictors: usize, train: usize, val: usize) -> usize {
        match self {
            Self::Auto(candidates) => auto(candidates, predictors, val),
            Self::Exactly(rollouts) => rollouts,
            Self::FullEvals(evals) => evals.saturating_mul(train + val),
        }
    }
}

/// The rollouts of a search that tries `candidates` for each predictor, as the reference reckons them: one full evaluation,
/// five rollouts to bootstrap each candidate, minibatches of 35 for every trial, and a full evaluation after every five.
fn auto(candidates: u32, predictors: usize, val: usize) -> usize {
    let n = f64::from(candidates);
    let trials = (4.0 * predictors as f64 * n.log2()).max(1.5 * n) as usize;
    let full = (trials + 1) / 5 + 1 + usize::from(trials < 5);
    val + 5 * candidates as usize + 35 * trials + full * val
}

/// When the search ends before its rollouts are used.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Stop {
    /// At this mean on the validation set.
    pub(super) score: Option<f64>,
    /// After so many proposals.
    pub(super) proposals: Option<usize>,
    /// After so many proposals since the best was found.
    pub(super) patience: Option<usize>,
}

impl Stop {
    /// Whether it is enough: the best mean, how many proposals there were, and how many when the best was found.
    pub(super) fn enough(&self, best: f64, proposals: usize, found_at: usize) -> bool {
        self.score.is_some_and(|score| best >= score)
            || self.proposals.is_some_and(|most| proposals >= most)
            || self
                .patience
                .is_some_and(|most| proposals.saturating_sub(found_at) >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference gives these figures.
    #[test]
    fn the_automatic_budget_is_the_references() {
        let all =
            |predictors, val| [LIGHT, MEDIUM, HEAVY].map(|n| Rollouts::Auto(n).limit(predictors, 9, val));
        assert_eq!(all(1, 30), [500, 840, 1245]);
        assert_eq!(all(1, 100), [780, 1190, 1735]);
        assert_eq!(all(3, 50), [1515, 2065, 2440]);
        assert_eq!(Rollouts::FullEvals(3).limit(2, 20, 30), 150);
    }

    #[test]
    fn each_rule_ends_the_search_alone() {
        let none = Stop::default();
        assert!(!none.enough(1.0, 1_000, 0));
        let score = Stop {
            score: Some(0.9),
            ..none
        };
        assert!(!score.enough(0.89, 9, 0) && score.enough(0.9, 9, 0));
        let proposals = Stop {
            proposals: Some(9),
            ..none
        };
        assert!(!proposals.enough(0.5, 8, 0) && proposals.enough(0.5, 9, 0));
        let patience = Stop {
            patience: Some(4),
            ..none
        };
        assert!(!patience.enough(0.5, 8, 5) && patience.enough(0.5, 9, 5));
    }
}
