//! Remote language models for Dictum, one folder per wire dialect.
//!
//! A dialect is a set of pure mappings, from a request to a body and from a body, an error or a stream to what Dictum knows;
//! [`Remote`] and [`Builder`] do all the rest, once. So far:
//! - [`anthropic`], Anthropic's messages;
//! - [`gemini`], Google's Gemini API;
//! - [`openai`], the chat completions that OpenAI, vLLM, Ollama, OpenRouter, llama-server and many others speak.
//!
//! Models that turn texts into vectors are in [`embed`]; what calls cost is in [`Prices`].
//!
//! ```no_run
//! use dictum_core::lm::{Lm, LmError};
//! use dictum_providers::Providers;
//!
//! # fn main() -> Result<(), LmError> {
//! let lm = Lm::openai("gpt-5-mini").api_key_from_env()?.build()?;
//! let claude = Lm::anthropic("claude-sonnet-4-6").api_key_from_env()?.build()?;
//! let local = Lm::openai("qwen3").base_url("http://localhost:11434/v1").build()?;
//! # Ok(())
//! # }
//! ```

pub mod anthropic;
mod builder;
mod dialect;
pub mod embed;
mod env;
pub mod gemini;
mod http;
mod learned;
pub mod openai;
mod prices;
mod refusal;
mod remote;
mod retry_after;
mod secret;
mod sse;
mod wire;

pub use anthropic::Anthropic;
pub use builder::Builder;
pub use gemini::Gemini;
pub use openai::OpenAi;
pub use prices::{LongPrice, Price, Prices};
pub use remote::Remote;
pub use secret::Secret;

use dictum_core::lm::Lm;

/// Constructors of remote models on [`Lm`]. In scope with the prelude.
pub trait Providers {
    /// A model behind OpenAI's chat completions or what is compatible with them.
    fn openai(model: impl Into<String>) -> openai::Builder {
        OpenAi::builder(model)
    }

    /// A model behind Google's Gemini API.
    fn gemini(model: impl Into<String>) -> gemini::Builder {
        Gemini::builder(model)
    }

    /// A model behind Anthropic's messages or what is compatible with them.
    fn anthropic(model: impl Into<String>) -> anthropic::Builder {
        Anthropic::builder(model)
    }
}

impl Providers for Lm {}
