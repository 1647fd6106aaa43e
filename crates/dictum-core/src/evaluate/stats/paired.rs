//! Whether two columns of scores on the same rows differ.

use super::interval::t975;
use super::{Interval, SplitMix, mean};

/// Two-sided p value of McNemar's exact test: how likely it is, if neither program were better, that rows where only one is
/// right fall so unevenly. `first` rows only the one program got right, `second` only the other (McNemar 1947; exact form
/// by the binomial distribution).
#[must_use]
pub fn mcnemar(first: usize, second: usize) -> f64 {
    let n = first + second;
    // In logarithms: the single terms underflow from about a thousand rows on.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = log_term.exp();
    for k in 1..=first.min(second) {
        log_term += ((n - k + 1) as f64).ln() - (k as f64).ln();
        tail += log_term.exp();
    }
    (2.0 * tail).min(1.0)
}

/// Up to this many differing rows all sign patterns are counted; beyond, `rounds` random ones.
const EXACT: usize = 12;

/// Two-sided p value of the paired permutation test (Fisher 1935): how likely it is, if the two programs were
/// interchangeable on every row, that the differences sum up so far from 0. Exact up to 12 rows that differ, else by
/// `rounds` seeded random sign patterns, the observed one counted among them, so that it is never 0.
#[must_use]
pub fn paired_permutation(differences: &[f64], seed: u64, rounds: usize) -> f64 {
    let moved: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let size: f64 = moved.iter().map(|d| d.abs()).sum();
    // Sums of the same numbers in other orders differ in their last bits.
    let observed = moved.iter().sum::<f64>().abs() - 1e-12 * size;
    let sum = |mut signs: u64, moved: &[f64]| {
        let mut sum = 0.0;
        for d in moved {
            sum += if signs & 1 == 1 { *d } else { -*d };
            signs >>= 1;
        }
        sum
    };
    if moved.len() <= EXACT {
        let all = 1_u64 << moved.len();
        let extreme = (0..all)
            .filter(|signs| sum(*signs, &moved).abs() >= observed)
            .count();
        return extreme as f64 / all as f64;
    }
    let mut rng = SplitMix::new(seed);
    let extreme = (0..rounds)
        .filter(|_| {
            let total: f64 = moved.chunks(64).map(|part| sum(rng.next_u64(), part)).sum();
            total.abs() >= observed
        })
        .count();
    (extreme + 1) as f64 / (rounds + 1) as f64
}

/// The 95 % interval of a mean by the seeded bootstrap, percentile method (Efron 1979), widened for small samples as
/// Hesterberg (2015) advises, since plain percentiles are too narrow by the factors of Student's t and of n - 1. `None` of
/// fewer than two values.
#[must_use]
pub fn bootstrap_interval(values: &[f64], seed: u64, rounds: usize) -> Option<Interval> {
    let centre = mean(values).filter(|_| values.len() > 1 && rounds > 0)?;
    let n = values.len();
    let mut rng = SplitMix::new(seed);
    let mut means: Vec<f64> = (0..rounds)
        .map(|_| {
            let draw = |_| values.get(rng.below(n)).copied().unwrap_or_default();
            (0..n).map(draw).sum::<f64>() / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * (rounds - 1) as f64).round() as usize;
        means.get(place).copied().unwrap_or(centre)
    };
    let wider = t975(n - 1) / t975(usize::MAX) * (n as f64 / (n - 1) as f64).sqrt();
    Some(Interval {
        low: centre + (at(0.025) - centre) * wider,
        high: centre + (at(0.975) - centre) * wider,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_gives_the_binomial_tail() {
        // 2 * sum_{k<=1} C(8, k) / 2^8 = 18/256; 2 * sum_{k<=2} C(10, k) / 2^10 = 112/1024.
        for (first, second, p) in [
            (1, 7, 18.0 / 256.0),
            (8, 2, 112.0 / 1024.0),
            (5, 5, 1.0),
            (0, 0, 1.0),
        ] {
            assert!((mcnemar(first, second) - p).abs() < 1e-12, "{first} {second}");
        }
        // Agresti, Categorical Data Analysis: approval ratings, 150 against 86: z = 4.17, so p near 3e-5.
        let p = mcnemar(150, 86);
        assert!((2e-5..5e-5).contains(&p), "{p}");
        assert!(mcnemar(40_000, 41_000) > 0.0);
    }

    #[test]
    fn the_exact_permutation_test_counts_sign_patterns() {
        // All five differences point one way: 2 of 32 patterns are as extreme.
        assert!((paired_permutation(&[0.1, 0.2, 0.3, 0.0, 0.4, 0.5], 0, 0) - 2.0 / 32.0).abs() < 1e-12);
        assert!((paired_permutation(&[], 0, 0) - 1.0).abs() < 1e-12);
        // Darwin's maize (Fisher 1935): 1,726 of 32,768 patterns.
        let darwin = [
            49., -67., 8., 16., 6., 23., 28., 41., 14., 29., 56., 24., 75., 60., -48.,
        ];
        let p = paired_permutation(&darwin, 3, 40_000);
        assert!((p - 1_726.0 / 32_768.0).abs() < 0.004, "{p}");
    }

    #[test]
    fn the_permutation_test_cries_wolf_one_time_in_twenty() {
        let mut rng = SplitMix::new(11);
        let runs = 1_000;
        let alarms = (0..runs)
            .filter(|run| {
                let differences: Vec<f64> = (0..30).map(|_| rng.unit() - rng.unit()).collect();
                paired_permutation(&differences, *run, 400) < 0.05
            })
            .count();
        let rate = alarms as f64 / runs as f64;
        assert!((0.03..=0.07).contains(&rate), "{rate}");
    }

    #[test]
    fn the_bootstrap_interval_holds_the_truth_for_small_and_skewed_samples() {
        let mut rng = SplitMix::new(5);
        let runs = 500;
        let held = (0..runs)
            .filter(|run| {
                // One in four rows improves, one in ten worsens.
                let draw = |rng: &mut SplitMix| match rng.unit() {
                    u if u < 0.25 => 1.0,
                    u if u < 0.35 => -1.0,
                    _ => 0.0,
                };
                let values: Vec<f64> = (0..25).map(|_| draw(&mut rng)).collect();
                let interval = bootstrap_interval(&values, *run, 400).unwrap();
                interval.low <= 0.15 && 0.15 <= interval.high
            })
            .count();
        let share = held as f64 / runs as f64;
        assert!((0.92..=0.99).contains(&share), "{share}");
    }
}
