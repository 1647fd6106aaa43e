//! Metrics by name: `exact:label`.

use std::sync::Arc;

use super::{Tolerance, contains, exact_match, normalized_match, numeric, passage_match, token_f1};
use crate::evaluate::{Metric, MetricError};

/// A ready-made metric, for help texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// How it is written for [`by_spec`].
    pub usage: &'static str,
    /// What it measures, in half a sentence.
    pub about: &'static str,
}

type Build = fn(&[&str]) -> Option<Result<Arc<dyn Metric>, MetricError>>;

/// Every metric that can be had by name. A builder gives `None` when the number of arguments is wrong.
const METRICS: &[(MetricInfo, Build)] = &[
    (info("exact:FIELD", "the output is the label"), |args| {
        one(args, |field| Arc::new(exact_match(field)))
    }),
    (
        info(
            "normalized:FIELD",
            "the same, case, punctuation, articles and spacing aside",
        ),
        |args| one(args, |field| Arc::new(normalized_match(field))),
    ),
    (info("contains:FIELD", "the label stands in the output"), |args| {
        one(args, |field| Arc::new(contains(field)))
    }),
    (info("f1:FIELD", "share of words in common"), |args| {
        one(args, |field| Arc::new(token_f1(field)))
    }),
    (
        info(
            "numeric:FIELD[:0.01|:1%]",
            "the output is a number near the label",
        ),
        build_numeric,
    ),
    (
        info(
            "passage:PASSAGES:ANSWERS",
            "a passage of the output contains an answer of the label",
        ),
        |args| match args {
            [passages, answers] => Some(Ok(Arc::new(passage_match(passages, answers)))),
            _ => None,
        },
    ),
];

const fn info(usage: &'static str, about: &'static str) -> MetricInfo {
    MetricInfo { usage, about }
}

fn one(args: &[&str], build: fn(&str) -> Arc<dyn Metric>) -> Option<Result<Arc<dyn Metric>, MetricError>> {
    match args {
        [field] => Some(Ok(build(field))),
        _ => None,
    }
}

fn build_numeric(args: &[&str]) -> Option<Result<Arc<dyn Metric>, MetricError>> {
    let (field, tolerance) = match args {
        [field] => (field, Some(Tolerance::EXACT)),
        [field, bound] => {
            let (text, percent) = match bound.strip_suffix('%') {
                Some(text) => (text, true),
                None => (*bound, false),
            };
            let bound = text
                .trim()
                .parse()
                .ok()
                .filter(|bound: &f64| bound.is_finite() && *bound >= 0.0);
            let tolerance = |bound: f64| match percent {
                true => Tolerance::relative(bound / 100.0),
                false => Tolerance::absolute(bound),
            };
            (field, bound.map(tolerance))
        }
        _ => return None,
    };
    Some(match tolerance {
        Some(tolerance) => Ok(Arc::new(numeric(field, tolerance))),
        None => Err(MetricError::new(
            "the tolerance of `numeric` must be a number such as 0.01, or a share such as 1%",
        )),
    })
}

/// The metrics [`by_spec`] knows.
pub fn list() -> impl Iterator<Item = MetricInfo> {
    METRICS.iter().map(|(info, _)| *info)
}

/// The metric of this name and these fields: `exact:label`, `numeric:score:0.01`. See [`list`].
///
/// # Errors
/// [`MetricError`] that names the metrics there are, or how this one is written.
pub fn by_spec(spec: &str) -> Result<Arc<dyn Metric>, MetricError> {
    let mut parts = spec.split(':').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let args: Vec<&str> = parts.collect();
    let known = |usage: &str| usage.split(':').next() == Some(name);
    let Some((info, build)) = METRICS.iter().find(|(info, _)| known(info.usage)) else {
        let there: Vec<String> = list()
            .map(|info| format!("\n  {:<26} {}", info.usage, info.about))
            .collect();
        let there = there.concat();
        return Err(MetricError::new(format!(
            "there is no metric `{name}`; there are:{there}"
        )));
    };
    let usage = || {
        Err(MetricError::new(format!(
            "`{spec}` is incomplete or too long; write `{}`",
            info.usage
        )))
    };
    if args.iter().any(|arg| arg.is_empty()) {
        return usage();
    }
    build(&args).unwrap_or_else(usage)
}
