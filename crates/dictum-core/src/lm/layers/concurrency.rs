//! A limit on calls in flight.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};

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
    /// A place that goes back when it is dropped.
    async fn place(&self, call: &Call) -> Result<SemaphorePermit<'_>, LmError> {
        // Most calls find one at once.
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        // On the heap, so that the others don't carry the room for it.
        let wait = by_deadline(
            call,
            "while waiting for other calls to end",
            self.places.acquire(),
        );
        Box::pin(wait).await?.map_err(|error| {
            LmError::new(LmErrorKind::Internal, "the limit on calls is closed").with_source(error)
        })
    }

    async fn owned_place(&self, call: &Call) -> Result<OwnedPlace, LmError> {
        self.place(call).await?.forget();
        Ok(OwnedPlace(Arc::clone(&self.places)))
    }
}

/// The place of a stream.
struct OwnedPlace(Arc<Semaphore>);

impl Drop for OwnedPlace {
    fn drop(&mut self) {
        self.0.add_permits(1);
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
            self.inner.model().complete(request, call).await
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let place = self.owned_place(call).await?;
            let stream = self.inner.model().stream(request, call).await?;
            Ok(stream
                .inspect(move |_| {
                    // The place lives as long as the stream does.
                    let _ = &place;
                })
                .boxed())
        })
    }
}
