//! Setting up an embedder.

use std::marker::PhantomData;
use std::sync::Arc;

use dictum_core::embed::{Batched, Embedder, Metered, Retried};
use dictum_core::lm::LmError;
use serde_json::{Map, Value};

use super::remote::RemoteEmbedder;
use super::{EmbedDialect, Purpose, Wanted};
use crate::connection::{Connection, connection_setters};
use crate::http::Endpoints;

/// Sets up a remote embedder. Reads nothing from the environment but where a method's name says so.
#[derive(Debug, Clone)]
pub struct Builder<D> {
    dialect: PhantomData<D>,
    /// The part of its name before the slash.
    provider: &'static str,
    wanted: Wanted,
    connection: Connection,
    batch: usize,
    concurrency: usize,
    attempts: u32,
}

#[expect(private_bounds, reason = "what a dialect is made of is not public")]
impl<D: EmbedDialect> Builder<D> {
    pub(super) fn new(_: D, model: String) -> Self {
        Self {
            dialect: PhantomData,
            provider: D::PROVIDER,
            wanted: Wanted {
                model,
                purpose: None,
                dimensions: None,
                extra: Map::new(),
            },
            connection: Connection::new(D::KEY_VARIABLE),
            batch: usize::MAX,
            concurrency: 4,
            attempts: 4,
        }
    }

    /// One of the services that are known by name.
    pub(super) fn service(mut self, name: &'static str, key_variable: Option<&'static str>) -> Self {
        self.provider = name;
        if let Some(variable) = key_variable {
            self.connection.key_variable = variable;
        }
        self
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

    connection_setters!();

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
        let (base, prices) = self.connection.place(D::BASE_URL)?;
        let url = D::endpoint(&self.wanted.model, base);
        let endpoints = Endpoints {
            whole: url.clone(),
            streaming: url,
        };
        Ok(RemoteEmbedder {
            name,
            wanted: self.wanted,
            prices,
            http: self.connection.open(endpoints, &[], D::authorize)?,
            dialect: PhantomData,
        })
    }

    fn name(&self) -> String {
        format!("{}/{}", self.provider, self.wanted.model)
    }
}
