//! How far means might have come out otherwise, with other seeds and other rows.
//!
//! The seeds of a search are measured on the same rows, so their scores are no independent samples: what makes one row hard for a
//! system makes it hard for all its seeds. The pigeonhole bootstrap (Owen, 2007) draws seeds and rows anew, each by themselves.

use dictum::evaluate::stats::Interval;

use crate::numbers::Numbers;
use crate::outcome::Outcome;

const ROUNDS: usize = 4_000;

/// The 95 % interval of the mean of these seeds; `None` without any, or if they were not measured on the same rows.
pub(crate) fn of_mean(seeds: &[Outcome]) -> Option<Interval> {
    let rows = rows_of([seeds])?;
    Some(drawn(rows, |rows, numbers| mean(seeds, rows, numbers)))
}

/// The 95 % interval of how far the mean of the first is above that of the second, both on the same rows.
pub(crate) fn of_difference(first: &[Outcome], second: &[Outcome]) -> Option<Interval> {
    let rows = rows_of([first, second])?;
    Some(drawn(rows, |rows, numbers| {
        mean(first, rows, numbers) - mean(second, rows, numbers)
    }))
}

/// How many rows all were measured on.
fn rows_of<'a>(all: impl IntoIterator<Item = &'a [Outcome]>) -> Option<usize> {
    let mut rows = None;
    for seeds in all {
        for seed in seeds {
            if seed.scores.is_empty() || rows.is_some_and(|rows| rows != seed.scores.len()) {
                return None;
            }
            rows = Some(seed.scores.len());
        }
        if seeds.is_empty() {
            return None;
        }
    }
    rows
}

/// What lies in the middle of the figures of many draws of rows.
fn drawn(rows: usize, figure: impl Fn(&[usize], &mut Numbers) -> f64) -> Interval {
    let mut numbers = Numbers::of(1);
    let mut figures: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let rows: Vec<usize> = (0..rows).map(|_| numbers.below(rows)).collect();
            figure(&rows, &mut numbers)
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * (ROUNDS - 1) as f64).round() as usize;
        figures.get(place).copied().unwrap_or_default()
    };
    Interval {
        low: at(0.025),
        high: at(0.975),
    }
}

/// The mean of as many seeds as there are, drawn anew, on these rows.
fn mean(seeds: &[Outcome], rows: &[usize], numbers: &mut Numbers) -> f64 {
    let drawn = (0..seeds.len()).filter_map(|_| seeds.get(numbers.below(seeds.len())));
    let of_one = |seed: &Outcome| {
        let scores = rows.iter().filter_map(|row| seed.scores.get(*row));
        scores.sum::<f64>() / rows.len() as f64
    };
    drawn.map(of_one).sum::<f64>() / seeds.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds whose score of a row is what the closure says.
    fn seeds(count: usize, rows: usize, score: impl Fn(usize, usize) -> f64) -> Vec<Outcome> {
        let one = |seed| Outcome {
            cell: String::new(),
            scores: (0..rows).map(|row| score(seed, row)).collect(),
            failed: 0,
            search: Default::default(),
            test: Default::default(),
            prompts: Default::default(),
            settings: Default::default(),
            notes: Vec::new(),
        };
        (0..count).map(one).collect()
    }

    fn width(interval: Interval) -> f64 {
        interval.high - interval.low
    }

    #[test]
    fn seeds_that_say_the_same_make_a_mean_no_surer() {
        let alike = |count| width(of_mean(&seeds(count, 100, |_, row| (row % 2) as f64)).unwrap());
        // Half of 100 rows: plus and minus 1.96 times 0.05.
        assert!((alike(1) - 0.196).abs() < 0.02, "{}", alike(1));
        assert!((alike(6) - alike(1)).abs() < 0.02);
        // Seeds that differ by themselves do make it surer.
        let differ = of_mean(&seeds(50, 100, |seed, row| {
            (((seed * 7 + row * 13) % 5) / 3) as f64
        }));
        assert!(width(differ.unwrap()) < 0.8 * alike(1));
    }

    #[test]
    fn a_difference_that_is_the_same_on_every_row_is_sure() {
        let worse = seeds(3, 100, |_, row| (row % 2) as f64 / 2.0);
        let better = seeds(4, 100, |_, row| (row % 2) as f64 / 2.0 + 0.25);
        let found = of_difference(&better, &worse).unwrap();
        assert!((found.low - 0.25).abs() < 1e-9 && (found.high - 0.25).abs() < 1e-9);
        let even = of_difference(&worse, &seeds(3, 100, |_, row| (row / 2 % 2) as f64 / 2.0)).unwrap();
        assert!(even.low < 0.0 && even.high > 0.0);
    }

    #[test]
    fn what_was_not_measured_on_the_same_rows_is_not_compared() {
        let (few, many) = (seeds(2, 10, |_, _| 1.0), seeds(2, 20, |_, _| 1.0));
        assert!(of_difference(&few, &many).is_none() && of_mean(&[]).is_none());
    }
}
