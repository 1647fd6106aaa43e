//! The model of the examples: recorded answers of the local model, so that they run on any machine, with no key.
//!
//! To hear the model itself: `DICTUM_RECORD=1 cargo run -p dictum --features local --example 01_hello` calls it and records
//! anew.

use dictum::lm::layers::{Cassette, CassetteMode};
use dictum::prelude::*;

/// The model for an example: its cassette, around the local model where one is wanted.
pub(crate) fn lm(example: &str) -> Result<Lm, Box<dyn std::error::Error>> {
    let path = format!(
        "{}/examples/cassettes/{example}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("DICTUM_RECORD").is_some() {
        let _ = std::fs::remove_file(&path);
        return Ok(model()?.layer(Cassette::open(path, CassetteMode::Record)?));
    }
    let absent = Lm::new(dictum::lm::Offline::new(
        "local/qwen2.5-coder-0.5b",
        dictum::lm::Capabilities::default()
            .with_output_shape()
            .with_context_window(4096),
    ));
    Ok(absent.layer(Cassette::open(path, CassetteMode::Replay)?))
}

#[cfg(feature = "local")]
fn model() -> Result<Lm, Box<dyn std::error::Error>> {
    Ok(Lm::local().build()?)
}

#[cfg(not(feature = "local"))]
fn model() -> Result<Lm, Box<dyn std::error::Error>> {
    Err("recording needs the local model: add `--features local`".into())
}
