//! Models by their names: `groq/llama-3.3-70b-versatile` and the like.
//!
//! ```no_run
//! use dictum_core::lm::{Lm, LmError};
//! use dictum_providers::Providers;
//!
//! # fn main() -> Result<(), LmError> {
//! let lm = Lm::from_env("anthropic/claude-sonnet-4-6")?;
//! let routed = Lm::parse("openrouter/mistralai/mistral-large")?.api_key("sk-or-...").build()?;
//! # Ok(())
//! # }
//! ```

mod named;

pub use named::Named;

use dictum_core::lm::{Lm, LmError, LmErrorKind};

use crate::Bedrock;

/// A service that is known by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The part of a model's name before the first slash.
    pub name: &'static str,
    /// What it speaks.
    pub dialect: Dialect,
    /// Its address, where it is not the dialect's own.
    pub base_url: Option<&'static str>,
    /// The environment variable that usually holds its key; `None` for servers on one's own machine, which want none.
    pub key_variable: Option<&'static str>,
    /// Whether it can hold answers to some JSON object and to a JSON Schema, whatever the model; `None` where the dialect
    /// knows it by the model.
    pub structured_output: Option<(bool, bool)>,
    /// Whether it refuses fields of chat completions that most servers take.
    pub(crate) strict_fields: bool,
}

/// A wire dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI's chat completions ([`crate::openai`]).
    Chat,
    /// OpenAI's Responses ([`crate::responses`]).
    Responses,
    /// Anthropic's messages ([`crate::anthropic`]).
    Messages,
    /// Google's Gemini API ([`crate::gemini`]).
    Gemini,
    /// Amazon Bedrock's Converse ([`crate::bedrock`]).
    Converse,
}

/// All services that are known by name. Any other that speaks one of the dialects is reached by its address.
pub const SERVICES: &[Service] = &[
    own("openai", Dialect::Chat, "OPENAI_API_KEY"),
    own("responses", Dialect::Responses, "OPENAI_API_KEY"),
    own("anthropic", Dialect::Messages, "ANTHROPIC_API_KEY"),
    own("gemini", Dialect::Gemini, "GEMINI_API_KEY"),
    own("bedrock", Dialect::Converse, "AWS_BEARER_TOKEN_BEDROCK"),
    hosted(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        (false, false),
    ),
    hosted(
        "groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        (true, false),
    ),
    hosted(
        "together",
        "https://api.together.ai/v1",
        "TOGETHER_API_KEY",
        (false, false),
    ),
    hosted(
        "deepseek",
        "https://api.deepseek.com",
        "DEEPSEEK_API_KEY",
        (true, false),
    ),
    Service {
        strict_fields: true,
        ..hosted(
            "mistral",
            "https://api.mistral.ai/v1",
            "MISTRAL_API_KEY",
            (true, true),
        )
    },
    at_home("ollama", "http://localhost:11434/v1", (true, true)),
    at_home("vllm", "http://localhost:8000/v1", (true, true)),
    at_home("sglang", "http://localhost:30000/v1", (true, true)),
    at_home("llama-server", "http://localhost:8080/v1", (true, true)),
    at_home("lmstudio", "http://localhost:1234/v1", (false, true)),
];

/// A dialect's own service.
const fn own(name: &'static str, dialect: Dialect, key_variable: &'static str) -> Service {
    Service {
        name,
        dialect,
        base_url: None,
        key_variable: Some(key_variable),
        structured_output: None,
        strict_fields: false,
    }
}

/// Chat completions as a service of others.
const fn hosted(
    name: &'static str,
    base_url: &'static str,
    key_variable: &'static str,
    structured_output: (bool, bool),
) -> Service {
    Service {
        base_url: Some(base_url),
        structured_output: Some(structured_output),
        ..own(name, Dialect::Chat, key_variable)
    }
}

/// Chat completions of a server on one's own machine.
const fn at_home(name: &'static str, base_url: &'static str, structured_output: (bool, bool)) -> Service {
    Service {
        key_variable: None,
        ..hosted(name, base_url, "", structured_output)
    }
}

/// The model of this name, `service/model`, to be given its key and built.
///
/// # Errors
/// [`LmErrorKind::InvalidRequest`] when no service of [`SERVICES`] has the name, the model is missing, or it is one of
/// Bedrock's, which needs a region too ([`from_env`] reads it).
pub fn parse(name: &str) -> Result<Named, LmError> {
    let (service, model) = split(name)?;
    Named::new(service, model)
}

/// The model of this name, `service/model`, its key read now from the environment variable that [`SERVICES`] names; for
/// Bedrock the region and the other forms of keys too ([`Bedrock::from_env`]).
///
/// # Errors
/// As [`parse`], and [`LmErrorKind::Auth`] when the variable is not set or empty.
pub fn from_env(name: &str) -> Result<Lm, LmError> {
    let (service, model) = split(name)?;
    if service.dialect == Dialect::Converse {
        return Bedrock::from_env(model)?.build();
    }
    Named::new(service, model)?.api_key_from_env()?.build()
}

fn split(name: &str) -> Result<(&'static Service, &str), LmError> {
    let wrong = |message: String| Err(LmError::new(LmErrorKind::InvalidRequest, message));
    let (service, model) = name.split_once('/').unwrap_or((name, ""));
    let Some(service) = SERVICES.iter().find(|known| known.name == service) else {
        let known: Vec<&str> = SERVICES.iter().map(|known| known.name).collect();
        return wrong(format!(
            "no service is known as `{service}`; the services are {}; any other is reached by its address, as in \
             Lm::openai(model).base_url(url)",
            known.join(", ")
        ));
    };
    if model.trim().is_empty() {
        return wrong(format!("`{name}` names no model: write `{}/MODEL`", service.name));
    }
    Ok((service, model))
}

#[cfg(test)]
mod tests;
