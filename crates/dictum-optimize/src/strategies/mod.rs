//! The optimizers, one file each, and what they share.

mod bootstrap;
mod bootstrapper;
mod custom;
mod demos;
mod infer_rules;
mod labeled;
mod random_search;
mod simba;

pub use bootstrap::BootstrapFewShot;
pub use custom::Custom;
pub use infer_rules::InferRules;
pub use labeled::LabeledFewShot;
pub use random_search::BootstrapRandomSearch;
pub use simba::Simba;
