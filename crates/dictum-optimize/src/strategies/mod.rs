//! The optimizers, one file each, and what they share.

mod bootstrap;
mod bootstrapper;
mod custom;
mod demos;
pub mod gepa;
mod labeled;
mod random_search;

pub use bootstrap::BootstrapFewShot;
pub use custom::Custom;
pub use gepa::Gepa;
pub use labeled::LabeledFewShot;
pub use random_search::BootstrapRandomSearch;
