//! How far a run is.

use dictum_core::lm::Spent;

/// How far a run is: given to the progress callback after every rollout.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress {
    /// What the rollouts are for.
    pub phase: &'static str,
    /// Rollouts of this batch done.
    pub done: usize,
    /// Rollouts of this batch.
    pub total: usize,
    /// Of those done, how many were answered by the journal.
    pub replayed: usize,
    /// Best mean on the validation set so far.
    pub best: Option<f64>,
    /// Spent so far, what the journal holds included.
    pub spent: Spent,
}
