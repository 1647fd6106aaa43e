//! A limit on calls in flight.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{by_deadline, hand_on};
use crate::lm::{Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream};

/// At most so many calls in flight; the others wait their turn, first come, first served.
///
/// A stream keeps its place until it ends or is dropped. Clones share one limit, so one limit can stand before several
/// models of one provider. Waiting ends with [`LmErrorKind::Timeout`] at the call's deadline.
#[derive(Debug, Clone)]
pub struct Concurrency {
    places: Arc<Semaphore>,
}

impl Concurrency {
    /// A limit of `limit` calls; 0 is taken as 1.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(limit)),
        }
    }
}

impl Layer for Concurrency {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Limited {
            inner,
            places: self.places,
        })
    }
}

#[derive(Debug)]
struct Limited {
    inner: Lm,
    places: Arc<Semaphore>,
}

impl Limited {
    async fn place(&self, call: &Call) -> Result<OwnedSemaphorePermit, LmError> {
        let place = Arc::clone(&self.places).acquire_owned();
        by_deadline(call, "while waiting for other calls to end", place)
            .await?
            .map_err(|error| {
                LmError::new(LmErrorKind::Internal, "the limit on calls is closed").with_source(error)
            })
    }
}

impl LanguageModel for Limited {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let _place = self.place(call).await?;
            self.inner.complete(request, call).await
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let place = self.place(call).await?;
            let stream = self.inner.stream(request, call).await?;
            Ok(stream
                .inspect(move |_| {
                    // The place lives as long as the stream does.
                    let _ = &place;
                })
                .boxed())
        })
    }
}
