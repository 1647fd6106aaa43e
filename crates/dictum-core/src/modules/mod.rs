//! Ready-made modules, one file each.

mod chain_of_thought;
mod predict;

pub use chain_of_thought::{ChainOfThought, WithReasoning};
pub use predict::Predict;
