//! Whether one program is better than another.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::report::Scale;
use super::stats::{Interval, bootstrap_interval, is_binary, mcnemar, paired_permutation};
use super::{Evaluation, Row};
use crate::lm::Digest;

/// Two programs on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Rows compared: those that count in both evaluations.
    pub rows: usize,
    /// Rows of either evaluation that could not be paired.
    pub unpaired: usize,
    /// Mean of the first on these rows; 0 without rows.
    pub first: f64,
    /// Mean of the second on these rows; 0 without rows.
    pub second: f64,
    /// How much better the second is: `second - first`.
    pub difference: f64,
    /// The difference's 95 % interval, by the paired bootstrap; `None` with fewer than two rows.
    pub interval: Option<Interval>,
    /// How likely a difference of this size is if neither program were better.
    pub p_value: f64,
    /// The test that gave the p value.
    pub test: Test,
    /// Rows the second does better on.
    pub wins: usize,
    /// Rows the second does worse on.
    pub losses: usize,
    /// Rows both do the same on.
    pub ties: usize,
    percent: bool,
}

/// A paired test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// McNemar's exact test, for scores of 0 and 1.
    McNemar,
    /// The permutation test, for all others.
    Permutation,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The second is better, and not by chance.
    Improved,
    /// What difference there is may well be chance.
    NoDifference,
    /// The second is worse, and not by chance.
    Worse,
}

/// Random rounds of a test: fewer where rows are so many that each round says more, and takes longer.
fn rounds(rows: usize) -> usize {
    (100_000_000 / rows.max(1)).clamp(1_000, 10_000)
}

/// Compares two evaluations of the same metric on the same data, the second against the first.
///
/// Rows are paired by example id (and, where an example stands several times, by which time it is). Rows not judged or not
/// run in either are left out and counted. What is random is seeded by the rows' ids, so the same evaluations always
/// compare the same.
#[must_use]
pub fn compare(first: &Evaluation, second: &Evaluation) -> Comparison {
    let theirs = by_id(second);
    let mut ids: Vec<&str> = Vec::new();
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    for (key, row) in keyed(first) {
        let a = row.score(first.failure_score());
        let b = theirs.get(&key).and_then(|row| row.score(second.failure_score()));
        if let (Some(a), Some(b)) = (a, b) {
            ids.push(key.0);
            pairs.push((a, b));
        }
    }
    let unpaired = first.rows().len() + second.rows().len() - 2 * pairs.len();
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let scores: Vec<f64> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let seed = Digest::of(&ids).to_u64();
    let wins = differences.iter().filter(|d| **d > 0.0).count();
    let losses = differences.iter().filter(|d| **d < 0.0).count();
    let (test, p_value) = if is_binary(&scores) {
        (Test::McNemar, mcnemar(wins, losses))
    } else {
        (
            Test::Permutation,
            paired_permutation(&differences, seed, rounds(pairs.len())),
        )
    };
    let n = pairs.len().max(1) as f64;
    let percent = Scale::of(&scores) == Scale::Percent;
    // Small samples widen the interval, but no two scores from 0 to 1 differ by more than 1.
    let possible = |interval: Interval| match percent {
        true => Interval {
            low: interval.low.max(-1.0),
            high: interval.high.min(1.0),
        },
        false => interval,
    };
    Comparison {
        rows: pairs.len(),
        unpaired,
        first: pairs.iter().map(|(a, _)| a).sum::<f64>() / n,
        second: pairs.iter().map(|(_, b)| b).sum::<f64>() / n,
        difference: differences.iter().sum::<f64>() / n,
        interval: bootstrap_interval(&differences, seed ^ 1, rounds(pairs.len())).map(possible),
        p_value,
        test,
        wins,
        losses,
        ties: pairs.len() - wins - losses,
        percent,
    }
}

/// Rows with their example's id and how many rows before have the same.
fn keyed(evaluation: &Evaluation) -> impl Iterator<Item = ((&str, usize), &Row)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    evaluation.rows().iter().map(move |row| {
        let times = seen.entry(row.example.id()).or_default();
        *times += 1;
        ((row.example.id(), *times), row)
    })
}

fn by_id(evaluation: &Evaluation) -> HashMap<(&str, usize), &Row> {
    keyed(evaluation).collect()
}

impl Comparison {
    /// The verdict at the usual significance level of 5 %.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict_at(0.05)
    }

    /// The verdict at another significance level: a difference counts when its p value is below `alpha`.
    #[must_use]
    pub fn verdict_at(&self, alpha: f64) -> Verdict {
        if self.p_value >= alpha || self.difference == 0.0 {
            Verdict::NoDifference
        } else if self.difference > 0.0 {
            Verdict::Improved
        } else {
            Verdict::Worse
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Improved => "improved",
            Self::NoDifference => "no significant difference",
            Self::Worse => "worse",
        })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::McNemar => "exact McNemar test",
            Self::Permutation => "paired permutation test",
        })
    }
}

/// `improved: from 25.7 % to 60.0 % on 35 rows, +34.3 points [15.2, 53.4], p = 0.0018 (exact McNemar test), 13 rows better
/// and 1 worse`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows == 0 {
            return f.write_str("nothing to compare: no row counts in both evaluations");
        }
        let (scale, points) = if self.percent {
            (Scale::Percent, " points")
        } else {
            (Scale::Plain, "")
        };
        let sign = if self.difference < 0.0 { "" } else { "+" };
        write!(
            f,
            "{}: from {} to {} on {} rows, {sign}{}{points}",
            self.verdict(),
            scale.show(self.first),
            scale.show(self.second),
            self.rows,
            scale.number(self.difference),
        )?;
        if let Some(interval) = self.interval {
            write!(
                f,
                " [{}, {}]",
                scale.number(interval.low),
                scale.number(interval.high)
            )?;
        }
        match self.p_value {
            p if p < 0.0001 => f.write_str(", p < 0.0001")?,
            p => write!(f, ", p = {p:.4}")?,
        }
        write!(
            f,
            " ({}), {} rows better and {} worse",
            self.test, self.wins, self.losses
        )?;
        match self.unpaired {
            0 => Ok(()),
            n => write!(f, ", {n} left out"),
        }
    }
}
