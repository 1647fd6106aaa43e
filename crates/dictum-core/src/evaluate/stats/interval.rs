//! How sure a mean is.

use serde::{Deserialize, Serialize};

use super::{is_binary, mean};

/// A range that holds the true value with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its low end.
    pub low: f64,
    /// Its high end.
    pub high: f64,
}

/// The 97.5 % point of the normal distribution: two sides make 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of the mean of scores: [`wilson_interval`] when all are 0 or 1, else [`t_interval`], cut to 0..1 when
/// all scores are in it. `None` when there are too few scores to say.
#[must_use]
pub fn mean_interval(scores: &[f64]) -> Option<Interval> {
    if is_binary(scores) {
        let right = scores.iter().filter(|score| **score == 1.0).count();
        return wilson_interval(right, scores.len());
    }
    let interval = t_interval(scores)?;
    if scores.iter().all(|score| (0.0..=1.0).contains(score)) {
        return Some(Interval {
            low: interval.low.max(0.0),
            high: interval.high.min(1.0),
        });
    }
    Some(interval)
}

/// The 95 % interval of a proportion (Wilson 1927), which unlike the textbook one holds its promise for few rows and for
/// shares near 0 or 1 (Brown, Cai, DasGupta 2001). `None` of nothing.
#[must_use]
pub fn wilson_interval(successes: usize, n: usize) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let n = n as f64;
    let p = successes as f64 / n;
    let denominator = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / denominator;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / denominator;
    Some(Interval {
        low: (centre - half).max(0.0),
        high: (centre + half).min(1.0),
    })
}

/// The 95 % interval of a mean (Student 1908). `None` of fewer than two values.
#[must_use]
pub fn t_interval(values: &[f64]) -> Option<Interval> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let n = values.len() as f64;
    let variance = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum::<f64>()
        / (n - 1.0);
    let half = t975(values.len() - 1) * (variance / n).sqrt();
    Some(Interval {
        low: mean - half,
        high: mean + half,
    })
}

/// The 97.5 % point of the t distribution.
pub(super) fn t975(degrees: usize) -> f64 {
    const SMALL: [f64; 30] = [
        12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157,
        2.228_139, 2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922,
        2.093_024, 2.085_963, 2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831,
        2.048_407, 2.045_230, 2.042_272,
    ];
    if degrees == 0 {
        return f64::INFINITY;
    }
    if let Some(t) = SMALL.get(degrees - 1) {
        return *t;
    }
    // Cornish and Fisher's expansion around the normal point; off by less than 3e-6 from 30 degrees on.
    let v = degrees as f64;
    let first = (Z.powi(3) + Z) / 4.0;
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0;
    Z + first / v + second / (v * v) + third / (v * v * v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::stats::SplitMix;

    fn close(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() <= within, "{a} is not {b}");
    }

    #[test]
    fn wilson_gives_the_published_values() {
        // Newcombe 1998, table I (method 3): 81/263, 15/148, 0/20, 1/29.
        for (successes, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = wilson_interval(successes, n).unwrap();
            close(interval.low, low, 5e-5);
            close(interval.high, high, 5e-5);
        }
    }

    #[test]
    fn the_t_points_join_where_the_table_ends() {
        close(t975(31), 2.039_513, 3e-6);
        close(t975(40), 2.021_075, 3e-6);
        close(t975(120), 1.979_930, 3e-6);
        assert!(t975(31) < t975(30) && t975(30) - t975(31) < 0.004);
    }

    /// How often the interval of `n` draws holds the true mean.
    fn coverage(n: usize, truth: f64, seed: u64, mut draw: impl FnMut(&mut SplitMix) -> f64) -> f64 {
        let mut rng = SplitMix::new(seed);
        let runs = 4_000;
        let held = (0..runs)
            .filter(|_| {
                let scores: Vec<f64> = (0..n).map(|_| draw(&mut rng)).collect();
                let interval = mean_interval(&scores).unwrap();
                interval.low <= truth && truth <= interval.high
            })
            .count();
        held as f64 / f64::from(runs)
    }

    #[test]
    fn ninety_five_of_a_hundred_intervals_hold_the_truth() {
        for (n, p) in [(20, 0.5), (50, 0.81), (100, 0.05), (300, 0.95)] {
            let held = coverage(n, p, 1, |rng| f64::from(u8::from(rng.unit() < p)));
            assert!((0.93..=0.985).contains(&held), "{n} {p}: {held}");
        }
        // Scores as token F1 gives them: many zeros and ones, and something in between.
        let f1 = |rng: &mut SplitMix| match rng.unit() {
            u if u < 0.3 => 0.0,
            u if u < 0.7 => 1.0,
            _ => rng.unit(),
        };
        for n in [20, 100] {
            let held = coverage(n, 0.4 + 0.3 * 0.5, 2, f1);
            assert!((0.93..=0.97).contains(&held), "{n}: {held}");
        }
    }
}
