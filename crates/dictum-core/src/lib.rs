//! The heart of Dictum: what a language-model program is made of.
//!
//! Start with the `dictum` crate, which re-exports this one; read `ARCHITECTURE.md` for the map.

#[doc(hidden)]
pub mod __private;
pub mod adapter;
pub mod data;
pub mod embed;
pub mod error;
pub mod evaluate;
pub mod finetune;
pub mod lm;
pub mod metrics;
pub mod modules;
pub mod parse;
pub mod program;
mod record;
pub mod signature;
pub mod state;
pub mod types;

pub use error::{Error, Result};
/// The ordered map that some functions take and give, such as [`state::dspy::import`].
pub use indexmap::IndexMap;
pub use record::{Fields, Record};
