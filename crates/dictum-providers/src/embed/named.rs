//! Embedders by their names: `openai/text-embedding-3-small` and the like.

use std::sync::Arc;

use dictum_core::embed::Embedder;
use dictum_core::lm::{LmError, LmErrorKind};

use super::{Builder, Cohere, EmbedDialect, Gemini, OpenAi, Purpose, cohere, gemini, openai};
use crate::{Prices, Secret};

/// A service with embedders that is known by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The part of an embedder's name before the first slash.
    pub name: &'static str,
    /// What it speaks.
    pub form: Form,
    /// Its address, where it is not the form's own.
    pub base_url: Option<&'static str>,
    /// The environment variable that usually holds its key; `None` for servers on one's own machine, which want none.
    pub key_variable: Option<&'static str>,
}

/// How texts are sent and vectors come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// OpenAI's `/embeddings` ([`openai`]).
    OpenAi,
    /// Google's `:batchEmbedContents` ([`gemini`]).
    Gemini,
    /// Cohere's `/embed` ([`cohere`]).
    Cohere,
}

/// All services with embedders that are known by name. Any other that speaks one of the forms is reached by its address.
pub const SERVICES: &[Service] = &[
    own("openai", Form::OpenAi, OpenAi::KEY_VARIABLE),
    own("gemini", Form::Gemini, Gemini::KEY_VARIABLE),
    own("cohere", Form::Cohere, Cohere::KEY_VARIABLE),
    Service {
        base_url: Some("https://api.mistral.ai/v1"),
        ..own("mistral", Form::OpenAi, "MISTRAL_API_KEY")
    },
    Service {
        base_url: Some("https://api.together.ai/v1"),
        ..own("together", Form::OpenAi, "TOGETHER_API_KEY")
    },
    at_home("ollama", "http://localhost:11434/v1"),
    at_home("vllm", "http://localhost:8000/v1"),
    at_home("llama-server", "http://localhost:8080/v1"),
    at_home("lmstudio", "http://localhost:1234/v1"),
];

/// A form's own service.
const fn own(name: &'static str, form: Form, key_variable: &'static str) -> Service {
    Service {
        name,
        form,
        base_url: None,
        key_variable: Some(key_variable),
    }
}

/// A server on one's own machine.
const fn at_home(name: &'static str, base_url: &'static str) -> Service {
    Service {
        base_url: Some(base_url),
        key_variable: None,
        ..own(name, Form::OpenAi, "")
    }
}

/// An embedder of a known service, to be given its key and built. What only one form has stands with its own builder.
#[derive(Debug, Clone)]
pub struct Named {
    service: &'static Service,
    builder: Any,
}

#[derive(Debug, Clone)]
enum Any {
    OpenAi(Builder<OpenAi>),
    Gemini(Builder<Gemini>),
    Cohere(Builder<Cohere>),
}

/// The same for the builder of each form.
macro_rules! with {
    ($named:expr, $builder:ident => $change:expr) => {{
        let Named { service, builder } = $named;
        let builder = match builder {
            Any::OpenAi($builder) => Any::OpenAi($change),
            Any::Gemini($builder) => Any::Gemini($change),
            Any::Cohere($builder) => Any::Cohere($change),
        };
        Named { service, builder }
    }};
}

/// The embedder of this name, `service/model`, to be given its key and built.
///
/// # Errors
/// [`LmErrorKind::InvalidRequest`] when no service of [`SERVICES`] has the name, or the model is missing.
pub fn parse(name: &str) -> Result<Named, LmError> {
    let wrong = |message: String| Err(LmError::new(LmErrorKind::InvalidRequest, message));
    let (service, model) = name.split_once('/').unwrap_or((name, ""));
    let Some(service) = SERVICES.iter().find(|known| known.name == service) else {
        let known: Vec<&str> = SERVICES.iter().map(|known| known.name).collect();
        return wrong(format!(
            "no service with embedders is known as `{service}`; the services are {}; any other is reached by its address, as \
             in embed::openai(model).base_url(url)",
            known.join(", ")
        ));
    };
    if model.trim().is_empty() {
        return wrong(format!("`{name}` names no model: write `{}/MODEL`", service.name));
    }
    let builder = match service.form {
        Form::OpenAi => Any::OpenAi(openai(model).service(service.name, service.key_variable)),
        Form::Gemini => Any::Gemini(gemini(model)),
        Form::Cohere => Any::Cohere(cohere(model)),
    };
    let named = Named { service, builder };
    Ok(match service.base_url {
        Some(url) => named.base_url(url),
        None => named,
    })
}

/// The embedder of this name, `service/model`, its key read now from the environment variable that [`SERVICES`] names.
///
/// # Errors
/// As [`parse`], and [`LmErrorKind::Auth`] when the variable is not set or empty.
pub fn from_env(name: &str) -> Result<Arc<dyn Embedder>, LmError> {
    parse(name)?.api_key_from_env()?.build()
}

impl Named {
    /// The service.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        self.service
    }

    /// The key.
    #[must_use]
    pub fn api_key(self, key: impl Into<Secret>) -> Self {
        with!(self, builder => builder.api_key(key))
    }

    /// The key from the environment variable that the service names ([`Service::key_variable`]), read now. Nothing is read for
    /// a service that wants no key.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`] when the variable is not set or empty.
    pub fn api_key_from_env(self) -> Result<Self, LmError> {
        if self.service.key_variable.is_none() {
            return Ok(self);
        }
        Ok(with!(self, builder => builder.api_key_from_env()?))
    }

    /// The same service at another address.
    #[must_use]
    pub fn base_url(self, url: impl Into<String>) -> Self {
        with!(self, builder => builder.base_url(url))
    }

    /// What the vectors are for, for models that want to know.
    #[must_use]
    pub fn purpose(self, purpose: Purpose) -> Self {
        with!(self, builder => builder.purpose(purpose))
    }

    /// The length of the vectors, for models that make shorter ones too.
    #[must_use]
    pub fn dimensions(self, dimensions: u32) -> Self {
        with!(self, builder => builder.dimensions(dimensions))
    }

    /// What calls cost, where the service does not say it.
    #[must_use]
    pub fn prices(self, prices: Prices) -> Self {
        with!(self, builder => builder.prices(prices))
    }

    /// The embedder: metered, retried and batched, without a cache.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`] when the address is not one; [`LmErrorKind::Transport`] when TLS can't be set up. Nothing
    /// is sent.
    pub fn build(self) -> Result<Arc<dyn Embedder>, LmError> {
        match self.builder {
            Any::OpenAi(builder) => builder.build(),
            Any::Gemini(builder) => builder.build(),
            Any::Cohere(builder) => builder.build(),
        }
    }
}
