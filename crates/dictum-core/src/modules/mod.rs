//! Ready-made modules, one file each.

mod chain_of_thought;
mod ensemble;
mod predict;

pub use chain_of_thought::{ChainOfThought, WithReasoning};
pub use ensemble::Ensemble;
pub use predict::Predict;
