//! Dictum's embedded default: a GGUF language model that runs in process.

mod engine;
mod error;
mod grammar;
mod lm;
pub mod models;

pub use engine::{
    Answer, ChatMessage, Delta, Deltas, Engine, EngineConfig, Finish, Generate, Prompt, Sampling, TokenCounts,
};
pub use error::EngineError;
pub use lm::{LocalBuilder, LocalLm, LocalModel};
