//! A limit on calls in flight that finds itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::attempt::{Attempt, observed};
use super::{by_deadline, hand_on, now};
use crate::lm::{Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream};

/// As many calls in flight as the server can take, found by trying: the limit grows while answers come and shrinks when the
/// server is overloaded (additive increase, multiplicative decrease, as TCP does it).
///
/// It begins with few, doubles with every round until the first sign of overload, then falls to nine tenths. From there it grows
/// by one a round, and by a tenth of that near where it last was too much, so that it spends most of its time just below. It
/// grows only while its places are used. Overload is an error that says so: [`LmErrorKind::RateLimit`],
/// [`LmErrorKind::Timeout`], or a status of 502, 503, 504 or 529. Failures of calls that began before the last fall count as
/// part of it.
///
/// It learns from single attempts, so it belongs inside [`Retry`](super::Retry). Calls wait their turn first come, first
/// served, and no longer than to their deadline; a stream keeps its place until it ends or is dropped. Clones share one limit.
#[derive(Debug, Clone)]
pub struct Adaptive(Arc<Limiter>);

#[derive(Debug)]
struct Limiter {
    places: Arc<Semaphore>,
    state: Mutex<State>,
    bounds: (f64, f64),
}

#[derive(Debug)]
struct State {
    limit: f64,
    /// Places there are: the limit in whole calls, and those in use beyond it.
    places: usize,
    in_flight: usize,
    /// Until the first overload.
    doubling: bool,
    /// Where it last was too much.
    ceiling: f64,
    fell: Option<Instant>,
}

/// What is left of the limit after an overload.
const FALL: f64 = 0.9;
/// From this share of the ceiling on it grows slowly,
const NEAR: f64 = 0.95;
/// by this share of a place per round.
const SLOWLY: f64 = 0.1;

impl Default for Adaptive {
    fn default() -> Self {
        Self::new(4, 256)
    }
}

impl Adaptive {
    /// Begins with `start` calls at once and never allows more than `most`; 0 is taken as 1.
    #[must_use]
    pub fn new(start: usize, most: usize) -> Self {
        Self::with(start, 1, most)
    }

    /// The same, never falling below `least` calls at once, for servers that time out or refuse for other reasons than load too.
    /// Begins anew.
    #[must_use]
    pub fn at_least(self, least: usize) -> Self {
        Self::with(self.limit(), least, self.0.bounds.1 as usize)
    }

    fn with(start: usize, least: usize, most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let least = least.clamp(1, most);
        let start = start.clamp(least, most);
        Self(Arc::new(Limiter {
            places: Arc::new(Semaphore::new(start)),
            state: Mutex::new(State {
                limit: start as f64,
                places: start,
                in_flight: 0,
                doubling: true,
                ceiling: f64::INFINITY,
                fell: None,
            }),
            bounds: (least as f64, most as f64),
        }))
    }

    /// How many calls may be in flight now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.lock().limit as usize
    }
}

impl Limiter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(self: &Arc<Self>, call: &Call) -> Result<Place, LmError> {
        let place = Arc::clone(&self.places).acquire_owned();
        let permit = by_deadline(call, "while waiting for other calls to end", place)
            .await?
            .map_err(|error| {
                LmError::new(LmErrorKind::Internal, "the limit on calls is closed").with_source(error)
            })?;
        self.lock().in_flight += 1;
        Ok(Place {
            limiter: Arc::clone(self),
            permit: Some(permit),
            begun: now(),
        })
    }

    /// Makes the places follow the limit. Those in use are taken away when they are given back.
    fn follow(&self, state: &mut State) {
        let wanted = state.limit as usize;
        if wanted > state.places {
            self.places.add_permits(wanted - state.places);
            state.places = wanted;
        } else {
            state.places -= self.places.forget_permits(state.places - wanted);
        }
    }
}

impl State {
    fn grow(&mut self, most: f64) {
        // What is not used says nothing about what the server can take.
        if (self.in_flight as f64) < self.limit * 0.75 {
            return;
        }
        let step = if self.doubling {
            1.0
        } else if self.limit >= self.ceiling * NEAR && self.limit <= self.ceiling + 1.0 {
            SLOWLY / self.limit
        } else {
            1.0 / self.limit
        };
        self.limit = (self.limit + step).min(most);
    }

    fn fall(&mut self, begun: Instant, least: f64) {
        if self.fell.is_some_and(|fell| begun <= fell) {
            return;
        }
        self.fell = Some(now());
        self.doubling = false;
        self.ceiling = self.limit;
        self.limit = (self.limit * FALL).max(least);
    }
}

/// A call's place.
struct Place {
    limiter: Arc<Limiter>,
    permit: Option<OwnedSemaphorePermit>,
    begun: Instant,
}

impl Attempt for Place {
    fn end(&mut self, result: Result<&Response, &LmError>) {
        let (least, most) = self.limiter.bounds;
        let mut state = self.limiter.lock();
        match result {
            Ok(_) => state.grow(most),
            Err(error) if is_overload(error) => state.fall(self.begun, least),
            Err(_) => {}
        }
        self.limiter.follow(&mut state);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.limiter.lock();
        state.in_flight -= 1;
        if state.places > state.limit as usize {
            state.places -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

fn is_overload(error: &LmError) -> bool {
    matches!(error.kind(), LmErrorKind::RateLimit | LmErrorKind::Timeout)
        || matches!(error.status(), Some(502..=504 | 529))
}

impl Layer for Adaptive {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Adapting {
            inner,
            limiter: self.0,
        })
    }
}

#[derive(Debug)]
struct Adapting {
    inner: Lm,
    limiter: Arc<Limiter>,
}

impl LanguageModel for Adapting {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let mut place = self.limiter.begin(call).await?;
            let result = self.inner.model().complete(request, call).await;
            place.end(result.as_ref());
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let mut place = self.limiter.begin(call).await?;
            match self.inner.model().stream(request, call).await {
                Ok(stream) => Ok(observed(stream, place)),
                Err(error) => {
                    place.end(Err(&error));
                    Err(error)
                }
            }
        })
    }
}
