//! The optimizers, one file each, and what they share.

mod bootstrap;
mod bootstrapper;
mod custom;
mod demos;
pub mod gepa;
mod infer_rules;
mod knn;
mod labeled;
mod random_search;
mod sequence;
mod simba;

pub use bootstrap::BootstrapFewShot;
pub use custom::Custom;
pub use gepa::Gepa;
pub use infer_rules::InferRules;
pub use knn::{KnnFewShot, Neighbours};
pub use labeled::LabeledFewShot;
pub use random_search::BootstrapRandomSearch;
pub use sequence::{Sequence, Sequenced};
pub use simba::Simba;
