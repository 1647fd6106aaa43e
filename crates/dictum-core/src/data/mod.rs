//! Examples: what programs are measured and compiled on, and how they are read from files and kept apart.

mod cells;
mod csv;
mod example;
mod json;
mod loader;
mod split;
mod text;

pub use example::Example;
pub use loader::{Format, Loader};
pub use split::{overlap, split};
