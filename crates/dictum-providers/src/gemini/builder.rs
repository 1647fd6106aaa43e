//! Setting up a model.

use super::{Builder, Gemini, GenerateContent};

impl Gemini {
    /// Begins a model of this name, `gemini-2.5-flash` say, at Google's own address unless another is given.
    pub fn builder(model: impl Into<String>) -> Builder {
        Builder::new(GenerateContent { model: model.into() })
    }
}
