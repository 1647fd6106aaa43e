//! One stream read by many.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

use super::wakers::Wakers;
use crate::lm::{LmError, ResponseStream, StreamEvent};

type Event = Result<StreamEvent, LmError>;

/// A stream that any number of readers see from its start, each at its own pace. Whoever reads furthest drives it, so that
/// a reader who stops reading or goes away holds no one up.
pub(super) struct SharedStream {
    state: Arc<Mutex<State>>,
    wakers: Arc<Wakers>,
}

struct State {
    /// `None` once it has ended.
    source: Option<ResponseStream>,
    /// What came so far; as long as the answer, at most.
    log: Vec<Event>,
    readers: u64,
}

impl SharedStream {
    pub(super) fn new(source: ResponseStream) -> Self {
        let state = State {
            source: Some(source),
            log: Vec::new(),
            readers: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            wakers: Arc::default(),
        }
    }

    pub(super) fn reader(&self) -> Reader {
        let mut state = lock(&self.state);
        state.readers += 1;
        Reader {
            id: state.readers,
            state: Arc::clone(&self.state),
            wakers: Arc::clone(&self.wakers),
            at: 0,
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One reader of a [`SharedStream`].
pub(super) struct Reader {
    id: u64,
    state: Arc<Mutex<State>>,
    wakers: Arc<Wakers>,
    at: usize,
}

impl Stream for Reader {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let shared = Arc::clone(&self.state);
        let mut state = lock(&shared);
        if let Some(event) = state.log.get(self.at) {
            self.at += 1;
            return Poll::Ready(Some(event.clone()));
        }
        let Some(source) = &mut state.source else {
            return Poll::Ready(None);
        };
        // Registered before the source is polled, so that no wake between the two is lost.
        self.wakers.register(self.id, cx.waker());
        let waker = Waker::from(Arc::clone(&self.wakers));
        let polled = source.as_mut().poll_next(&mut Context::from_waker(&waker));
        match &polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(event)) => {
                state.log.push(event.clone());
                self.at += 1;
            }
            Poll::Ready(None) => state.source = None,
        }
        drop(state);
        self.wakers.wake_all();
        polled
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.wakers.remove(self.id);
        // The others may wait for a wake that only this reader got.
        self.wakers.wake_all();
    }
}
