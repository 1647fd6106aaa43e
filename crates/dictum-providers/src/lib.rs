//! Remote language models for Dictum, one folder per wire dialect.
//!
//! A dialect is a set of pure mappings, from a request to a body and from a body, an error or a stream to what Dictum knows;
//! [`Remote`] and [`Builder`] do all the rest, once. There are:
//! - [`openai`], the chat completions that OpenAI, Azure, vLLM, Ollama, OpenRouter, llama-server and many others speak,
//! - [`responses`], OpenAI's newer form, which keeps a model's reasoning from turn to turn,
//! - [`anthropic`], Anthropic's messages,
//! - [`gemini`], Google's own,
//! - [`bedrock`], the models of Amazon Bedrock.
//!
//! [`services`] knows models by name. [`embed`] turns texts into vectors. [`finetune`] trains models. What calls cost is in [`Prices`].
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
pub mod bedrock;
mod builder;
mod connection;
mod dialect;
pub mod embed;
mod env;
pub mod finetune;
pub mod gemini;
mod http;
mod json;
mod learned;
pub mod openai;
mod prices;
mod rate_limits;
mod refusal;
mod remote;
pub mod responses;
mod retry_after;
mod schema;
mod secret;
pub mod services;
mod sse;
mod wire;

pub use anthropic::Anthropic;
pub use bedrock::Bedrock;
pub use builder::Builder;
pub use gemini::Gemini;
pub use openai::OpenAi;
pub use prices::{LongPrice, Price, Prices};
pub use remote::Remote;
pub use responses::Responses;
pub use secret::Secret;
pub use services::{Named, from_env, parse};

use dictum_core::lm::{Lm, LmError};

/// Constructors of remote models on [`Lm`]. In scope with the prelude.
pub trait Providers {
    /// The model of this name, `service/model`, to be given its key and built: `groq/llama-3.3-70b-versatile`,
    /// `ollama/qwen3`. See [`services::SERVICES`].
    ///
    /// # Errors
    /// See [`parse`].
    fn parse(name: &str) -> Result<Named, LmError> {
        parse(name)
    }

    /// The model of this name, `service/model`, its key read now from the service's usual environment variable.
    ///
    /// # Errors
    /// See [`from_env`].
    fn from_env(name: &str) -> Result<Lm, LmError> {
        from_env(name)
    }

    /// A model behind OpenAI's chat completions or what is compatible with them.
    fn openai(model: impl Into<String>) -> openai::Builder {
        OpenAi::builder(model)
    }

    /// A model behind Anthropic's messages or what is compatible with them.
    fn anthropic(model: impl Into<String>) -> anthropic::Builder {
        Anthropic::builder(model)
    }

    /// A model behind OpenAI's Responses or what is compatible with them.
    fn responses(model: impl Into<String>) -> responses::Builder {
        Responses::builder(model)
    }

    /// A model behind Amazon Bedrock's Converse: a model id, inference profile or ARN, in a region such as `eu-central-1`.
    fn bedrock(model: impl Into<String>, region: impl Into<String>) -> bedrock::Builder {
        Bedrock::builder(model, region)
    }

    /// A model behind Amazon Bedrock's Converse, its region and key as AWS's tools have them in the environment, read now.
    ///
    /// # Errors
    /// See [`Bedrock::from_env`].
    fn bedrock_from_env(model: impl Into<String>) -> Result<bedrock::Builder, LmError> {
        Bedrock::from_env(model)
    }

    /// A model behind Google's Gemini API.
    fn gemini(model: impl Into<String>) -> gemini::Builder {
        Gemini::builder(model)
    }
}

impl Providers for Lm {}
