//! Setting up a model.

use dictum_core::lm::LmError;

use super::sigv4::Signer;
use super::{Bedrock, Builder, Converse, Credentials, models};
use crate::env;

impl Bedrock {
    /// Begins a model of this id (or inference profile, or ARN), in a region such as `eu-central-1`.
    pub fn builder(model: impl Into<String>, region: impl Into<String>) -> Builder {
        Builder::new(Converse::new(model.into(), region.into()))
    }
}

impl Converse {
    pub(super) fn new(model: String, region: String) -> Self {
        Self {
            cache: models::keep_a_prefix(&model),
            model,
            region,
            signer: None,
            own: true,
        }
    }
}

impl Builder {
    /// Signs calls with this access key. A key given with `api_key` goes before it. Temporary keys are not renewed: a model is
    /// set up anew with new ones.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        let Credentials {
            secret_access_key,
            session_token,
            ..
        } = &credentials;
        // They are in no header as they are, and servers quote what they were given to sign.
        self.http.secrets.push(secret_access_key.clone());
        self.http.secrets.extend(session_token.clone());
        self.dialect.signer = Some(Signer {
            credentials,
            region: self.dialect.region.clone(),
            service: "bedrock",
        });
        self
    }

    /// Signs calls with the access key in the environment variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if set,
    /// `AWS_SESSION_TOKEN`, read now.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`](dictum_core::lm::LmErrorKind::Auth) when one of the first two is not set or empty.
    pub fn credentials_from_env(self) -> Result<Self, LmError> {
        let name = format!("bedrock/{}", self.dialect.model);
        let key = |variable| env::key(variable).map_err(|error| error.with_model(&name));
        let mut credentials = Credentials::new(key("AWS_ACCESS_KEY_ID")?, key("AWS_SECRET_ACCESS_KEY")?);
        if let Ok(token) = env::key("AWS_SESSION_TOKEN") {
            credentials = credentials.with_session_token(token);
        }
        Ok(self.credentials(credentials))
    }

    /// Whether a mark at the end of the prefix (system message and demonstrations) asks the server to keep it. Default: for
    /// models whose names say that they can. To keep it costs more than to read it once, and much less than to read it twice.
    #[must_use]
    pub fn prompt_caching(mut self, caches: bool) -> Self {
        self.dialect.cache = caches;
        self
    }
}
