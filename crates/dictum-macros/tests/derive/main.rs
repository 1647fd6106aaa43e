//! What the macros make, used as users use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod field_type;
mod fields;
mod hygiene;
mod parameters;
mod public_face;
mod signature;
mod string_form;
