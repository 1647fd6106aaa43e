//! [`Evaluation`]: what a run found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stats::{Interval, mean, mean_interval};
use super::{Row, RowOutcome};
use crate::lm::Usage;

/// What an evaluation found. `{}` shows it in one line, `{:#}` as a report; [`Evaluation::table`] shows rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    metric: String,
    failure_score: f64,
    /// Seconds.
    elapsed: f64,
    rows: Vec<Row>,
}

/// Rows that went wrong for the same cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// The cause: see [`crate::Error::cause`]; `metric` for rows the metric could not judge.
    pub cause: String,
    /// How many rows.
    pub count: usize,
    /// Ids and messages of the first of them, at most [`ErrorGroup::SHOWN`].
    pub examples: Vec<(String, String)>,
}

impl ErrorGroup {
    /// How many examples of a cause are kept.
    pub const SHOWN: usize = 3;
}

/// How long rows took: so many percent took at most this long (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the rows.
    pub p50: Duration,
    /// 90 %.
    pub p90: Duration,
    /// 99 %.
    pub p99: Duration,
}

/// The figures of an evaluation without its rows, for machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The metric.
    pub metric: String,
    /// Mean of the rows that count.
    pub mean: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// Rows in all.
    pub rows: usize,
    /// Rows that count: those scored and those the program failed on.
    pub counted: usize,
    /// Rows the program failed on.
    pub failed: usize,
    /// What each of these counts.
    pub failure_score: f64,
    /// Rows the metric could not judge.
    pub unjudged: usize,
    /// Rows not run because the budget was spent.
    pub not_run: usize,
    /// Of these, how many the budget ended while a call was to be tried again.
    #[serde(default)]
    pub cut_off: usize,
    /// What went wrong, most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// Calls of the model, answers from caches included.
    pub calls: u64,
    /// Tokens and money of those that reached a model.
    pub usage: Usage,
    /// Latency of the rows run, in seconds: p50, p90, p99.
    pub latency: Option<[f64; 3]>,
    /// Seconds the whole run took.
    pub elapsed: f64,
}

impl Evaluation {
    /// An evaluation of rows had elsewhere, such as from a journal. Rows the program failed on count as `failure_score`.
    #[must_use]
    pub fn from_rows(metric: impl Into<String>, rows: Vec<Row>, failure_score: f64) -> Self {
        Self {
            metric: metric.into(),
            failure_score,
            elapsed: 0.0,
            rows,
        }
    }

    pub(super) fn with_elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed.as_secs_f64();
        self
    }

    /// Name of the metric.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// All rows, in the order of the data.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What a row counts that the program failed on.
    #[must_use]
    pub fn failure_score(&self) -> f64 {
        self.failure_score
    }

    /// The scores that count, in the order of the data.
    #[must_use]
    pub fn scores(&self) -> Vec<f64> {
        self.rows
            .iter()
            .filter_map(|row| row.score(self.failure_score))
            .collect()
    }

    /// Mean of the scores that count. `None` when no row counts.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        mean(&self.scores())
    }

    /// The mean's 95 % interval (see [`mean_interval`]). `None` when too few rows count.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        mean_interval(&self.scores())
    }

    /// How many rows count: those scored and those the program failed on.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.count(|outcome| matches!(outcome, RowOutcome::Scored { .. } | RowOutcome::Failed { .. }))
    }

    /// How many rows the program failed on.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, RowOutcome::Failed { .. }))
    }

    /// How many rows the metric could not judge; they don't count.
    #[must_use]
    pub fn unjudged(&self) -> usize {
        self.count(|outcome| matches!(outcome, RowOutcome::Unjudged { .. }))
    }

    /// How many rows were not run because the budget was spent; they don't count.
    #[must_use]
    pub fn not_run(&self) -> usize {
        self.count(|outcome| matches!(outcome, RowOutcome::NotRun { .. }))
    }

    /// How many of these the budget ended while a call was to be tried again: it went to calls that failed. They stand by
    /// cause in [`Evaluation::errors`].
    #[must_use]
    pub fn cut_off(&self) -> usize {
        self.count(|outcome| matches!(outcome, RowOutcome::NotRun { after: Some(_) }))
    }

    fn count(&self, is: impl Fn(&RowOutcome) -> bool) -> usize {
        self.rows.iter().filter(|row| is(&row.outcome)).count()
    }

    /// What went wrong by cause, most frequent first, then by name.
    #[must_use]
    pub fn errors(&self) -> Vec<ErrorGroup> {
        let mut groups: Vec<ErrorGroup> = Vec::new();
        for row in &self.rows {
            let Some((cause, message)) = row.error() else {
                continue;
            };
            let place = groups.iter().position(|group| group.cause == cause);
            let place = place.unwrap_or_else(|| {
                groups.push(ErrorGroup {
                    cause: cause.to_owned(),
                    count: 0,
                    examples: Vec::new(),
                });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(place) {
                group.count += 1;
                if group.examples.len() < ErrorGroup::SHOWN {
                    group
                        .examples
                        .push((row.example.id().to_owned(), message.to_owned()));
                }
            }
        }
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
        groups
    }

    /// Calls of the model, answers from caches included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.rows.iter().map(|row| row.calls).sum()
    }

    /// Tokens and money of the calls that reached a model.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for row in &self.rows {
            usage += row.usage;
        }
        usage
    }

    /// How long the rows that were run took; `None` when none was.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        let run = self
            .rows
            .iter()
            .filter(|row| !matches!(row.outcome, RowOutcome::NotRun { .. }));
        let mut took: Vec<Duration> = run.map(|row| row.took).collect();
        took.sort();
        let at = |percent: usize| {
            let rank = (took.len() * percent).div_ceil(100).max(1);
            took.get(rank - 1).copied()
        };
        Some(Latency {
            p50: at(50)?,
            p90: at(90)?,
            p99: at(99)?,
        })
    }

    /// How long the whole run took; zero when it was put together with [`Evaluation::from_rows`].
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.elapsed).unwrap_or_default()
    }

    /// The figures without the rows.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let latency = self.latency();
        Summary {
            metric: self.metric.clone(),
            mean: self.mean(),
            interval: self.interval(),
            rows: self.rows.len(),
            counted: self.counted(),
            failed: self.failed(),
            failure_score: self.failure_score,
            unjudged: self.unjudged(),
            not_run: self.not_run(),
            cut_off: self.cut_off(),
            errors: self.errors(),
            calls: self.calls(),
            usage: self.usage(),
            latency: latency.map(|l| [l.p50, l.p90, l.p99].map(|d| d.as_secs_f64())),
            elapsed: self.elapsed,
        }
    }
}
