//! The optimizers, one file each, and what they share.

mod bootstrap;
mod bootstrapper;
mod copro;
mod custom;
mod demos;
mod labeled;
mod mipro;
mod propose;
mod random_search;
mod tpe;

pub use bootstrap::BootstrapFewShot;
pub use copro::Copro;
pub use custom::Custom;
pub use labeled::LabeledFewShot;
pub use mipro::{Auto, MiproV2};
pub use random_search::BootstrapRandomSearch;
