//! Identical calls in flight share one physical call.

mod flights;
mod shared_call;
mod shared_stream;
mod wakers;

use std::sync::Arc;

use futures_util::future::{BoxFuture, TryFutureExt};
use futures_util::{StreamExt, stream};

use self::flights::{Flights, Seat};
use self::shared_call::SharedCall;
use self::shared_stream::SharedStream;
use super::timeout::until;
use super::{by_deadline, hand_on, now};
use crate::lm::{
    CachePolicy, Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream,
    Source, StreamEvent,
};

/// Identical calls that are in flight at the same time share one physical call, its answer or its failure.
///
/// Calls are identical when their requests are, as [`Request::digest`] tells it; a call and a stream don't meet. The call is made under the budget of
/// the caller who came first. It goes on as long as anyone waits for it: when the first caller gives up, the others keep it
/// going; when all have, it is cancelled. Each caller's own deadline holds for it. One caller's answer keeps its source, the
/// others' have [`Source::Shared`] and 0 attempts. What concerned only the first caller, its budget or its deadline, is not
/// shared: the others make the call anew. Calls that bypass caches are not shared either.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coalesce;

impl Layer for Coalesce {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Coalesced {
            inner,
            calls: Arc::default(),
            streams: Arc::default(),
        })
    }
}

#[derive(Debug)]
struct Coalesced {
    inner: Lm,
    calls: Arc<Flights<SharedCall>>,
    streams: Arc<Flights<SharedStream>>,
}

impl Coalesced {
    fn begin_call(&self, request: Arc<Request>, call: &Call) -> SharedCall {
        let (inner, call) = (self.inner.clone(), call.clone());
        SharedCall::new(Box::pin(
            async move { inner.model().complete(&request, &call).await },
        ))
    }

    fn begin_stream(&self, request: Arc<Request>, call: &Call) -> SharedStream {
        let (inner, call) = (self.inner.clone(), call.clone());
        let events = async move { inner.model().stream(&request, &call).await }.try_flatten_stream();
        SharedStream::new(events.boxed())
    }
}

/// Whether a failure concerns the caller who made the call and none of those who joined it.
fn only_the_makers<T>(error: &LmError, seat: &Seat<T>) -> bool {
    match error.kind() {
        LmErrorKind::Budget | LmErrorKind::Cancelled => true,
        // It passed, or a layer saw that it would: that one says how long it would have taken.
        LmErrorKind::Timeout => seat
            .makers_deadline()
            .is_some_and(|deadline| now() >= deadline || error.retry_after().is_some()),
        _ => false,
    }
}

fn shared(response: &mut Response) {
    response.source = Source::Shared;
    response.attempts = 0;
}

const WAITING: &str = "while waiting for an identical call in flight";

impl LanguageModel for Coalesced {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        if call.cache == CachePolicy::Bypass {
            return self.inner.model().complete(request, call);
        }
        Box::pin(async move {
            loop {
                let mut seat = Flights::board(&self.calls, request, call.deadline, |request| {
                    self.begin_call(request, call)
                });
                let answer = seat.flight().wait();
                let answer = match call.deadline {
                    None => answer.await,
                    // On the heap, so that calls without a deadline don't carry the room for a timer.
                    Some(_) => Box::pin(by_deadline(call, WAITING, answer)).await?,
                };
                let Some(mut result) = answer else {
                    seat.land();
                    continue;
                };
                let owner = seat.land();
                match &mut result {
                    Ok(response) if !owner => shared(response),
                    Err(error) if !seat.is_maker() && only_the_makers(error, &seat) => continue,
                    _ => {}
                }
                return result;
            }
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        if call.cache == CachePolicy::Bypass {
            return self.inner.model().stream(request, call);
        }
        Box::pin(async move {
            loop {
                let mut seat = Flights::board(&self.streams, request, call.deadline, |request| {
                    self.begin_stream(request, call)
                });
                let mut events = seat.flight().reader();
                // A failure before the first event is the failure of the call, not an item of the stream.
                let first = match by_deadline(call, WAITING, events.next()).await?.transpose() {
                    Ok(first) => first,
                    Err(error) => {
                        seat.land();
                        if !seat.is_maker() && only_the_makers(&error, &seat) {
                            continue;
                        }
                        return Err(error);
                    }
                };
                let maker = seat.is_maker();
                let events = stream::iter(first.map(Ok)).chain(events).map(move |mut event| {
                    match &mut event {
                        Ok(StreamEvent::Finished(response)) => {
                            if !seat.land() {
                                shared(response);
                            }
                        }
                        Ok(_) => {}
                        Err(_) => {
                            seat.land();
                        }
                    }
                    event
                });
                // The call keeps its maker's deadline; the others' is theirs alone.
                return Ok(match call.deadline {
                    Some(deadline) if !maker => until(deadline, events.boxed(), self.name()),
                    _ => events.boxed(),
                });
            }
        })
    }
}
