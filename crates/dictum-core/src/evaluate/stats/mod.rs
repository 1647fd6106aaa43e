//! The statistics evaluations report, usable on their own. All are deterministic: what is random is seeded.

mod interval;
mod paired;
mod rng;

pub use interval::{Interval, mean_interval, t_interval, wilson_interval};
pub use paired::{bootstrap_interval, mcnemar, paired_permutation};
pub use rng::SplitMix;

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Whether every value is 0 or 1.
#[must_use]
pub fn is_binary(values: &[f64]) -> bool {
    values.iter().all(|value| *value == 0.0 || *value == 1.0)
}
