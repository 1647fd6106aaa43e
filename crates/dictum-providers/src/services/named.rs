//! A model of a known service, being set up.

use dictum_core::lm::{Lm, LmError, LmErrorKind, Settings};

use super::{Dialect, Service};
use crate::{Anthropic, Gemini, OpenAi, Prices, Responses, Secret, anthropic, gemini, openai, responses};

/// A model of a known service, to be given its key and built. What only one dialect has stands with its own builder, as
/// [`Lm::anthropic`](crate::Providers::anthropic) gives it.
#[derive(Debug, Clone)]
pub struct Named {
    service: &'static Service,
    builder: Any,
}

#[derive(Debug, Clone)]
enum Any {
    Chat(openai::Builder),
    Responses(responses::Builder),
    Messages(anthropic::Builder),
    Gemini(gemini::Builder),
}

/// The same for the builder of each dialect.
macro_rules! with {
    ($named:expr, $builder:ident => $change:expr) => {{
        let Named { service, builder } = $named;
        let builder = match builder {
            Any::Chat($builder) => Any::Chat($change),
            Any::Responses($builder) => Any::Responses($change),
            Any::Messages($builder) => Any::Messages($change),
            Any::Gemini($builder) => Any::Gemini($change),
        };
        Named { service, builder }
    }};
}

impl Named {
    pub(super) fn new(service: &'static Service, model: &str) -> Result<Self, LmError> {
        let builder = match service.dialect {
            Dialect::Chat => Any::Chat(OpenAi::builder(model).service(service)),
            Dialect::Responses => Any::Responses(Responses::builder(model).provider(service.name)),
            Dialect::Messages => Any::Messages(Anthropic::builder(model)),
            Dialect::Gemini => Any::Gemini(Gemini::builder(model)),
            Dialect::Converse => {
                let message = "a model of Bedrock needs a region: use Lm::bedrock(model, region), or Lm::from_env, which reads it";
                let name = format!("{}/{model}", service.name);
                return Err(LmError::new(LmErrorKind::InvalidRequest, message).with_model(name));
            }
        };
        Ok(Self { service, builder })
    }

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

    /// Settings for calls that don't say otherwise.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Self {
        with!(self, builder => builder.settings(settings))
    }

    /// Whether the model can hold answers to some JSON object, and to a JSON Schema, where the service's table is wrong for it.
    #[must_use]
    pub fn structured_output(self, json_object: bool, json_schema: bool) -> Self {
        with!(self, builder => builder.structured_output(json_object, json_schema))
    }

    /// The model's context window, in tokens, if known.
    #[must_use]
    pub fn context_window(self, tokens: u32) -> Self {
        with!(self, builder => builder.context_window(tokens))
    }

    /// What calls cost, where the service does not say it.
    #[must_use]
    pub fn prices(self, prices: Prices) -> Self {
        with!(self, builder => builder.prices(prices))
    }

    /// The model. Of the layers it has only what keeps the call's deadline; see
    /// [`standard`](dictum_core::lm::layers::standard) for the others.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`] when the address is not one; [`LmErrorKind::Transport`] when TLS can't be set up. Nothing
    /// is sent.
    pub fn build(self) -> Result<Lm, LmError> {
        match self.builder {
            Any::Chat(builder) => builder.build(),
            Any::Responses(builder) => builder.build(),
            Any::Messages(builder) => builder.build(),
            Any::Gemini(builder) => builder.build(),
        }
    }
}
