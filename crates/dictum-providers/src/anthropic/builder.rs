//! Setting up a model.

use super::model::Facts;
use super::{Anthropic, Builder, Messages};

impl Anthropic {
    /// Begins a model of this name, at Anthropic's own address unless another is given.
    pub fn builder(model: impl Into<String>) -> Builder {
        Builder::new(Messages::new(model.into()))
    }
}

impl Builder {
    /// Whether the end of a prefix is marked, so that the server keeps what is the same in all calls of a predictor. Keeping
    /// costs a quarter more than reading it once, and reading it again a tenth. Default: yes.
    #[must_use]
    pub fn prompt_caching(mut self, marks: bool) -> Self {
        self.dialect.caching = marks;
        self
    }
}

impl Messages {
    pub(super) fn new(model: String) -> Self {
        Self {
            facts: Facts::of(&model),
            model,
            own: true,
            caching: true,
        }
    }
}
