//! Other models for what one can't do.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};

use super::now;
use super::retry::first_event;
use crate::lm::{
    Call, Capabilities, Digest, LanguageModel, Layer, Lm, LmError, LmErrorKind, RateLimits, Request,
    Response, ResponseStream, Settings,
};

/// Asks other models, in order, when the one within fails.
///
/// ```
/// # use dictum_core::lm::{Lm, LmErrorKind, Offline, Capabilities};
/// # let model = |name: &str| Lm::new(Offline::new(name, Capabilities::default()));
/// use dictum_core::lm::layers::{Fallback, standard};
///
/// let (primary, spare, large) = (model("a/small"), model("b/small"), model("a/large"));
/// let lm = primary
///     .layer(standard())
///     .layer(Fallback::on(&[LmErrorKind::ContextWindow], large.layer(standard())).then(spare));
/// ```
///
/// A model given with [`Fallback::to`] or [`Fallback::then`] is asked after a failure that another model may not have: anything
/// but a spent budget, a call given up, a passed deadline, a request that is wrong in itself or that a filter refused, and what
/// broke on our own side. One given with [`Fallback::on`] or [`Fallback::then_on`] is asked after failures of the kinds named, and no others. A model
/// whose context window is known to be too short for the request is passed over. The failure told at the end is the last one.
///
/// Each model keeps its own layers, so this one goes around them; a cache belongs inside, on each model: one outside keeps the
/// answers of this very list of models apart from all others. A stream is begun anew only while none of its events was handed on. What the whole can do
/// is what every model can do, since any of them may get the request; its name is the first one's.
#[derive(Debug, Clone)]
pub struct Fallback {
    others: Vec<(Lm, On)>,
}

#[derive(Debug, Clone)]
enum On {
    Usual,
    Kinds(Vec<LmErrorKind>),
}

impl Fallback {
    /// Falls back to this model.
    #[must_use]
    pub fn to(lm: Lm) -> Self {
        Self { others: Vec::new() }.then(lm)
    }

    /// Falls back to this model after failures of these kinds, whatever they are, and no others.
    #[must_use]
    pub fn on(kinds: &[LmErrorKind], lm: Lm) -> Self {
        Self { others: Vec::new() }.then_on(kinds, lm)
    }

    /// And after that to this one.
    #[must_use]
    pub fn then(mut self, lm: Lm) -> Self {
        self.others.push((lm, On::Usual));
        self
    }

    /// And after that to this one, after failures of these kinds and no others.
    #[must_use]
    pub fn then_on(mut self, kinds: &[LmErrorKind], lm: Lm) -> Self {
        self.others.push((lm, On::Kinds(kinds.to_vec())));
        self
    }
}

impl Layer for Fallback {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(FallingBack {
            inner,
            others: self.others,
        })
    }
}

#[derive(Debug)]
struct FallingBack {
    inner: Lm,
    others: Vec<(Lm, On)>,
}

/// Whether another model may do better.
pub(super) fn another_may_help(error: &LmError, call: &Call) -> bool {
    let passed = call.deadline.is_some_and(|deadline| now() >= deadline);
    !passed
        && !matches!(
            error.kind(),
            LmErrorKind::Budget
                | LmErrorKind::Cancelled
                | LmErrorKind::InvalidRequest
                | LmErrorKind::ContentFilter
                | LmErrorKind::Replay
                | LmErrorKind::Internal
        )
}

/// Whether a model is known to be too small for so many tokens.
pub(super) fn too_small(lm: &Lm, tokens: u64) -> bool {
    lm.capabilities()
        .context_window
        .is_some_and(|window| u64::from(window) < tokens)
}

/// The tokens a model must have room for.
pub(super) fn room_needed(request: &Request) -> u64 {
    request.estimated_tokens() + request.settings.max_tokens.map_or(0, u64::from)
}

/// What every one of these can do; the context window is the largest.
pub(super) fn what_all_can_do<'a>(models: impl Iterator<Item = &'a Lm>) -> Capabilities {
    models
        .map(Lm::capabilities)
        .reduce(|a, b| Capabilities {
            json_schema: a.json_schema && b.json_schema,
            json_object: a.json_object && b.json_object,
            output_shape: a.output_shape && b.output_shape,
            tools: a.tools && b.tools,
            context_window: a.context_window.zip(b.context_window).map(|(a, b)| a.max(b)),
        })
        .unwrap_or_default()
}

/// Which models an answer may come from.
pub(super) fn whose_answers<'a>(models: impl Iterator<Item = &'a Lm>) -> Digest {
    Digest::of(&models.map(|lm| (lm.name(), lm.variant())).collect::<Vec<_>>())
}

impl FallingBack {
    /// The next model to ask after this failure, from place `from` on, and the place after it.
    fn next(&self, from: usize, error: &LmError, request: &Request, call: &Call) -> Option<(usize, &Lm)> {
        let usual = another_may_help(error, call);
        let room = room_needed(request);
        let mut others = self.others.iter().enumerate().skip(from);
        let (at, (lm, _)) = others.find(|(_, (lm, on))| {
            let wanted = match on {
                On::Usual => usual,
                On::Kinds(kinds) => kinds.contains(&error.kind()),
            };
            wanted && !too_small(lm, room)
        })?;
        Some((at + 1, lm))
    }
}

impl LanguageModel for FallingBack {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        let others = self.others.iter().map(|(lm, _)| lm);
        what_all_can_do(std::iter::once(&self.inner).chain(others))
    }

    fn variant(&self) -> Option<Digest> {
        let others = self.others.iter().map(|(lm, _)| lm);
        Some(whose_answers(std::iter::once(&self.inner).chain(others)))
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
        Box::pin(async move {
            let mut from = 0;
            let mut lm = &self.inner;
            loop {
                let error = match lm.model().complete(request, call).await {
                    Ok(response) => return Ok(response),
                    Err(error) => error,
                };
                let Some((next, other)) = self.next(from, &error, request, call) else {
                    return Err(error);
                };
                (from, lm) = (next, other);
            }
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let mut from = 0;
            let mut lm = &self.inner;
            loop {
                let error = match first_event(lm, request, call).await {
                    Ok((first, rest)) => return Ok(stream::iter(first.map(Ok)).chain(rest).boxed()),
                    Err(error) => error,
                };
                let Some((next, other)) = self.next(from, &error, request, call) else {
                    return Err(error);
                };
                (from, lm) = (next, other);
            }
        })
    }
}
