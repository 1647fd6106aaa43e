//! The commands, one file each.

pub mod cache;
pub mod compile;
pub mod eval;
pub mod inspect;
pub mod models;
pub mod parse;
pub mod render;
pub mod run;
pub mod runs;
pub mod state;
