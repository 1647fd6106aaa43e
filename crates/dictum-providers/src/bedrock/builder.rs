//! Setting up a model.

use dictum_core::lm::{LmError, LmErrorKind};

use super::sigv4::Signer;
use super::{Bedrock, Builder, Converse, Credentials, models};
use crate::dialect::Dialect;
use crate::env;

impl Bedrock {
    /// Begins a model of this id (or inference profile, or ARN), in a region such as `eu-central-1`.
    pub fn builder(model: impl Into<String>, region: impl Into<String>) -> Builder {
        Builder::new(Converse::new(model.into(), region.into()))
    }

    /// Begins a model of this id as AWS's own tools are set up, read now: the region from the environment variable
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`, the key from `AWS_BEARER_TOKEN_BEDROCK` or as
    /// [`Credentials::from_env`] has it. Files of profiles are not read.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`] when there is no key, [`LmErrorKind::InvalidRequest`] when there is no region.
    pub fn from_env(model: impl Into<String>) -> Result<Builder, LmError> {
        from_variables(model.into(), env::text)
    }
}

fn from_variables(model: String, read: impl Fn(&str) -> Option<String>) -> Result<Builder, LmError> {
    let name = format!("{}/{model}", Converse::PROVIDER);
    let Some(region) = read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION")) else {
        let message = "set the environment variable AWS_REGION to the region of the model";
        return Err(LmError::new(LmErrorKind::InvalidRequest, message).with_model(name));
    };
    let builder = Bedrock::builder(model, region.trim());
    if let Some(key) = read(Converse::KEY_VARIABLE) {
        return Ok(builder.api_key(key));
    }
    let credentials = Credentials::from_variables(read).map_err(|error| error.with_model(name))?;
    Ok(builder.credentials(credentials))
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
        self.connection.http.secrets.push(secret_access_key.clone());
        self.connection.http.secrets.extend(session_token.clone());
        self.dialect.signer = Some(Signer {
            credentials,
            region: self.dialect.region.clone(),
            service: "bedrock",
        });
        self
    }

    /// Whether a mark at the end of the prefix (system message and demonstrations) asks the server to keep it. Default: for
    /// models whose names say that they can. To keep it costs more than to read it once, and much less than to read it twice.
    #[must_use]
    pub fn prompt_caching(mut self, caches: bool) -> Self {
        self.dialect.cache = caches;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Builder, LmError> {
        from_variables("amazon.nova-lite-v1:0".to_owned(), |wanted| {
            let found = set.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_where_and_who() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "planted"),
        ];
        let region = ("AWS_REGION", "eu-west-1");

        let builder = read(&[keys[0], keys[1], region, ("AWS_SESSION_TOKEN", "planted-token")]).unwrap();
        assert_eq!(
            builder.dialect.base_url(),
            "https://bedrock-runtime.eu-west-1.amazonaws.com"
        );
        let signer = builder.dialect.signer.as_ref().unwrap();
        assert_eq!(signer.credentials.secret_access_key.expose(), "planted");
        assert_eq!(
            signer.credentials.session_token.as_ref().unwrap().expose(),
            "planted-token"
        );
        assert!(!format!("{builder:?}").contains("planted"));

        let bearer = read(&[keys[0], keys[1], region, ("AWS_BEARER_TOKEN_BEDROCK", "planted")]).unwrap();
        assert!(bearer.dialect.signer.is_none(), "a key of Bedrock goes first");

        let china = read(&[keys[0], keys[1], ("AWS_DEFAULT_REGION", "cn-north-1")]).unwrap();
        assert_eq!(
            china.dialect.base_url(),
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
        );

        let missing = |set: &[(&str, &str)]| {
            let error = read(set).unwrap_err();
            (error.kind(), error.message().to_owned())
        };
        let (kind, message) = missing(&keys);
        assert!(
            kind == LmErrorKind::InvalidRequest && message.contains("AWS_REGION"),
            "{message}"
        );
        let (kind, message) = missing(&[keys[0], region]);
        assert!(
            kind == LmErrorKind::Auth && message.contains("AWS_SECRET_ACCESS_KEY"),
            "{message}"
        );
    }
}
