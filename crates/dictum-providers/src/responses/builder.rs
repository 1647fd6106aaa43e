//! Setting up a model.

use super::{Builder, Items, Responses};
use crate::openai::{at_azure, is_reasoning_model};

impl Responses {
    /// Begins a model of this name, at OpenAI's own address unless another is given.
    pub fn builder(model: impl Into<String>) -> Builder {
        Builder::new(Items::new(model.into()))
    }
}

impl Items {
    pub(super) fn new(model: String) -> Self {
        Self {
            reasons: is_reasoning_model(&model),
            model,
            own: true,
            developer: false,
            summary: None,
            azure: false,
        }
    }
}

impl Builder {
    /// Azure's server: `endpoint` is the resource's address, `https://NAME.openai.azure.com`, and the model's name is the
    /// deployment's. The key goes in the header `api-key`. Only version `v1` of Azure's API has Responses.
    #[must_use]
    pub fn azure(self, endpoint: &str) -> Self {
        let mut builder = at_azure(self, endpoint, "v1");
        builder.dialect.azure = true;
        builder
    }

    /// Whether the model reasons. Told from OpenAI's names by default; a deployment or another provider's model may have a
    /// name that says nothing.
    #[must_use]
    pub fn reasoning_model(mut self, reasons: bool) -> Self {
        self.dialect.reasons = reasons;
        self
    }

    /// Asks for a summary of the reasoning: `auto`, `concise` or `detailed`. Default: none, since not every account may.
    #[must_use]
    pub fn reasoning_summary(mut self, summary: impl Into<String>) -> Self {
        self.dialect.summary = Some(summary.into());
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
