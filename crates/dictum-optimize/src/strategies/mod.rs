//! The optimizers, one file each, and what they share.

mod auto;
mod bootstrap;
mod bootstrapper;
mod copro;
mod custom;
mod demos;
pub mod finetune;
pub mod gepa;
mod infer_rules;
mod knn;
mod labeled;
mod mipro;
mod propose;
mod random_search;
mod reanchor;
mod sequence;
mod settings;
mod simba;
mod tpe;

pub use auto::Auto;
pub use bootstrap::BootstrapFewShot;
pub use copro::Copro;
pub use custom::Custom;
pub use finetune::BootstrapFinetune;
pub use gepa::Gepa;
pub use infer_rules::InferRules;
pub use knn::{KnnFewShot, Neighbours};
pub use labeled::LabeledFewShot;
pub use mipro::{Effort, MiproV2};
pub use random_search::BootstrapRandomSearch;
pub use reanchor::ReAnchor;
pub use sequence::{Sequence, Sequenced};
pub use settings::{CheapestWithin, Space};
pub use simba::Simba;
