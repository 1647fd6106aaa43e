//! [`Lm`]: a model behind its layers.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::{
    Call, Capabilities, LanguageModel, LmError, Request, Response, ResponseStream, StreamEvent, Usage,
};

/// A model behind its layers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lm(Arc<dyn LanguageModel>);

/// Something that stands around a model: a cache, retries, a limit. See [`super::layers`].
pub trait Layer {
    /// Puts the layer around `inner`.
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel>;
}

impl Lm {
    /// A model without layers. Every call is counted against the budgets it is made under.
    pub fn new(model: impl LanguageModel + 'static) -> Self {
        Self(Arc::new(Metered {
            inner: Arc::new(model),
        }))
    }

    /// The same model with one more layer around it. The last layer added sees a call first.
    #[must_use]
    pub fn layer(self, layer: impl Layer) -> Self {
        Self(layer.wrap(self))
    }

    /// The model with its layers, for a [`Layer`] that is made of others. What [`Lm::new`] makes of it again would count
    /// each call twice.
    #[must_use]
    pub fn into_inner(self) -> Arc<dyn LanguageModel> {
        self.0
    }

    /// Which model this is, as `provider/model`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What the model can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    /// Makes one call.
    ///
    /// # Errors
    /// See [`LanguageModel::complete`].
    pub async fn complete(&self, request: &Request, call: &Call) -> Result<Response, LmError> {
        self.0.complete(request, call).await
    }

    /// Makes one call, piece by piece.
    ///
    /// # Errors
    /// See [`LanguageModel::stream`].
    pub async fn stream(&self, request: &Request, call: &Call) -> Result<ResponseStream, LmError> {
        self.0.stream(request, call).await
    }
}

/// Counts physical calls against the call's budget. Innermost, so that retries count and cache hits don't.
#[derive(Debug)]
struct Metered {
    inner: Arc<dyn LanguageModel>,
}

impl LanguageModel for Metered {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        let Some(meter) = &call.meter else {
            return self.inner.complete(request, call);
        };
        Box::pin(async move {
            meter.begin()?;
            let result = self.inner.complete(request, call).await;
            meter.end(
                &result
                    .as_ref()
                    .map_or_else(|_| Usage::default(), |response| response.usage),
            );
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let Some(meter) = call.meter.clone() else {
                return self.inner.stream(request, call).await;
            };
            meter.begin()?;
            let stream = self.inner.stream(request, call).await?;
            Ok(stream
                .inspect(move |event| {
                    if let Ok(StreamEvent::Finished(response)) = event {
                        meter.end(&response.usage);
                    }
                })
                .boxed())
        })
    }
}
