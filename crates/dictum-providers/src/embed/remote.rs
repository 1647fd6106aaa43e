//! An embedder behind HTTP, whatever its form.

use std::marker::PhantomData;

use dictum_core::embed::{BatchLimit, Embedder, Embeddings};
use dictum_core::lm::{Call, LmError, LmErrorKind};
use futures_util::future::BoxFuture;

use super::{EmbedDialect, Wanted};
use crate::Prices;
use crate::http::Http;
use crate::remote::named;

/// An embedder behind HTTP. One request per call, one attempt.
#[derive(Debug)]
pub(super) struct RemoteEmbedder<D> {
    pub(super) name: String,
    pub(super) wanted: Wanted,
    pub(super) prices: Prices,
    pub(super) http: Http,
    pub(super) dialect: PhantomData<D>,
}

impl<D: EmbedDialect> RemoteEmbedder<D> {
    async fn ask(&self, texts: &[String]) -> Result<Embeddings, LmError> {
        let body = serde_json::to_vec(&D::body(&self.wanted, texts)).map_err(|error| {
            let message = "the request can't be written as JSON";
            LmError::new(LmErrorKind::InvalidRequest, message).with_source(error)
        })?;
        let answer = self.http.post(body, false, |_| Ok(()), D::refused).await?;
        let mut done = D::answer(&answer.whole().await?)?;
        if done.usage.cost_usd.is_none() {
            done.usage.cost_usd = self.prices.cost(&self.name, &done.usage);
        }
        Ok(done)
    }
}

impl<D: EmbedDialect> Embedder for RemoteEmbedder<D> {
    fn name(&self) -> &str {
        &self.name
    }

    fn limit(&self) -> BatchLimit {
        D::LIMIT
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        Box::pin(async move {
            if texts.is_empty() {
                return Ok(Embeddings::default());
            }
            self.ask(texts)
                .await
                .map_err(|error| named(error, &self.name, &self.http))
        })
    }
}
