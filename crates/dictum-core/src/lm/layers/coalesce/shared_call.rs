//! One call waited for by many.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;

use super::wakers::Wakers;
use crate::lm::{LmError, Response};

type Answer = Result<Response, LmError>;

/// A call whose answer any number of callers get. Whoever is polled drives it.
///
/// Most calls have one caller. So the machinery for waking several is made when the second comes, and until then the call
/// wakes its one caller directly.
pub(super) struct SharedCall {
    state: Mutex<State>,
}

struct State {
    work: Work,
    /// Callers who wait now, and how many there ever were.
    waiting: u64,
    callers: u64,
    wakers: Option<Arc<Wakers>>,
    /// The waker of the one caller, while there is no other.
    only: Option<(u64, Waker)>,
}

#[expect(clippy::large_enum_variant, reason = "a call has one, and it is on the heap")]
enum Work {
    Running(BoxFuture<'static, Answer>),
    Done(Answer),
    /// The last who waited has it.
    Taken,
}

impl SharedCall {
    pub(super) fn new(work: BoxFuture<'static, Answer>) -> Self {
        Self {
            state: Mutex::new(State {
                work: Work::Running(work),
                waiting: 0,
                callers: 0,
                wakers: None,
                only: None,
            }),
        }
    }

    /// The answer, for one more caller.
    pub(super) fn wait(&self) -> Waiting<'_> {
        let mut state = self.lock();
        state.waiting += 1;
        state.callers += 1;
        Waiting {
            call: self,
            id: state.callers,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One caller's wait. `None` when the call ended and its answer was handed on before this caller came: it must ask anew.
pub(super) struct Waiting<'a> {
    call: &'a SharedCall,
    id: u64,
}

impl Future for Waiting<'_> {
    type Output = Option<Answer>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut guard = self.call.lock();
        let state = &mut *guard;
        let work = match &mut state.work {
            Work::Running(work) => work,
            Work::Done(answer) => return Poll::Ready(Some(answer.clone())),
            Work::Taken => return Poll::Ready(None),
        };
        let polled = if state.callers == 1 {
            state.only = Some((self.id, cx.waker().clone()));
            work.as_mut().poll(cx)
        } else {
            let wakers = state.wakers.get_or_insert_with(Arc::default);
            if let Some((id, waker)) = state.only.take() {
                wakers.register(id, &waker);
            }
            // Registered before the work is polled, so that no wake between the two is lost.
            wakers.register(self.id, cx.waker());
            let waker = Waker::from(Arc::clone(wakers));
            work.as_mut().poll(&mut Context::from_waker(&waker))
        };
        let Poll::Ready(answer) = polled else {
            return Poll::Pending;
        };
        state.only = None;
        if state.waiting == 1 {
            // No one else wants it, so no copy is made.
            state.work = Work::Taken;
            return Poll::Ready(Some(answer));
        }
        state.work = Work::Done(answer.clone());
        let wakers = state.wakers.clone();
        drop(guard);
        if let Some(wakers) = wakers {
            wakers.wake_all();
        }
        Poll::Ready(Some(answer))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.call.lock();
        state.waiting -= 1;
        if state.only.as_ref().is_some_and(|(id, _)| *id == self.id) {
            state.only = None;
        }
        let Some(wakers) = state.wakers.clone() else {
            return;
        };
        drop(state);
        wakers.remove(self.id);
        // The others may wait for a wake that only this one got.
        wakers.wake_all();
    }
}
