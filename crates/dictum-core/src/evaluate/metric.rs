//! Metrics: how good an output is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::data::Example;
use crate::program::{Context, Trace};
use crate::record::Record;

/// What a metric judges.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The example the program was given.
    pub example: &'a Example,
    /// What the program made of it.
    pub prediction: &'a Record,
    /// The steps of this rollout.
    pub trace: &'a Trace,
}

/// Says how good an output is, from 0 (useless) to 1 (perfect) unless it says otherwise.
///
/// Ready-made ones are in [`crate::metrics`]; [`metric_fn`] makes one of a closure; implement the trait for one that calls a
/// model or other services.
pub trait Metric: Send + Sync {
    /// Its name, for tables and run folders.
    fn name(&self) -> &str;

    /// The score of one output. The context is that of the rollout: calls a metric makes count against its budget and
    /// stand in its trace.
    ///
    /// # Errors
    /// [`MetricError`] when the metric itself can't judge (a label is missing, a judge's model failed): a fault of the
    /// metric or the data, never of the program.
    fn score<'a>(&'a self, ctx: &'a Context, case: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>>;
}

/// A score, with words for an optimizer that can read them.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Score {
    /// The score; finite.
    pub value: f64,
    /// Why it is what it is, and how to do better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// Feedback for single predictors of the program, by path, in place of the general one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub feedback_for: BTreeMap<String, String>,
    /// What the score is made of, by name, where an optimizer should keep candidates that are good at one of them:
    /// correctness beside brevity, say. Finite; more is better.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objectives: BTreeMap<String, f64>,
}

impl Score {
    /// The same with feedback for the predictor at this path.
    #[must_use]
    pub fn with_feedback_for(mut self, path: impl Into<String>, feedback: impl Into<String>) -> Self {
        self.feedback_for.insert(path.into(), feedback.into());
        self
    }

    /// The same with the value of one objective.
    #[must_use]
    pub fn with_objective(mut self, name: impl Into<String>, value: f64) -> Self {
        self.objectives.insert(name.into(), value);
        self
    }

    /// The first of its numbers that is none.
    pub(super) fn not_finite(&self) -> Option<f64> {
        let mut all = std::iter::once(&self.value).chain(self.objectives.values());
        all.find(|value| !value.is_finite()).copied()
    }
    /// A score with feedback.
    pub fn with_feedback(value: f64, feedback: impl Into<String>) -> Self {
        Self {
            feedback: Some(feedback.into()),
            ..Self::from(value)
        }
    }
}

impl From<f64> for Score {
    fn from(value: f64) -> Self {
        Self {
            value,
            feedback: None,
            feedback_for: BTreeMap::new(),
            objectives: BTreeMap::new(),
        }
    }
}

impl From<bool> for Score {
    fn from(right: bool) -> Self {
        Self::from(if right { 1.0 } else { 0.0 })
    }
}

/// Why a metric could not judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricError(pub String);

impl MetricError {
    /// An error with this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MetricError {}

/// A metric made of a closure over the example and the prediction, which gives a `bool`, an `f64` or a [`Score`].
pub fn metric_fn<S, F>(name: impl Into<String>, score: F) -> impl Metric + Clone
where
    S: Into<Score>,
    F: Fn(&Example, &Record) -> S + Send + Sync,
{
    FnMetric {
        name: Arc::from(name.into()),
        score: Arc::new(score),
    }
}

/// A metric made of a closure that may fail to judge.
pub fn try_metric_fn<S, F>(name: impl Into<String>, score: F) -> impl Metric + Clone
where
    S: Into<Score>,
    F: Fn(&Example, &Record) -> Result<S, MetricError> + Send + Sync,
{
    TryMetric {
        name: Arc::from(name.into()),
        score: Arc::new(score),
    }
}

/// A metric made of an async closure: `metric_async("judge", |ctx, case| async move { ... })`. The closure gets values of
/// its own, so that its future borrows nothing. Calls of the model it makes with that context count against the budget and
/// stand in the trace.
pub fn metric_async<S, F, Fut>(name: impl Into<String>, score: F) -> impl Metric + Clone
where
    S: Into<Score>,
    F: Fn(Context, OwnedCase) -> Fut + Send + Sync,
    Fut: Future<Output = Result<S, MetricError>> + Send,
{
    AsyncMetric {
        name: Arc::from(name.into()),
        score: Arc::new(score),
    }
}

/// What an async metric judges: a [`Case`] with values of its own.
#[derive(Debug, Clone)]
pub struct OwnedCase {
    /// The example the program was given.
    pub example: Example,
    /// What the program made of it.
    pub prediction: Record,
    /// The steps of this rollout.
    pub trace: Trace,
}

impl<M: Metric + ?Sized> Metric for Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn score<'a>(&'a self, ctx: &'a Context, case: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>> {
        (**self).score(ctx, case)
    }
}

impl<M: Metric + ?Sized> Metric for &M {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn score<'a>(&'a self, ctx: &'a Context, case: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>> {
        (**self).score(ctx, case)
    }
}

struct TryMetric<F> {
    name: Arc<str>,
    score: Arc<F>,
}

impl<F> Clone for TryMetric<F> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            score: self.score.clone(),
        }
    }
}

impl<S, F> Metric for TryMetric<F>
where
    S: Into<Score>,
    F: Fn(&Example, &Record) -> Result<S, MetricError> + Send + Sync,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, _: &'a Context, case: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>> {
        // Inside the future, so that a panic of the closure is one of the future.
        Box::pin(async move { (self.score)(case.example, case.prediction).map(Into::into) })
    }
}

struct AsyncMetric<F> {
    name: Arc<str>,
    score: Arc<F>,
}

impl<F> Clone for AsyncMetric<F> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            score: self.score.clone(),
        }
    }
}

impl<S, F, Fut> Metric for AsyncMetric<F>
where
    S: Into<Score>,
    F: Fn(Context, OwnedCase) -> Fut + Send + Sync,
    Fut: Future<Output = Result<S, MetricError>> + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, ctx: &'a Context, case: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>> {
        let case = OwnedCase {
            example: case.example.clone(),
            prediction: case.prediction.clone(),
            trace: case.trace.clone(),
        };
        Box::pin(async move { (self.score)(ctx.clone(), case).await.map(Into::into) })
    }
}

struct FnMetric<F> {
    name: Arc<str>,
    score: Arc<F>,
}

impl<F> Clone for FnMetric<F> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            score: self.score.clone(),
        }
    }
}

impl<S: Into<Score>, F: Fn(&Example, &Record) -> S + Send + Sync> Metric for FnMetric<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, _: &'a Context, case: Case<'a>) -> BoxFuture<'a, Result<Score, MetricError>> {
        // Inside the future, so that a panic of the closure is one of the future.
        Box::pin(async move { Ok((self.score)(case.example, case.prediction).into()) })
    }
}
