//! The tree-structured Parzen estimator over choices: which combination to try next.
//!
//! After Bergstra, Bardenet, Bengio and Kégl (2011, Algorithms for Hyper-Parameter Optimization), in the multivariate form:
//! the good trials and the others are two mixtures of products of categorical distributions, one component for each trial
//! and one for the prior, and the combination that is likeliest under the first and least under the second is tried next.
//! Constants and densities are those of Optuna's `TPESampler(multivariate=True, constant_liar=True)`, held to it by a
//! test on the same histories; its random numbers are our own.

use crate::rng::Rng;

/// A trial: the place of its choice in each dimension, and how good it was. Without a value it is still running; it counts
/// among the bad ones then, so that trials made at once keep apart.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) point: Vec<usize>,
    pub(super) value: Option<f64>,
}

/// Proposes combinations; higher values are better.
#[derive(Debug, Clone)]
pub(super) struct Tpe {
    /// How many choices each dimension has.
    choices: Vec<usize>,
}

/// So many finished trials are random before the first that is not.
pub(super) const STARTUP: usize = 10;
/// Combinations drawn from the good density, of which the best is taken.
const DRAWS: usize = 24;
/// The weight of the prior beside trials of weight 1.
const PRIOR: f64 = 1.0;
/// The latest trials that weigh in full; earlier ones fade.
const RECENT: usize = 25;

impl Tpe {
    /// Over dimensions of so many choices each; a dimension without any counts as one of a single choice.
    pub(super) fn new(choices: Vec<usize>) -> Self {
        Self {
            choices: choices.into_iter().map(|count| count.max(1)).collect(),
        }
    }

    /// The next combination to try after these trials. Among combinations drawn, those for which `unwanted` holds are taken
    /// only when there are no others.
    pub(super) fn next(
        &self,
        trials: &[Trial],
        unwanted: &dyn Fn(&[usize]) -> bool,
        rng: &mut Rng,
    ) -> Vec<usize> {
        let finished = trials.iter().filter(|trial| trial.value.is_some()).count();
        let densities = (finished >= STARTUP).then(|| self.densities(trials));
        let mut best: Option<(bool, f64, Vec<usize>)> = None;
        for _ in 0..DRAWS {
            let (point, gain) = match &densities {
                None => (self.choices.iter().map(|count| rng.below(*count)).collect(), 0.0),
                Some((good, bad)) => {
                    let point = good.draw(rng);
                    let gain = good.log(&point) - bad.log(&point);
                    (point, gain)
                }
            };
            let wanted = !unwanted(&point);
            let better = best
                .as_ref()
                .is_none_or(|(other, value, _)| (wanted, gain) > (*other, *value));
            if better {
                best = Some((wanted, gain, point));
            }
            if wanted && densities.is_none() {
                break;
            }
        }
        best.map_or_else(|| vec![0; self.choices.len()], |(_, _, point)| point)
    }

    /// The densities of the good trials and of the others.
    fn densities(&self, trials: &[Trial]) -> (Mixture, Mixture) {
        let good = good(trials);
        let points = |wanted: bool| {
            let of = trials.iter().zip(&good).filter(move |(_, good)| **good == wanted);
            of.map(|(trial, _)| trial.point.as_slice()).collect::<Vec<_>>()
        };
        (
            Mixture::of(&self.choices, &points(true)),
            Mixture::of(&self.choices, &points(false)),
        )
    }
}

/// Which trials are good: the best tenth of the finished ones, at most 25; among equals the earlier.
fn good(trials: &[Trial]) -> Vec<bool> {
    let mut finished: Vec<(usize, f64)> = trials
        .iter()
        .enumerate()
        .filter_map(|(place, trial)| Some((place, trial.value?)))
        .collect();
    finished.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let count = finished.len().div_ceil(10).min(25);
    let mut good = vec![false; trials.len()];
    for (place, _) in finished.into_iter().take(count) {
        if let Some(flag) = good.get_mut(place) {
            *flag = true;
        }
    }
    good
}

/// A mixture of products of categorical distributions.
#[derive(Debug)]
struct Mixture {
    weights: Vec<f64>,
    /// By component, by dimension, the probability of each choice.
    components: Vec<Vec<Vec<f64>>>,
}

impl Mixture {
    fn of(choices: &[usize], points: &[&[usize]]) -> Self {
        let kernels = (points.len() + 1) as f64;
        let mut weights = fading(points.len());
        weights.push(PRIOR);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let component = |point: Option<&[usize]>| {
            let dimension = |(place, count): (usize, &usize)| {
                let seen = point.and_then(|point| point.get(place));
                let raw = |choice| PRIOR / kernels + f64::from(u8::from(seen == Some(&choice)));
                let sum: f64 = (0..*count).map(raw).sum();
                (0..*count).map(|choice| raw(choice) / sum).collect()
            };
            choices.iter().enumerate().map(dimension).collect()
        };
        let points = points.iter().map(|point| Some(*point)).chain([None]);
        Self {
            weights,
            components: points.map(component).collect(),
        }
    }

