//! Programs end to end, without a model: what is sent, what is made of the answers.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod ensemble;
mod inside;
mod nearest_demos;
mod observe;
mod render;
mod repair;
mod settings;
mod streaming;
mod support;
mod trace;
