//! The tolerant parser against what models really answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod any_answer;
mod cases;
mod damage;
mod properties;
mod roundtrip;
mod streaming;
mod values;
