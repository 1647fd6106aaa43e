//! A model that is not there.

use futures_util::future::BoxFuture;

use super::{Call, Capabilities, LanguageModel, LmError, LmErrorKind, Request, Response, Settings};

/// A model that is never called: to render prompts without one, and to stand under a cassette that holds every call.
/// A call that does reach it fails with [`LmErrorKind::Replay`].
#[derive(Debug, Clone)]
pub struct Offline {
    name: String,
    capabilities: Capabilities,
    settings: Settings,
}

impl Offline {
    /// A stand-in for the model of this name. Name and capabilities shape requests, so a cassette needs those it was recorded with.
    pub fn new(name: impl Into<String>, capabilities: Capabilities) -> Self {
        Self {
            name: name.into(),
            capabilities,
            settings: Settings::default(),
        }
    }

    /// The same with the default settings of the model it stands for, which a cassette recorded with them needs too.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
}

impl LanguageModel for Offline {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn default_settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn complete<'a>(&'a self, _: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        let error = LmError::new(
            LmErrorKind::Replay,
            "there is no model behind this context, and no cassette holds the call",
        );
        Box::pin(std::future::ready(Err(error.with_model(&self.name))))
    }
}
