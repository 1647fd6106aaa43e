//! Setting up an embedder.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use dictum_core::embed::{Batched, Embedder, Metered, Retried};
use dictum_core::lm::LmError;
use serde_json::{Map, Value};

use super::remote::RemoteEmbedder;
use super::{EmbedDialect, Purpose, Wanted};
use crate::builder::parse;
use crate::http::{Endpoints, Http, HttpOptions};
use crate::{Prices, Secret, env};

/// Sets up a remote embedder. Reads nothing from the environment but where a method's name says so.
#[derive(Debug, Clone)]
pub struct Builder<D> {
    dialect: PhantomData<D>,
    wanted: Wanted,
    base_url: Option<String>,
    api_key: Option<Secret>,
    http: HttpOptions,
    prices: Option<Prices>,
    batch: usize,
    concurrency: usize,
    attempts: u32,
}

#[expect(private_bounds, reason = "what a dialect is made of is not public")]
impl<D: EmbedDialect> Builder<D> {
    pub(super) fn new(_: D, model: String) -> Self {
        Self {
            dialect: PhantomData,
            wanted: Wanted {
                model,
                purpose: None,
                dimensions: None,
                extra: Map::new(),
            },
            base_url: None,
            api_key: None,
            http: HttpOptions::default(),
            prices: None,
            batch: usize::MAX,
            concurrency: 4,
            attempts: 4,
        }
    }

    /// What the vectors are for, for models that want to know. Default: not said, or [`Purpose::Document`] where it must be.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.wanted.purpose = Some(purpose);
        self
    }

    /// The length of the vectors, for models that make shorter ones too. Not every model makes them of length 1 then.
    #[must_use]
    pub fn dimensions(mut self, dimensions: u32) -> Self {
        self.wanted.dimensions = Some(dimensions);
        self
    }

    /// A further parameter, put into each request as it is.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.wanted.extra.insert(name.into(), value.into());
        self
    }

    /// The most texts in a request. Default: what the provider takes, which is also the most.
    #[must_use]
    pub fn batch(mut self, texts: usize) -> Self {
        self.batch = texts;
        self
    }

    /// The most requests in flight, of one call. Default: 4.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// How often a request is tried in all, where trying again can help. Default: 4.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Another server: the address up to and without the part that names the call, such as `http://localhost:11434/v1`.
    /// Default: the provider's own.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The key. Servers on one's own machine usually need none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The key from the provider's usual environment variable, `OPENAI_API_KEY` say, read now.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`](dictum_core::lm::LmErrorKind::Auth) when the variable is not set or empty.
    pub fn api_key_from_env(self) -> Result<Self, LmError> {
        let key = env::key(D::KEY_VARIABLE).map_err(|error| error.with_model(self.name()))?;
        Ok(self.api_key(key))
    }

    /// One more header with each request. Its value is taken to be secret: it never shows.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.http.headers.push((name.into(), value.into()));
        self
    }

    /// What requests cost. Default: [`Prices::bundled`] at the provider's own address, none at another.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
        self
    }

    /// The most time to connect, 10 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.http.connect_timeout = Some(time);
        self
    }

    /// The longest answer that is read, in bytes, 64 MiB by default.
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

    /// The embedder: metered, retried and batched, without a cache.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`](dictum_core::lm::LmErrorKind::InvalidRequest) when the address or a header is not one;
    /// [`LmErrorKind::Transport`](dictum_core::lm::LmErrorKind::Transport) when TLS can't be set up. Nothing is sent.
    pub fn build(self) -> Result<Arc<dyn Embedder>, LmError> {
        let (batch, concurrency, attempts) = (self.batch, self.concurrency, self.attempts);
        let name = self.name();
        let model = self.build_model().map_err(|error| error.with_model(name))?;
        let retried = Retried::new(Metered::new(model)).attempts(attempts);
        Ok(Arc::new(
            Batched::new(retried).size(batch).concurrency(concurrency),
        ))
    }

    fn build_model(mut self) -> Result<RemoteEmbedder<D>, LmError> {
        let name = self.name();
        let base = parse(self.base_url.as_deref().unwrap_or(D::BASE_URL))?;
        let prices = self.prices.unwrap_or_else(|| Prices::at(&base, D::BASE_URL));
        let url = D::endpoint(&self.wanted.model, base);
        if let Some(key) = &self.api_key {
            let (header, value) = D::authorize(key);
            self.http.headers.insert(0, (header.to_owned(), value));
        }
        let endpoints = Endpoints {
            whole: url.clone(),
            streaming: url,
        };
        Ok(RemoteEmbedder {
            name,
            wanted: self.wanted,
            prices,
            http: Http::new(endpoints, &[], self.http)?,
            dialect: PhantomData,
        })
    }

    fn name(&self) -> String {
        format!("{}/{}", D::PROVIDER, self.wanted.model)
    }
}
