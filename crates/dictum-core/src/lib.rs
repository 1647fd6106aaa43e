//! The heart of Dictum: what a language-model program is made of.
//!
//! Start with the `dictum` crate, which re-exports this one; read `ARCHITECTURE.md` for the map.

#[doc(hidden)]
pub mod __private;
pub mod error;
pub mod lm;
pub mod parse;
mod record;
pub mod signature;
pub mod types;

pub use error::{Error, Result};
pub use record::{Fields, Record, read_field, write_field};
