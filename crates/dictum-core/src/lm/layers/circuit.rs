//! Leaving a model alone that is down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::attempt::{Attempt, observed};
use super::{hand_on, now};
use crate::lm::{Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream};

/// Refuses calls for a while when too many fail (a circuit breaker), so that callers and [`Fallback`](super::Fallback)s don't
/// wait for a model that is down.
///
/// | state | what happens |
/// |---|---|
/// | closed | Calls go through. When at least half of the last 20 attempts failed, with at least 10 seen, it opens. |
/// | open | Calls fail at once with [`LmErrorKind::Unavailable`], which is not tried again, for 10 s, or as long as the provider asked for. |
/// | half open | One call at a time goes through. An answer closes it; a failure opens it again for twice as long, at most 5 minutes. |
///
/// A failure is one of the server or the way to it: [`LmErrorKind::Server`], [`LmErrorKind::Transport`],
/// [`LmErrorKind::Timeout`], [`LmErrorKind::Decode`]. A rate limit or a refusal is a sign of health. It learns from single
/// attempts, so it belongs inside [`Retry`](super::Retry). Clones share one state.
#[derive(Debug, Clone)]
pub struct Circuit(Arc<Breaker>);

#[derive(Debug)]
struct Breaker {
    rules: Rules,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    window: u32,
    least: u32,
    share: f64,
    rest: Duration,
    longest: Duration,
}

#[derive(Debug)]
enum State {
    Closed(Window),
    Open { until: Instant, rest: Duration },
    HalfOpen { rest: Duration, trying: bool },
}

/// The last attempts, a bit each: 1 failed.
#[derive(Debug, Default)]
struct Window {
    failed: u64,
    seen: u32,
}

impl Default for Circuit {
    fn default() -> Self {
        Self::with(Rules {
            window: 20,
            least: 10,
            share: 0.5,
            rest: Duration::from_secs(10),
            longest: Duration::from_secs(300),
        })
    }
}

impl Circuit {
    /// Opens when at least `share` (0 to 1) of the last `window` attempts (at most 64) failed, with at least half a window seen.
    #[must_use]
    pub fn new(window: u32, share: f64) -> Self {
        let window = window.clamp(1, 64);
        let rules = Rules {
            window,
            least: window.div_ceil(2),
            share,
            ..Self::default().0.rules
        };
        Self::with(rules)
    }

    /// The same, open for `first` at first and for `longest` at most. Its state begins anew.
    #[must_use]
    pub fn rest(self, first: Duration, longest: Duration) -> Self {
        Self::with(Rules {
            rest: first,
            longest: longest.max(first),
            ..self.0.rules
        })
    }

    fn with(rules: Rules) -> Self {
        Self(Arc::new(Breaker {
            rules,
            state: Mutex::new(State::Closed(Window::default())),
        }))
    }

    /// Whether calls are refused now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(*self.0.lock(), State::Open { until, .. } if now() < until)
    }
}

impl Window {
    fn add(&mut self, failed: bool, rules: &Rules) -> bool {
        let mask = u64::MAX >> (64 - rules.window);
        self.failed = ((self.failed << 1) | u64::from(failed)) & mask;
        self.seen = (self.seen + 1).min(rules.window);
        let share = f64::from(self.failed.count_ones()) / f64::from(self.seen);
        failed && self.seen >= rules.least && share >= rules.share
    }
}

impl Breaker {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>) -> Result<Try, LmError> {
        let mut state = self.lock();
        let probe = match &mut *state {
            State::Closed(_) => false,
            State::Open { until, rest } => {
                let left = until.saturating_duration_since(now());
                if left > Duration::ZERO {
                    return Err(refused(left));
                }
                *state = State::HalfOpen {
                    rest: *rest,
                    trying: true,
                };
                true
            }
            State::HalfOpen { trying: true, rest } => return Err(refused(*rest)),
            State::HalfOpen { trying, .. } => {
                *trying = true;
                true
            }
        };
        Ok(Try {
            breaker: Arc::clone(self),
            probe,
            ended: false,
        })
    }
}

fn refused(left: Duration) -> LmError {
    let message = format!(
        "too many of the last calls failed, so none is made for another {:.1} s",
        left.as_secs_f64()
    );
    LmError::new(LmErrorKind::Unavailable, message).with_retry_after(left)
}

/// An attempt let through.
struct Try {
    breaker: Arc<Breaker>,
    /// Whether it is the one that tells if the model is back.
    probe: bool,
    ended: bool,
}

impl Attempt for Try {
    fn end(&mut self, result: Result<&Response, &LmError>) {
        self.ended = true;
        let rules = &self.breaker.rules;
        let failed = result.is_err_and(is_failure);
        // A budget that is spent or a caller who gave up says nothing about the model.
        let says_nothing = result.is_err_and(|error| {
            matches!(
                error.kind(),
                LmErrorKind::Budget | LmErrorKind::Cancelled | LmErrorKind::Unavailable
            )
        });
        let asked = result.err().and_then(LmError::retry_after).unwrap_or_default();
        let mut state = self.breaker.lock();
        let opened_for = match &mut *state {
            State::HalfOpen { trying, .. } if self.probe && says_nothing => {
                *trying = false;
                None
            }
            State::HalfOpen { rest, .. } if self.probe => {
                if failed {
                    Some(rest.saturating_mul(2).min(rules.longest))
                } else {
                    *state = State::Closed(Window::default());
                    None
                }
            }
            State::Closed(window) if !says_nothing => window.add(failed, rules).then_some(rules.rest),
            // What began before it opened comes too late to say anything.
            _ => None,
        };
        if let Some(rest) = opened_for {
            let wait = rest.max(asked.min(rules.longest));
            // A time too far off to be written is as good as now: the next call will try.
            let until = now().checked_add(wait).unwrap_or_else(now);
            *state = State::Open { until, rest };
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        // A probe given up by its caller leaves its place to the next.
        if self.probe
            && !self.ended
            && let State::HalfOpen { trying, .. } = &mut *self.breaker.lock()
        {
            *trying = false;
        }
    }
}

fn is_failure(error: &LmError) -> bool {
    matches!(
        error.kind(),
        LmErrorKind::Server | LmErrorKind::Transport | LmErrorKind::Timeout | LmErrorKind::Decode
    )
}

impl Layer for Circuit {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Guarded {
            inner,
            breaker: self.0,
        })
    }
}

#[derive(Debug)]
struct Guarded {
    inner: Lm,
    breaker: Arc<Breaker>,
}

impl Guarded {
    fn begin(&self) -> Result<Try, LmError> {
        self.breaker
            .begin()
            .map_err(|error| error.with_model(self.name()))
    }
}

impl LanguageModel for Guarded {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let mut attempt = self.begin()?;
            let result = self.inner.model().complete(request, call).await;
            attempt.end(result.as_ref());
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let mut attempt = self.begin()?;
            match self.inner.model().stream(request, call).await {
                Ok(stream) => Ok(observed(stream, attempt)),
                Err(error) => {
                    attempt.end(Err(&error));
                    Err(error)
                }
            }
        })
    }
}