    fn draw(&self, rng: &mut Rng) -> Vec<usize> {
        let place = rng.weighted(&self.weights).unwrap_or(0);
        let component = self.components.get(place).map(Vec::as_slice).unwrap_or_default();
        component
            .iter()
            .map(|chances| rng.weighted(chances).unwrap_or(0))
            .collect()
    }

    /// The logarithm of the probability of a combination.
    fn log(&self, point: &[usize]) -> f64 {
        let chance = |component: &Vec<Vec<f64>>| {
            let each = component.iter().zip(point);
            each.map(|(chances, choice)| chances.get(*choice).copied().unwrap_or(0.0))
                .product::<f64>()
        };
        let each = self.weights.iter().zip(&self.components);
        each.map(|(weight, component)| weight * chance(component))
            .sum::<f64>()
            .ln()
    }
}

/// The weights of trials in their order: the last 25 count in full, earlier ones less the longer ago they are.
fn fading(count: usize) -> Vec<f64> {
    let old = count.saturating_sub(RECENT);
    let least = 1.0 / count.max(1) as f64;
    let step = (1.0 - least) / old.saturating_sub(1).max(1) as f64;
    let weight = |place: usize| {
        if place < old {
            least + step * place as f64
        } else {
            1.0
        }
    };
    (0..count).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        choices: Vec<usize>,
        points: Vec<Vec<usize>>,
        values: Vec<Option<f64>>,
        good: Vec<bool>,
        asked: Vec<Vec<usize>>,
        log_good: Vec<f64>,
        log_bad: Vec<f64>,
    }

    /// The densities are Optuna's to 1e-9, on histories with fading, running and equal trials.
    #[test]
    fn densities_are_those_of_optuna() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/data/tpe.json")).unwrap();
        assert!(cases.len() >= 10);
        for (number, case) in cases.iter().enumerate() {
            let each = case.points.iter().zip(&case.values);
            let trials: Vec<Trial> = each
                .map(|(point, value)| Trial {
                    point: point.clone(),
                    value: *value,
                })
                .collect();
            assert_eq!(good(&trials), case.good, "case {number}");
            let (good, bad) = Tpe::new(case.choices.clone()).densities(&trials);
            for (place, point) in case.asked.iter().enumerate() {
                let off = [
                    good.log(point) - case.log_good[place],
                    bad.log(point) - case.log_bad[place],
                ];
                assert!(
                    off.iter().all(|off| off.abs() < 1e-9),
                    "case {number}, {point:?}: {off:?}"
                );
            }
        }
    }

    /// Two dimensions that are good together only: found far more often than by chance.
    #[test]
    fn the_best_of_many_combinations_is_found() {
        let tpe = Tpe::new(vec![6, 6, 6, 6]);
        let (mut ours, mut chance) = (0.0, 0.0);
        for seed in 0..40_u64 {
            let value = |point: &[usize]| {
                let hits = point.iter().filter(|choice| **choice == 2).count() as f64;
                hits + f64::from(u8::from(point[0] == 2 && point[1] == 2))
            };
            let best = |startup: bool| {
                let mut rng = Rng::of(&("tpe", seed, startup));
                let mut trials: Vec<Trial> = Vec::new();
                let mut best = 0.0_f64;
                for _ in 0..60 {
                    let known = if startup { &trials[..0] } else { &trials[..] };
                    let point = tpe.next(known, &|_| false, &mut rng);
                    best = best.max(value(&point));
                    trials.push(Trial {
                        value: Some(value(&point)),
                        point,
                    });
                }
                best
            };
            ours += best(false) / 40.0;
            chance += best(true) / 40.0;
        }
        assert!(ours > chance + 0.5, "{ours} {chance}");
    }

    /// Trials made at once, without knowing each other's values, don't all try the same.
    #[test]
    fn running_trials_are_kept_apart_from() {
        let tpe = Tpe::new(vec![8]);
        let trial = |place: usize| Trial {
            point: vec![place % 8],
            value: Some(if place % 8 == 3 { 1.0 } else { 0.0 }),
        };
        let mut trials: Vec<Trial> = (0..16).map(trial).collect();
        let mut tried = std::collections::HashSet::new();
        for number in 0..4 {
            let pending: Vec<Vec<usize>> = trials[16..].iter().map(|trial| trial.point.clone()).collect();
            let mut rng = Rng::of(&("apart", number));
            let point = tpe.next(
                &trials,
                &|point| pending.iter().any(|other| other == point),
                &mut rng,
            );
            tried.insert(point.clone());
            trials.push(Trial { point, value: None });
        }
        assert_eq!(tried.len(), 4);
    }
}
