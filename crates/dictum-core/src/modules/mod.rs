//! Ready-made modules, one file each.

mod chain_of_thought;
mod ensemble;
pub(crate) mod nearest_demos;
mod predict;

pub use chain_of_thought::{ChainOfThought, WithReasoning};
pub use ensemble::Ensemble;
pub use nearest_demos::{DemoIndex, Indexed, NearestDemos};
pub use predict::Predict;
