//! The local engine on a real small model, and the fetcher on fake sources.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    missing_docs
)]

mod embed;
mod engine;
mod fetch;
