//! Data, metrics, evaluation, program state: what measuring and keeping programs must do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod compare;
mod data;
mod dspy;
mod evaluate;
mod metrics;
mod programs;
mod state;
mod support;
mod texts;
mod thresholds;
