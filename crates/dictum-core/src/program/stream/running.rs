//! A call under way, as a stream.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waking, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc;

use super::{Event, Streamed};
use crate::error::{Error, Result};
use crate::program::{Context, Module, Parameters};

/// How many events wait at most until the consumer takes them.
const WAITING: usize = 64;

/// A call of a program under way: events as they happen, then the output ([`Streamed::Finished`]) or the error, then nothing.
///
/// The call makes its steps while the stream is polled. Dropping it cancels the call.
pub struct ProgramStream<'a, O> {
    work: Option<BoxFuture<'a, Result<O>>>,
    events: mpsc::Receiver<Event>,
    outcome: Option<Result<O>>,
}

// Nothing in it is pinned: the future is on the heap, and the outcome is moved out.
impl<O> Unpin for ProgramStream<'_, O> {}

impl<O> std::fmt::Debug for ProgramStream<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProgramStream")
            .field("running", &self.work.is_some())
            .finish_non_exhaustive()
    }
}

impl<O> ProgramStream<'_, O> {
    /// The next event, or the outcome; `None` after that. As [`StreamExt::next`], without the import.
    ///
    /// # Errors
    /// Those of the call, as its last item.
    pub async fn next(&mut self) -> Option<Result<Streamed<O>>> {
        StreamExt::next(self).await
    }

    /// Runs the call to its end and gives its output; events that were not taken are dropped.
    ///
    /// # Errors
    /// Those of the call. [`Error::Program`] when the output was taken before.
    pub async fn output(mut self) -> Result<O> {
        while let Some(item) = self.next().await {
            if let Streamed::Finished(output) = item? {
                return Ok(output);
            }
        }
        Err(Error::program("the stream was read to its end before"))
    }
}

impl<O> Stream for ProgramStream<'_, O> {
    type Item = Result<Streamed<O>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Waking<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            // Events first: the work goes on only when all it has told was taken.
            match this.events.poll_recv(cx) {
                Poll::Ready(Some(event)) => return Poll::Ready(Some(Ok(Streamed::Event(event)))),
                Poll::Ready(None) | Poll::Pending => {}
            }
            let Some(work) = &mut this.work else {
                let outcome = this.outcome.take();
                return Poll::Ready(outcome.map(|outcome| outcome.map(Streamed::Finished)));
            };
            match work.poll_unpin(cx) {
                Poll::Ready(outcome) => {
                    this.work = None;
                    this.outcome = Some(outcome);
                }
                Poll::Pending => {
                    // What it told before it began to wait.
                    return match this.events.poll_recv(cx) {
                        Poll::Ready(Some(event)) => Poll::Ready(Some(Ok(Streamed::Event(event)))),
                        Poll::Ready(None) | Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}

/// Runs a call of a program in a context whose events come out of the stream, with the program's own paths.
pub(in crate::program) fn run<'a, P, O, F>(
    program: &P,
    ctx: &Context,
    call: impl FnOnce(Context) -> F,
) -> ProgramStream<'a, O>
where
    P: Parameters + ?Sized,
    F: Future<Output = Result<O>> + Send + 'a,
{
    let (events, receiver) = mpsc::channel(WAITING);
    let named = if ctx.knows_a_program() {
        ctx.clone()
    } else {
        ctx.for_program(program)
    };
    let streaming = named.streaming().cloned().unwrap_or_default().listening(events);
    ProgramStream {
        work: Some(call(named.with_streaming(streaming)).boxed()),
        events: receiver,
        outcome: None,
    }
}

/// [`Module::stream`] of a program that is shared: the stream borrows nothing, so it can be the body of a server's response.
pub fn stream_shared<M>(program: Arc<M>, ctx: &Context, input: M::Input) -> ProgramStream<'static, M::Output>
where
    M: Module + 'static,
    M::Input: 'static,
    M::Output: 'static,
{
    let shared = program.clone();
    run(&*program, ctx, move |ctx| async move {
        shared.call(&ctx, input).await
    })
}
