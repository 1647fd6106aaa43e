//! Remote language models for Dictum, one folder per wire dialect.
//!
//! A dialect is a set of pure mappings, from a request to a body and from a body, an error or a stream to what Dictum knows;
//! `http` does the input and output for all of them. So far: [`openai`], the chat completions that OpenAI, vLLM, Ollama,
//! OpenRouter, llama-server and many others speak.
//!
//! ```no_run
//! use dictum_core::lm::{Lm, LmError};
//! use dictum_providers::Providers;
//!
//! # fn main() -> Result<(), LmError> {
//! let lm = Lm::openai("gpt-5-mini").api_key_from_env()?.build()?;
//! let local = Lm::openai("qwen3").base_url("http://localhost:11434/v1").build()?;
//! # Ok(())
//! # }
//! ```

mod env;
mod http;
pub mod openai;
mod rate_limits;
mod retry_after;
mod secret;
mod sse;

pub use openai::OpenAi;
pub use secret::Secret;

use dictum_core::lm::Lm;

/// Constructors of remote models on [`Lm`]. In scope with the prelude.
pub trait Providers {
    /// A model behind OpenAI's chat completions or what is compatible with them.
    fn openai(model: impl Into<String>) -> openai::Builder {
        OpenAi::builder(model)
    }
}

impl Providers for Lm {}
