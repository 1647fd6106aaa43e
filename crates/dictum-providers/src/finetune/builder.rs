//! Setting up a service that trains.

use dictum_core::lm::LmError;

use super::OpenAiTuning;
use crate::connection::{Connection, connection_setters};
use crate::dialect::Dialect;
use crate::http::Endpoints;
use crate::openai::Chat;

/// Sets up a service that trains models. Reads nothing from the environment but where a method's name says so.
#[derive(Debug, Clone)]
pub struct Builder {
    connection: Connection,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            connection: Connection::new(Chat::KEY_VARIABLE),
        }
    }

    connection_setters!();

    /// The service. Nothing is sent.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`](dictum_core::lm::LmErrorKind::InvalidRequest) when the address or a header is not one;
    /// [`LmErrorKind::Transport`](dictum_core::lm::LmErrorKind::Transport) when TLS can't be set up.
    pub fn build(mut self) -> Result<OpenAiTuning, LmError> {
        let connection = self.connection.clone();
        let opened = || {
            let (base, _) = self.connection.place(BASE_URL)?;
            let endpoints = Endpoints {
                whole: base.clone(),
                streaming: base.clone(),
            };
            let http = self.connection.open(endpoints, Chat::HEADERS, Chat::authorize)?;
            Ok((base, http))
        };
        let (base, http) = opened().map_err(|error: LmError| error.with_model(Chat::PROVIDER))?;
        Ok(OpenAiTuning {
            base,
            http,
            connection,
        })
    }

    fn name(&self) -> &'static str {
        Chat::PROVIDER
    }
}

/// OpenAI's own address.
const BASE_URL: &str = "https://api.openai.com/v1";
