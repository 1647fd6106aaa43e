//! Requests and tokens per minute.

mod bucket;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use self::bucket::Bucket;
use super::attempt::{Attempt, observed};
use super::{by_deadline, hand_on, now, past_deadline};
use crate::lm::{
    Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, RateLimits, Request, Response, ResponseStream,
};

/// Keeps calls within limits of requests and tokens per minute, so that the provider need not refuse them.
///
/// Each attempt reserves one request and its tokens, estimated from the messages and the longest answer (`max_tokens`, or else
/// what answers usually take), and waits its turn, first come, first served, until they are there. Real usage corrects the
/// estimate. Of a call that is dropped, and of one that may have been worked on, the reservation stays.
///
/// What the provider says is left ([`Lm::rate_limits`]) counts too: other processes may use the same account. It fills in
/// limits that were not set by hand, and can lower what is left of those that were. When the provider refuses a call and says how
/// long to wait, all calls wait.
///
/// It belongs inside [`Retry`](super::Retry): attempts count. A call whose turn would come after its deadline fails at once
/// with [`LmErrorKind::Timeout`]. Clones share the limits, for several models of one account.
#[derive(Debug, Clone)]
pub struct RateLimit(Arc<Limiter>);

#[derive(Debug)]
struct Limiter {
    /// Held by the one whose turn it is; the others queue for it.
    turn: tokio::sync::Mutex<()>,
    /// Something was given back.
    given_back: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    input: Option<Bucket>,
    output: Option<Bucket>,
    /// What was reserved in all, and how much that was after each of the last calls: tells what the provider's count can't
    /// hold yet.
    reserved: Need,
    history: VecDeque<(Instant, Need)>,
    /// Moving average of answers' lengths, in tokens.
    usual_answer: f64,
    paused_until: Option<Instant>,
    learned: Option<RateLimits>,
}

/// What a call takes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Need {
    requests: f64,
    input: f64,
    output: f64,
}

/// A longer wish is for the caller to hear of, not to sit out.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
const FIRST_GUESS: f64 = 256.0;
/// More calls than are in flight at once, as a rule.
const HISTORY: usize = 1024;

impl RateLimit {
    /// No limits but those the provider tells with its answers.
    #[must_use]
    pub fn learned() -> Self {
        Self::with(None, None)
    }

    /// At most so many requests and tokens a minute, in bursts up to a whole minute's.
    #[must_use]
    pub fn per_minute(requests: u64, tokens: u64) -> Self {
        Self::with(Some(requests), Some(tokens))
    }

    /// At most so many requests a minute.
    #[must_use]
    pub fn requests_per_minute(requests: u64) -> Self {
        Self::with(Some(requests), None)
    }

    /// At most so many tokens a minute, of requests and answers together.
    #[must_use]
    pub fn tokens_per_minute(tokens: u64) -> Self {
        Self::with(None, Some(tokens))
    }

    fn with(requests: Option<u64>, tokens: Option<u64>) -> Self {
        let start = now();
        Self(Arc::new(Limiter {
            turn: tokio::sync::Mutex::new(()),
            given_back: Notify::new(),
            state: Mutex::new(State {
                requests: requests.map(|limit| Bucket::per_minute(limit, start)),
                tokens: tokens.map(|limit| Bucket::per_minute(limit, start)),
                input: None,
                output: None,
                reserved: Need::default(),
                history: VecDeque::new(),
                usual_answer: FIRST_GUESS,
                paused_until: None,
                learned: None,
            }),
        }))
    }
}

impl State {
    fn need(&self, request: &Request) -> Need {
        if self.tokens.is_none() && self.input.is_none() && self.output.is_none() {
            return Need {
                requests: 1.0,
                ..Need::default()
            };
        }
        Need {
            requests: 1.0,
            input: request.estimated_tokens() as f64,
            output: request.settings.max_tokens.map_or(self.usual_answer, f64::from),
        }
    }

    fn buckets(&mut self, need: &Need) -> [(&mut Option<Bucket>, f64); 4] {
        [
            (&mut self.requests, need.requests),
            (&mut self.tokens, need.input + need.output),
            (&mut self.input, need.input),
            (&mut self.output, need.output),
        ]
    }

    /// Takes what a call needs, or says when to ask again.
    fn reserve(&mut self, need: &Need, now: Instant) -> Result<(), Duration> {
        let paused = self
            .paused_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let wait = self
            .buckets(need)
            .into_iter()
            .filter_map(|(bucket, need)| bucket.as_mut().map(|bucket| bucket.wait(need, now)))
            .fold(paused, Duration::max);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.take(need);
        self.reserved.requests += need.requests;
        self.reserved.input += need.input;
        self.reserved.output += need.output;
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((now, self.reserved));
        Ok(())
    }

