//! A time limit on each attempt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;

use super::{hand_on, now};
use crate::lm::{Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream};

/// Ends an attempt with [`LmErrorKind::Timeout`] when it takes too long, or when the call's deadline passes; the call
/// beneath is cancelled. For a stream the time runs until its last event, the reader's own time included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timeout {
    total: Option<Duration>,
}

impl Timeout {
    /// A limit on the whole of an attempt.
    #[must_use]
    pub fn new(total: Duration) -> Self {
        Self { total: Some(total) }
    }

    /// No limit but the call's deadline.
    #[must_use]
    pub fn deadline_only() -> Self {
        Self::default()
    }
}

impl Layer for Timeout {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Timed {
            inner,
            total: self.total,
        })
    }
}

#[derive(Debug)]
struct Timed {
    inner: Lm,
    total: Option<Duration>,
}

/// When an attempt must end, and what to say when it didn't.
struct Limit {
    at: Instant,
    total: Option<Duration>,
}

impl Limit {
    fn error(&self) -> LmError {
        let message = match self.total {
            Some(total) => format!("no whole answer within {} s", total.as_secs_f64()),
            None => "the call's deadline passed before the answer was whole".to_owned(),
        };
        LmError::new(LmErrorKind::Timeout, message)
    }
}

impl Timed {
    fn limit(&self, call: &Call) -> Option<Limit> {
        // A limit too far off to be written as a time is none.
        let own = self.total.and_then(|total| now().checked_add(total));
        match (own, call.deadline) {
            (Some(at), deadline) if deadline.is_none_or(|deadline| at <= deadline) => Some(Limit {
                at,
                total: self.total,
            }),
            (_, Some(at)) => Some(Limit { at, total: None }),
            (_, None) => None,
        }
    }
}

impl LanguageModel for Timed {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let work = self.inner.complete(request, call);
            match self.limit(call) {
                None => work.await,
                Some(limit) => tokio::time::timeout_at(limit.at.into(), work)
                    .await
                    .unwrap_or_else(|_| Err(limit.error().with_model(self.name()))),
            }
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let work = self.inner.stream(request, call);
            let Some(limit) = self.limit(call) else {
                return work.await;
            };
            let model = self.name().to_owned();
            let inner = match tokio::time::timeout_at(limit.at.into(), work).await {
                Ok(inner) => inner?,
                Err(_) => return Err(limit.error().with_model(model)),
            };
            let events = stream::unfold(Some((inner, limit, model)), |state| async move {
                let (mut inner, limit, model) = state?;
                match tokio::time::timeout_at(limit.at.into(), inner.next()).await {
                    Ok(event) => event.map(|event| (event, Some((inner, limit, model)))),
                    Err(_) => Some((Err(limit.error().with_model(model)), None)),
                }
            });
            Ok(events.boxed())
        })
    }
}
