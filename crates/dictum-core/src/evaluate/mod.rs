//! Measuring programs: rollouts, metrics, and what follows from them.

mod metric;
mod rollout;

pub use metric::{Case, Metric, MetricError, Score, metric_fn};
pub use rollout::{Outcome, Rollout, rollout};
