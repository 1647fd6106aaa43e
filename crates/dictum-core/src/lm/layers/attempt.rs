//! Learning from how attempts end.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};

use crate::lm::{LmError, Response, ResponseStream, StreamEvent};

/// An attempt under way, for a layer that learns from its end or holds something until then. It is told the end once; one
/// that is dropped without was cancelled, and its `Drop` sees to that.
pub(super) trait Attempt: Send + Unpin + 'static {
    fn end(&mut self, result: Result<&Response, &LmError>);
}

/// A stream whose end its attempt is told, and with which the attempt goes.
pub(super) fn observed(stream: ResponseStream, attempt: impl Attempt) -> ResponseStream {
    Observed {
        stream,
        attempt: Some(attempt),
    }
    .boxed()
}

struct Observed<A> {
    stream: ResponseStream,
    attempt: Option<A>,
}

impl<A: Attempt> Stream for Observed<A> {
    type Item = Result<StreamEvent, LmError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = this.stream.poll_next_unpin(cx);
        let result = match &polled {
            Poll::Ready(Some(Ok(StreamEvent::Finished(response)))) => Ok(&**response),
            Poll::Ready(Some(Err(error))) => Err(error),
            _ => return polled,
        };
        if let Some(mut attempt) = this.attempt.take() {
            attempt.end(result);
        }
        polled
    }
}
