//! [`Lm`]: a model behind its layers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};

use super::estimate::text_tokens;
use super::{
    Call, Capabilities, Digest, LanguageModel, LmError, Meter, RateLimits, Request, Response, ResponseStream,
    Settings, StreamEvent, Usage,
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

    /// What stands around other [`Lm`]s, each of which counts its calls already.
    pub(crate) fn around(layers: Arc<dyn LanguageModel>) -> Self {
        Self(layers)
    }

    /// The model with its layers. Layers call it directly: a call through [`Lm::complete`] is one more future around it.
    pub(crate) fn model(&self) -> &dyn LanguageModel {
        &*self.0
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

    /// What tells its answers from those of another model of the same name; see [`LanguageModel::variant`].
    #[must_use]
    pub fn variant(&self) -> Option<Digest> {
        self.0.variant()
    }

    /// The settings it gives to calls that don't say otherwise; see [`LanguageModel::default_settings`].
    #[must_use]
    pub fn default_settings(&self) -> Option<&Settings> {
        self.0.default_settings()
    }

    /// What its provider last said is left of its limits.
    #[must_use]
    pub fn rate_limits(&self) -> Option<RateLimits> {
        self.0.rate_limits()
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

    fn variant(&self) -> Option<Digest> {
        self.inner.variant()
    }

    fn default_settings(&self) -> Option<&Settings> {
        self.inner.default_settings()
    }

    fn rate_limits(&self) -> Option<RateLimits> {
        self.inner.rate_limits()
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
            if let Ok(response) = &result {
                meter.end(&response.usage);
            }
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        let Some(meter) = &call.meter else {
            return self.inner.stream(request, call);
        };
        Box::pin(async move {
            meter.begin()?;
            let metered = MeteredStream {
                inner: self.inner.stream(request, call).await?,
                meter: meter.clone(),
                // Read only if the stream does not end well, but the request is not there any more then.
                input_tokens: request.estimated_tokens(),
                bytes: 0,
                events: false,
                ended: false,
            };
            Ok(metered.boxed())
        })
    }
}

/// A stream whose usage is counted at its end. Of one that breaks off or is dropped after its first event the provider never
/// says what it used, but bills it: an estimate is counted, so that ending streams early is no way around a budget.
struct MeteredStream {
    inner: ResponseStream,
    meter: Meter,
    input_tokens: u64,
    bytes: usize,
    events: bool,
    ended: bool,
}

impl Stream for MeteredStream {
    type Item = Result<StreamEvent, LmError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(event))) = &polled {
            self.events = true;
            match event {
                StreamEvent::Text(text) | StreamEvent::Reasoning(text) => self.bytes += text.len(),
                StreamEvent::ToolCall { name, .. } => self.bytes += name.len(),
                StreamEvent::Finished(response) => {
                    self.ended = true;
                    self.meter.end(&response.usage);
                }
            }
        }
        polled
    }
}

impl Drop for MeteredStream {
    fn drop(&mut self) {
        if self.events && !self.ended {
            self.meter.end(&Usage {
                input_tokens: Some(self.input_tokens),
                output_tokens: Some(text_tokens(self.bytes)),
                ..Usage::default()
            });
        }
    }
}
