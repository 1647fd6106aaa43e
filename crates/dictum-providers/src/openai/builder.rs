//! Setting up a model.

use super::request::is_reasoning_model;
use super::{Builder, Chat, OpenAi, at_azure};
use crate::services::Service;

impl OpenAi {
    /// Begins a model of this name, at OpenAI's own address unless another is given.
    pub fn builder(model: impl Into<String>) -> Builder {
        Builder::new(Chat::new(model.into()))
    }
}

impl Chat {
    pub(super) fn new(model: String) -> Self {
        Self {
            reasoning: is_reasoning_model(&model),
            model,
            own: true,
            developer: false,
            azure: false,
            strict_fields: false,
        }
    }
}

impl Builder {
    /// One of the services that are known by name.
    pub(crate) fn service(mut self, service: &Service) -> Self {
        self = self.provider(service.name);
        self.dialect.strict_fields = service.strict_fields;
        if let Some(variable) = service.key_variable {
            self = self.key_variable(variable);
        }
        if let Some(url) = service.base_url {
            self = self.base_url(url);
        }
        if let Some((object, schema)) = service.structured_output {
            self = self.structured_output(object, schema);
        }
        self
    }

    /// Azure's server: `endpoint` is the resource's address, `https://NAME.openai.azure.com`, and the model's name is the
    /// deployment's. `version` is the version of Azure's API: a date such as `2024-10-21`, or `v1`. The key goes in the header
    /// `api-key`; a token of Entra is given as the header `authorization` instead.
    ///
    /// A deployment's name says nothing about its model: see [`Builder::reasoning_model`].
    #[must_use]
    pub fn azure(self, endpoint: &str, version: &str) -> Self {
        let mut builder = at_azure(self, endpoint, version);
        builder.dialect.azure = true;
        builder
    }

    /// Whether the model is one of OpenAI's reasoning models, which take other parameters than the rest. Told from OpenAI's
    /// names by default.
    #[must_use]
    pub fn reasoning_model(mut self, reasons: bool) -> Self {
        self.dialect.reasoning = reasons;
        self
    }

    /// Sends instructions as the developer's (`developer`) rather than the system's. OpenAI's newer models take both for the
    /// same. Default: the system's.
    #[must_use]
    pub fn developer_role(mut self) -> Self {
        self.dialect.developer = true;
        self
    }
}
