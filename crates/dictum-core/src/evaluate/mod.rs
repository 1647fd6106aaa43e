//! Measuring programs: rollouts, metrics, evaluations, and whether one program is better than another.

mod compare;
mod evaluation;
mod export;
mod metric;
mod report;
mod rollout;
mod row;
mod run;
pub mod stats;

pub use compare::{Comparison, Test, Verdict, compare};
pub use evaluation::{ErrorGroup, Evaluation, Latency, Summary};
pub use metric::{Case, Metric, MetricError, OwnedCase, Score, metric_async, metric_fn, try_metric_fn};
pub use rollout::{Outcome, Rollout, rollout};
pub use row::{CallFailure, Row, RowOutcome};
pub use run::{Evaluate, Progress};
