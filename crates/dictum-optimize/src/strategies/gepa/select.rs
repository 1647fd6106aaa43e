//! Which candidate the next proposal starts from.

use std::collections::BTreeSet;

use serde::Serialize;

use super::frontier::{Fronts, wins, without_dominated};
use crate::rng::Rng;

/// Which candidate a proposal starts from.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parent {
    /// One of the front, without those dominated there, each as likely as the number of its fronts says.
    #[default]
    Pareto,
    /// The best in the mean so far.
    CurrentBest,
    /// The best in the mean; with this probability any.
    EpsilonGreedy(f64),
    /// As [`Parent::Pareto`], among so many best in the mean.
    TopPareto(usize),
}

impl Parent {
    /// Picks a candidate by its place. `means` are those of all candidates.
    pub(super) fn pick(self, fronts: &Fronts, means: &[f64], rng: &mut Rng) -> usize {
        match self {
            Self::Pareto => pareto(fronts, means, rng),
            Self::CurrentBest => best(means),
            Self::EpsilonGreedy(epsilon) => {
                if rng.unit() < epsilon {
                    rng.below(means.len())
                } else {
                    best(means)
                }
            }
            Self::TopPareto(most) => {
                let mut order: Vec<usize> = (0..means.len()).collect();
                order.sort_by(|a, b| mean(means, *b).total_cmp(&mean(means, *a)));
                order.truncate(most.max(1));
                let top: BTreeSet<usize> = order.into_iter().collect();
                let fronts = fronts
                    .iter()
                    .map(|(key, front)| (key.clone(), front.intersection(&top).copied().collect()))
                    .collect();
                pareto(&fronts, means, rng)
            }
        }
    }
}

fn mean(means: &[f64], place: usize) -> f64 {
    means.get(place).copied().unwrap_or(f64::NEG_INFINITY)
}

/// The first of the best.
fn best(means: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in means.iter().enumerate() {
        if *value > mean(means, best) {
            best = place;
        }
    }
    best
}

fn pareto(fronts: &Fronts, means: &[f64], rng: &mut Rng) -> usize {
    let wins = wins(&without_dominated(fronts, |place| mean(means, place)));
    let places: Vec<usize> = wins.keys().copied().collect();
    let weights: Vec<f64> = wins.values().map(|wins| *wins as f64).collect();
    let picked = rng.weighted(&weights).and_then(|place| places.get(place));
    // No front at all: no row counted anywhere.
    picked.copied().unwrap_or_else(|| best(means))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places 1 and 2 stand on three and one fronts; 0 is dominated; 3 is on none.
    fn example() -> (Fronts, [f64; 4]) {
        let front = |place: usize, of: &[usize]| ((Some(place), None), of.iter().copied().collect());
        let fronts = Fronts::from([front(0, &[1]), front(1, &[0, 1]), front(2, &[2]), front(3, &[1])]);
        (fronts, [0.3, 0.6, 0.9, 0.1])
    }

    fn counts(parent: Parent) -> [usize; 4] {
        let (fronts, means) = example();
        let mut counts = [0; 4];
        for seed in 0..4_000 {
            counts[parent.pick(&fronts, &means, &mut Rng::of(&("select", seed)))] += 1;
        }
        counts
    }

    /// Whether a count of 4000 is what this share gives, within five standard deviations.
    fn near(count: usize, share: f64) -> bool {
        (count as f64 - 4_000.0 * share).abs() < 5.0 * (4_000.0 * share * (1.0 - share)).sqrt() + 1e-9
    }

    #[test]
    fn each_rule_picks_as_often_as_it_says() {
        let pareto = counts(Parent::Pareto);
        assert!(
            pareto[0] == 0 && pareto[3] == 0 && near(pareto[1], 0.75),
            "{pareto:?}"
        );
        assert_eq!(counts(Parent::CurrentBest), [0, 0, 4_000, 0]);
        let greedy = counts(Parent::EpsilonGreedy(0.2));
        assert!(near(greedy[2], 0.85) && near(greedy[3], 0.05), "{greedy:?}");
        assert_eq!(counts(Parent::TopPareto(1)), [0, 0, 4_000, 0]);
        let top = counts(Parent::TopPareto(2));
        assert!(near(top[1], 0.75) && near(top[2], 0.25), "{top:?}");
    }
}
