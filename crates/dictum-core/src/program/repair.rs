//! What happens when an answer can't be used.

use std::sync::Arc;

use crate::adapter::Adapter;

/// What happens when an answer can't be read or breaks a constraint. Every further call this makes is in the trace and
/// counts against the budget. An answer cut off at the token limit is never asked for again: the limit would cut it again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Repair {
    /// The call fails.
    Off,
    /// The model is asked again for the fields that failed, and only for these, with what was wrong; at most so many times.
    Reask(u32),
    /// The whole call is made once more with another adapter.
    Fallback(Arc<dyn Adapter>),
}

impl Default for Repair {
    /// Asks again once.
    fn default() -> Self {
        Self::Reask(1)
    }
}