    fn take(&mut self, need: &Need) {
        for (bucket, need) in self.buckets(need) {
            if let Some(bucket) = bucket {
                bucket.take(need);
            }
        }
    }

    fn learn(&mut self, said: Option<RateLimits>, now: Instant) {
        // Answers overtake each other; what was sent last is the news.
        let Some(said) = said.filter(|said| {
            self.learned
                .is_none_or(|last| said.at >= last.at && *said != last)
        }) else {
            return;
        };
        self.learned = Some(said);
        let counted = self.history.partition_point(|(at, _)| *at <= said.at);
        let counted = counted.checked_sub(1).and_then(|at| self.history.get(at));
        let counted = counted.map_or_else(Need::default, |(_, reserved)| *reserved);
        let later = Need {
            requests: self.reserved.requests - counted.requests,
            input: self.reserved.input - counted.input,
            output: self.reserved.output - counted.output,
        };
        Bucket::learn(&mut self.requests, said.requests, later.requests, said.at, now);
        Bucket::learn(
            &mut self.tokens,
            said.tokens,
            later.input + later.output,
            said.at,
            now,
        );
        Bucket::learn(&mut self.input, said.input_tokens, later.input, said.at, now);
        Bucket::learn(&mut self.output, said.output_tokens, later.output, said.at, now);
    }
}

impl Limiter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(
        self: &Arc<Self>,
        inner: &Lm,
        request: &Request,
        call: &Call,
    ) -> Result<Reserved, LmError> {
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => by_deadline(call, WAITING, self.turn.lock()).await?,
        };
        let need = self.lock().need(request);
        loop {
            let wait = match self.lock().reserve(&need, now()) {
                Ok(()) => break,
                Err(wait) => wait,
            };
            let at = now().checked_add(wait);
            if let Some(deadline) = call.deadline
                && at.is_none_or(|at| at >= deadline)
            {
                return Err(past_deadline(WAITING).with_retry_after(wait));
            }
            // Whichever comes first: the time, or what another call did not use.
            tokio::time::timeout(wait, self.given_back.notified()).await.ok();
        }
        Ok(Reserved {
            limiter: Arc::clone(self),
            inner: inner.clone(),
            need,
        })
    }
}

const WAITING: &str = "while waiting for the rate limit";

/// What a call under way has reserved.
struct Reserved {
    limiter: Arc<Limiter>,
    inner: Lm,
    need: Need,
}

impl Attempt for Reserved {
    fn end(&mut self, result: Result<&Response, &LmError>) {
        let (need, now) = (self.need, now());
        let mut unused = Need::default();
        let mut state = self.limiter.lock();
        match result {
            Ok(response) => {
                if let Some(tokens) = response.usage.output_tokens {
                    unused.output = need.output - tokens as f64;
                    state.usual_answer += (tokens as f64 - state.usual_answer) / 8.0;
                }
                if let Some(tokens) = response.usage.input_tokens {
                    unused.input = need.input - tokens as f64;
                }
            }
            Err(error) => {
                if error.kind() == LmErrorKind::RateLimit
                    && let Some(wait) = error.retry_after().filter(|wait| *wait <= LONGEST_PAUSE)
                {
                    state.paused_until = state.paused_until.max(now.checked_add(wait));
                }
                match error.kind() {
                    // It was not made at all.
                    LmErrorKind::Budget | LmErrorKind::Unavailable => unused = need,
                    // It was refused before it cost a token.
                    LmErrorKind::RateLimit
                    | LmErrorKind::Auth
                    | LmErrorKind::Billing
                    | LmErrorKind::InvalidRequest
                    | LmErrorKind::ContextWindow => {
                        unused = Need {
                            requests: 0.0,
                            ..need
                        };
                    }
                    _ => {}
                }
            }
        }
        if need.input + need.output == 0.0 {
            // Nothing was reserved: there was no limit on tokens when it began.
            unused = Need {
                requests: unused.requests,
                ..Need::default()
            };
        }
        state.take(&Need {
            requests: -unused.requests,
            input: -unused.input,
            output: -unused.output,
        });
        state.learn(self.inner.rate_limits(), now);
        drop(state);
        self.limiter.given_back.notify_one();
    }
}

impl Layer for RateLimit {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(RateLimited {
            inner,
            limiter: self.0,
        })
    }
}

#[derive(Debug)]
struct RateLimited {
    inner: Lm,
    limiter: Arc<Limiter>,
}

impl LanguageModel for RateLimited {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let mut reserved = self.limiter.begin(&self.inner, request, call).await?;
            let result = self.inner.model().complete(request, call).await;
            reserved.end(result.as_ref());
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let mut reserved = self.limiter.begin(&self.inner, request, call).await?;
            match self.inner.model().stream(request, call).await {
                Ok(stream) => Ok(observed(stream, reserved)),
                Err(error) => {
                    reserved.end(Err(&error));
                    Err(error)
                }
            }
        })
    }
}
