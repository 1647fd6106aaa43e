//! What Dictum costs: the programs that `cargo xtask bench` runs and writes `docs/benchmarks.md` from.
//!
//! [`cases`] are the measures in process, timed by `benches/in_process.rs` and counted by callgrind; [`load`] drives a server over
//! loopback. Nothing here is for users.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that goes wrong is to stop at once"
)]

pub mod cases;
pub mod load;
mod process;
mod programs;

/// What the server answers: a valid answer in the layout that Dictum's and DSPy's chat adapters both ask for.
pub const ANSWER: &str = "[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\n2\n\n[[ ## completed ## ]]";
