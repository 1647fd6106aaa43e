//! Time limits on each attempt.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::Sleep;

use super::{hand_on, now};
use crate::lm::{
    Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream, StreamEvent,
};

/// Ends an attempt with [`LmErrorKind::Timeout`] when it takes too long, or when the call's deadline passes; the call
/// beneath is cancelled.
///
/// | limit | on |
/// |---|---|
/// | total | the whole attempt; of a stream until its last event, the reader's own time included |
/// | first event | a stream's time until its first event |
/// | between events | a stream's silence after an event; only the time spent waiting counts, not the reader's own |
///
/// A call that is not streamed has only the total: nothing of it shows before all of it is there. The time to connect is the
/// provider's matter (`connect_timeout` of its builder).
#[derive(Debug, Clone, Copy, Default)]
pub struct Timeout {
    total: Option<Duration>,
    first: Option<Duration>,
    between: Option<Duration>,
}

impl Timeout {
    /// A limit on the whole of an attempt.
    #[must_use]
    pub fn new(total: Duration) -> Self {
        Self {
            total: Some(total),
            ..Self::default()
        }
    }

    /// No limit but the call's deadline.
    #[must_use]
    pub fn deadline_only() -> Self {
        Self::default()
    }

    /// The same, with a limit on the time until a stream's first event.
    #[must_use]
    pub fn first_event(mut self, time: Duration) -> Self {
        self.first = Some(time);
        self
    }

    /// The same, with a limit on the silence between two events of a stream.
    #[must_use]
    pub fn between_events(mut self, time: Duration) -> Self {
        self.between = Some(time);
        self
    }
}

impl Layer for Timeout {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Timed { inner, limits: self })
    }
}

#[derive(Debug)]
struct Timed {
    inner: Lm,
    limits: Timeout,
}

/// When an attempt must end or go on, and which limit says so.
#[derive(Clone, Copy)]
struct Limit {
    at: Instant,
    which: Which,
}

#[derive(Clone, Copy)]
enum Which {
    Total(Duration),
    First(Duration),
    Between(Duration),
    Deadline,
}

impl Limit {
    /// So long after `start`. A limit too far off to be written as a time is none.
    fn after(start: Instant, time: Option<Duration>, which: fn(Duration) -> Which) -> Option<Self> {
        let time = time?;
        let at = start.checked_add(time)?;
        Some(Self {
            at,
            which: which(time),
        })
    }

    fn nearer(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if other.at < one.at { other } else { one }),
            (one, other) => one.or(other),
        }
    }

    fn error(&self, model: &str) -> LmError {
        let message = match self.which {
            Which::Total(time) => format!("no whole answer within {} s", time.as_secs_f64()),
            Which::First(time) => format!("the answer did not begin within {} s", time.as_secs_f64()),
            Which::Between(time) => {
                format!("the answer broke off: nothing came for {} s", time.as_secs_f64())
            }
            Which::Deadline => "the call's deadline passed before the answer was whole".to_owned(),
        };
        LmError::new(LmErrorKind::Timeout, message).with_model(model)
    }
}

impl Timed {
    /// The limit on the whole, and the moment the attempt begins where a limit counts from it.
    fn whole(&self, call: &Call) -> Option<Limit> {
        let own = self
            .limits
            .total
            .and_then(|_| Limit::after(now(), self.limits.total, Which::Total));
        let deadline = call.deadline.map(|at| Limit {
            at,
            which: Which::Deadline,
        });
        Limit::nearer(own, deadline)
    }
}

impl LanguageModel for Timed {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        let Some(limit) = self.whole(call) else {
            return self.inner.model().complete(request, call);
        };
        Box::pin(async move {
            let work = self.inner.model().complete(request, call);
            tokio::time::timeout_at(limit.at.into(), work)
                .await
                .unwrap_or_else(|_| Err(limit.error(self.name())))
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        let whole = self.whole(call);
        let first = self
            .limits
            .first
            .and_then(|_| Limit::after(now(), self.limits.first, Which::First));
        let between = self.limits.between;
        if whole.is_none() && first.is_none() && between.is_none() {
            return self.inner.model().stream(request, call);
        }
        Box::pin(async move {
            let work = self.inner.model().stream(request, call);
            let inner = match Limit::nearer(whole, first) {
                None => work.await?,
                Some(limit) => tokio::time::timeout_at(limit.at.into(), work)
                    .await
                    .map_err(|_| limit.error(self.name()))??,
            };
            let watched = Watched {
                first,
                between,
                ..Watched::new(inner, self.name(), whole)
            };
            Ok(watched.boxed())
        })
    }
}

/// A stream under its limits. One timer serves all of them: it is set when there is something to wait for, and set again
/// when it rings for a limit that has moved on meanwhile, so that an event costs no timer.
struct Watched {
    /// `None` once it has ended.
    inner: Option<ResponseStream>,
    model: String,
    whole: Option<Limit>,
    /// `None` after the first event.
    first: Option<Limit>,
    between: Option<Duration>,
    /// Whether an event came.
    begun: bool,
    /// Since when the reader has waited for the next event.
    silent_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// A stream that ends with an error at this time.
pub(super) fn until(deadline: Instant, stream: ResponseStream, model: &str) -> ResponseStream {
    let limit = Limit {
        at: deadline,
        which: Which::Deadline,
    };
    Watched::new(stream, model, Some(limit)).boxed()
}

impl Watched {
    fn new(inner: ResponseStream, model: &str, whole: Option<Limit>) -> Self {
        Self {
            inner: Some(inner),
            model: model.to_owned(),
            whole,
            first: None,
            between: None,
            begun: false,
            silent_since: None,
            alarm: None,
        }
    }

    fn limit(&mut self) -> Option<Limit> {
        let mut limit = Limit::nearer(self.whole, self.first);
        if self.between.is_some() && self.begun {
            let since = *self.silent_since.get_or_insert_with(now);
            limit = Limit::nearer(limit, Limit::after(since, self.between, Which::Between));
        }
        limit
    }
}

impl Stream for Watched {
    type Item = Result<StreamEvent, LmError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(event) = inner.poll_next_unpin(cx) {
            this.first = None;
            this.begun = true;
            this.silent_since = None;
            if event.is_none() {
                this.inner = None;
            }
            return Poll::Ready(event);
        }
        let Some(limit) = this.limit() else {
            return Poll::Pending;
        };
        let due = tokio::time::Instant::from_std(limit.at);
        let alarm = this
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if alarm.deadline() > due {
            alarm.as_mut().reset(due);
        }
        while alarm.poll_unpin(cx).is_ready() {
            if now() >= limit.at {
                this.inner = None;
                return Poll::Ready(Some(Err(limit.error(&this.model))));
            }
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}
