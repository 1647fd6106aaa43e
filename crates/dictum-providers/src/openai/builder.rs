//! Setting up a model.

use super::request::is_reasoning_model;
use super::{Builder, Chat, OpenAi};

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
        }
    }
}
