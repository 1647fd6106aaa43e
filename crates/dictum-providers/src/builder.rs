//! Setting up a model, whatever its dialect.

use std::time::Duration;

use dictum_core::lm::layers::Timeout;
use dictum_core::lm::{Digest, Lm, LmError, LmErrorKind, Settings};
use reqwest::Url;

use crate::dialect::Dialect;
use crate::http::{Endpoints, Http, HttpOptions};
use crate::learned::Learned;
use crate::{Prices, Remote, Secret, env};

/// Sets up a remote model. Reads nothing from the environment but where a method's name says so.
///
/// What a dialect has beside these methods stands in its module.
#[derive(Debug, Clone)]
pub struct Builder<D> {
    pub(crate) dialect: D,
    provider: String,
    key_variable: &'static str,
    base_url: Option<String>,
    api_key: Option<Secret>,
    /// The header that carries the bare key, where it is not the dialect's usual one.
    key_header: Option<&'static str>,
    pub(crate) http: HttpOptions,
    settings: Settings,
    structured_output: Option<(bool, bool)>,
    tools: bool,
    context_window: Option<u32>,
    prices: Option<Prices>,
}

#[expect(private_bounds, reason = "what a dialect is made of is not public")]
impl<D: Dialect> Builder<D> {
    pub(crate) fn new(dialect: D) -> Self {
        Self {
            dialect,
            provider: D::PROVIDER.to_owned(),
            key_variable: D::KEY_VARIABLE,
            base_url: None,
            api_key: None,
            key_header: None,
            http: HttpOptions::default(),
            settings: Settings::default(),
            structured_output: None,
            tools: true,
            context_window: None,
            prices: None,
        }
    }

    /// Another server, or another version of the API: the address up to and without the part that names the call, such as
    /// `http://localhost:8000/v1`. A query (`?api-version=...`) is kept. Default: the provider's own.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The key, sent in the header that the dialect has for it. Servers on one's own machine usually need none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The key from the provider's usual environment variable, `OPENAI_API_KEY` say, read now.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`] when the variable is not set or empty.
    pub fn api_key_from_env(self) -> Result<Self, LmError> {
        let key = env::key(self.key_variable).map_err(|error| error.with_model(self.name()))?;
        Ok(self.api_key(key))
    }

    /// One more header with each call. Its value is taken to be secret: it never shows.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.http.headers.push((name.into(), value.into()));
        self
    }

    /// Settings for calls that don't say otherwise. Caches and cassettes keep the answers of models with other
    /// defaults apart.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Whether the server can hold answers to some JSON object, and to a JSON Schema. Default: what the provider's own
    /// address is known to do, and neither at another, since a server that ignores or refuses the parameter is worse than one
    /// that is not asked.
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

    /// What calls cost, where the provider does not say it. Default: [`Prices::bundled`] at the provider's own address; at
    /// another, where a model of the same name may cost something else or nothing, none.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
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

    fn build_model(mut self) -> Result<Remote<D>, LmError> {
        let name = self.name();
        let base = self.base_url.take().unwrap_or_else(|| self.dialect.base_url());
        let base = parse(&base).map_err(|error| error.with_model(&name))?;
        let prices = self
            .prices
            .unwrap_or_else(|| Prices::at(&base, &self.dialect.base_url()));
        self.dialect.at(&base);
        // Without the query, which may hold a key or a version: neither makes it another model.
        let address = (
            base.scheme(),
            base.host_str(),
            base.port_or_known_default(),
            base.path(),
        );
        let variant = Digest::of(&(address, &self.settings));
        let endpoints = Endpoints {
            whole: self.dialect.endpoint(base.clone(), false),
            streaming: self.dialect.endpoint(base, true),
        };
        if let Some(key) = &self.api_key {
            let (header, value) = match self.key_header {
                Some(header) => (header, key.clone()),
                None => D::authorize(key),
            };
            self.http.headers.insert(0, (header.to_owned(), value));
        }
        let mut capabilities = self.dialect.capabilities();
        if let Some((object, schema)) = self.structured_output {
            capabilities = capabilities.with_json(object, schema);
        }
        capabilities.tools = self.tools;
        capabilities.context_window = self.context_window.or(capabilities.context_window);
        Ok(Remote {
            http: Http::new(endpoints, D::HEADERS, self.http).map_err(|error| error.with_model(&name))?,
            dialect: self.dialect,
            settings: self.settings,
            capabilities,
            name,
            variant,
            prices,
            learned: Learned::default(),
        })
    }

    /// Another provider of the same dialect: the part of the model's name before the slash.
    pub(crate) fn provider(mut self, name: &str) -> Self {
        self.provider = name.to_owned();
        self
    }

    /// The environment variable that usually holds the key.
    pub(crate) fn key_variable(mut self, name: &'static str) -> Self {
        self.key_variable = name;
        self
    }

    /// The header that carries the bare key.
    pub(crate) fn key_header(mut self, name: &'static str) -> Self {
        self.key_header = Some(name);
        self
    }

    fn name(&self) -> String {
        format!("{}/{}", self.provider, self.dialect.model())
    }
}

/// An address to stand before the dialect's own part. It may hold a key, so no message quotes it.
pub(crate) fn parse(base: &str) -> Result<Url, LmError> {
    let wrong = |message: String| LmError::new(LmErrorKind::InvalidRequest, message);
    let mut url = Url::parse(base).map_err(|error| wrong(format!("the base URL is not one: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(
            "the base URL must begin with http:// or https:// and name a host".to_owned(),
        ));
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gemini, OpenAi, Price};

    #[test]
    fn prices_are_known_only_where_the_model_is_the_providers() {
        let known = |builder: Builder<crate::openai::Chat>| {
            let model = builder.build_model().unwrap();
            model.prices.get("openai/gpt-5-mini").map(|price| price.input)
        };
        let elsewhere = OpenAi::builder("gpt-5-mini").base_url("http://localhost:8000/v1");
        assert!(known(OpenAi::builder("gpt-5-mini")).is_some());
        assert_eq!(known(elsewhere.clone()), None);
        let own = Prices::none().with("openai/gpt-5-mini", Price::new(7.0, 7.0));
        assert_eq!(known(elsewhere.prices(own.clone())), Some(7.0));
        assert_eq!(known(OpenAi::builder("gpt-5-mini").prices(own)), Some(7.0));
        let gemini = Gemini::builder("gemini-2.5-pro").build_model().unwrap();
        assert!(gemini.prices.get(&gemini.name).is_some());
    }

    #[test]
    fn other_servers_and_other_defaults_are_other_variants() {
        let variant = |builder: Builder<crate::openai::Chat>| builder.build_model().unwrap().variant;
        let here = || OpenAi::builder("m").base_url("http://localhost:8000/v1?key=one");
        let warm = Settings {
            temperature: Some(1.0),
            ..Settings::default()
        };
        assert_eq!(variant(here()), variant(here().api_key("sk-other")));
        assert_eq!(
            variant(here()),
            variant(here().base_url("http://localhost:8000/v1?key=two"))
        );
        assert_ne!(
            variant(here()),
            variant(here().base_url("http://localhost:8001/v1"))
        );
        assert_ne!(variant(here()), variant(here().settings(warm)));
    }
}
