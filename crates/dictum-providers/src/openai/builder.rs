//! Setting up a model.

use std::time::Duration;

use dictum_core::lm::layers::Timeout;
use dictum_core::lm::{Capabilities, Lm, LmError, LmErrorKind, Settings};
use reqwest::Url;

use super::OpenAi;
use super::request::Dialect;
use crate::http::{Http, HttpOptions};
use crate::{Secret, env};

const OWN_URL: &str = "https://api.openai.com/v1";
const KEY_VARIABLE: &str = "OPENAI_API_KEY";

/// Sets up an [`OpenAi`] model. Reads nothing from the environment but where a method's name says so.
#[derive(Debug, Clone)]
pub struct Builder {
    model: String,
    base_url: String,
    api_key: Option<Secret>,
    http: HttpOptions,
    settings: Settings,
    structured_output: Option<(bool, bool)>,
    tools: bool,
    context_window: Option<u32>,
}

impl Builder {
    pub(super) fn new(model: String) -> Self {
        Self {
            model,
            base_url: OWN_URL.to_owned(),
            api_key: None,
            http: HttpOptions::default(),
            settings: Settings::default(),
            structured_output: None,
            tools: true,
            context_window: None,
        }
    }

    /// Another server: the address up to and without `/chat/completions`, such as `http://localhost:8000/v1`. A query
    /// (`?api-version=...`) is kept. Default: OpenAI's own.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// The key, sent as a bearer token. Servers on one's own machine usually need none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The key from the environment variable `OPENAI_API_KEY`, read now.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`] when the variable is not set or empty.
    pub fn api_key_from_env(self) -> Result<Self, LmError> {
        let key = env::key(KEY_VARIABLE).map_err(|error| error.with_model(name(&self.model)))?;
        Ok(self.api_key(key))
    }

    /// One more header with each call. Its value is taken to be secret: it never shows.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.http.headers.push((name.into(), value.into()));
        self
    }

    /// Settings for calls that don't say otherwise. They are not part of a request's digest: who keeps a cache over models of
    /// one name but different settings gives the settings with the request.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Whether the server can hold answers to some JSON object, and to a JSON Schema. Default: both for OpenAI's own address,
    /// neither elsewhere, since a server that ignores or refuses the parameter is worse than one that is not asked.
    #[must_use]
    pub fn structured_output(mut self, json_object: bool, json_schema: bool) -> Self {
        self.structured_output = Some((json_object, json_schema));
        self
    }

    /// Whether the model takes tools. Default: yes.
    #[must_use]
    pub fn tools(mut self, takes: bool) -> Self {
        self.tools = takes;
        self
    }

    /// The model's context window, in tokens, if known.
    #[must_use]
    pub fn context_window(mut self, tokens: u32) -> Self {
        self.context_window = Some(tokens);
        self
    }

    /// The most time to connect, 10 s by default. The call's own time is the [`Timeout`](dictum_core::lm::layers::Timeout)
    /// layer's matter.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.http.connect_timeout = Some(time);
        self
    }

    /// The longest whole answer that is read, in bytes, 64 MiB by default; and of a stream, the most it may bring in all.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.http.max_body = Some(bytes);
        self
    }

    /// Goes through the proxy that the environment or the system names (`HTTPS_PROXY`, `NO_PROXY` and so on). Default: none.
    #[must_use]
    pub fn proxy_from_env(mut self) -> Self {
        self.http.proxy_from_env = true;
        self
    }

    /// The model. Of the layers it has only what keeps the call's deadline; see
    /// [`standard`](dictum_core::lm::layers::standard) for the others.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`] when the address or a header is not one; [`LmErrorKind::Transport`] when TLS can't be
    /// set up. Nothing is sent.
    pub fn build(self) -> Result<Lm, LmError> {
        let model = self.build_model()?;
        Ok(Lm::new(model).layer(Timeout::deadline_only()))
    }

    fn build_model(mut self) -> Result<OpenAi, LmError> {
        let name = name(&self.model);
        let wrong = |message: String| LmError::new(LmErrorKind::InvalidRequest, message).with_model(&name);
        // The address may hold a key, so the message does not quote it.
        let mut url =
            Url::parse(&self.base_url).map_err(|error| wrong(format!("the base URL is not one: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong(
                "the base URL must begin with http:// or https:// and name a host".to_owned(),
            ));
        }
        let own = url.host_str() == Some("api.openai.com");
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if !self.base_url.contains("/chat/completions") {
                path.extend(["chat", "completions"]);
            }
        }
        if let Some(key) = &self.api_key {
            let value = Secret::new(format!("Bearer {}", key.expose()));
            self.http.headers.insert(0, ("authorization".to_owned(), value));
        }
        let (object, schema) = self.structured_output.unwrap_or((own, own));
        let mut capabilities = Capabilities::default().with_json(object, schema);
        if self.tools {
            capabilities = capabilities.with_tools();
        }
        if let Some(tokens) = self.context_window {
            capabilities = capabilities.with_context_window(tokens);
        }
        Ok(OpenAi {
            http: Http::new(url, self.http).map_err(|error| error.with_model(&name))?,
            dialect: Dialect::new(self.model, own),
            settings: self.settings,
            capabilities,
            name,
        })
    }
}

fn name(model: &str) -> String {
    format!("openai/{model}")
}
