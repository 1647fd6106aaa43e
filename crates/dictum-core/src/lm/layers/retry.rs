//! Trying again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};

use super::{hand_on, now};
use crate::lm::{
    Call, LanguageModel, Layer, Lm, LmError, Request, Response, ResponseStream, Source, StreamEvent,
};

/// Makes a failed call again when that can help ([`LmError::retryable`]).
///
/// Before attempt `n + 1` it waits a random time between 0 and `base * 2^(n - 1)`, at most `max_wait` (exponential backoff
/// with full jitter). When the provider says how long to wait, it waits that long and a little more, at most `base`, so
/// that callers told the same time don't come back together. It gives up with the last error when the attempts are used
/// up, when the provider asks for a longer wait than `max_retry_after`, or when the wait would pass the call's deadline.
/// A stream is begun again only while none of its events was handed on.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    attempts: u32,
    base: Duration,
    max_wait: Duration,
    max_retry_after: Duration,
    seed: Option<u64>,
}

impl Default for Retry {
    fn default() -> Self {
        Self::new(4)
    }
}

impl Retry {
    /// At most this many attempts in all (0 is taken as 1), 500 ms base, waits of at most 30 s, a provider's wish of at most
    /// 120 s honoured.
    #[must_use]
    pub fn new(attempts: u32) -> Self {
        Self {
            attempts: attempts.max(1),
            base: Duration::from_millis(500),
            max_wait: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
            seed: None,
        }
    }

    /// The same with other waits: the bound of the first, and of any.
    #[must_use]
    pub fn backoff(mut self, base: Duration, max_wait: Duration) -> Self {
        self.base = base;
        self.max_wait = max_wait;
        self
    }

    /// The same, honouring a provider's wish to wait up to this long. A longer wish ends the call.
    #[must_use]
    pub fn max_retry_after(mut self, max: Duration) -> Self {
        self.max_retry_after = max;
        self
    }

    /// The same with waits that are the same in every run. By default each process has its own, so that many processes that
    /// fail together don't come back together. Answers don't depend on it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Layer for Retry {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        let seed = self
            .seed
            .unwrap_or_else(|| RandomState::new().build_hasher().finish());
        Arc::new(Retrying {
            inner,
            rules: self,
            jitter: AtomicU64::new(seed),
        })
    }
}

#[derive(Debug)]
struct Retrying {
    inner: Lm,
    rules: Retry,
    jitter: AtomicU64,
}

impl Retrying {
    /// How long to wait after this failure of attempt `attempt` (from 1), or `None` to give up.
    fn wait(&self, error: &LmError, attempt: u32, call: &Call) -> Option<Duration> {
        let rules = &self.rules;
        if !error.retryable() || attempt >= rules.attempts {
            return None;
        }
        let wait = match error.retry_after() {
            Some(asked) if asked > rules.max_retry_after => return None,
            Some(asked) => asked.saturating_add(self.share_of(rules.base)),
            None => {
                let doublings = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
                self.share_of(rules.base.saturating_mul(doublings).min(rules.max_wait))
            }
        };
        let in_time = call
            .deadline
            .is_none_or(|deadline| now().checked_add(wait).is_some_and(|at| at < deadline));
        in_time.then_some(wait)
    }

    /// A random share of a time, by the SplitMix64 generator.
    fn share_of(&self, whole: Duration) -> Duration {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.jitter.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        whole.mul_f64((z >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// An answer of attempt `attempt`. What a layer beneath had without asking keeps its own count.
fn counted(mut response: Response, attempt: u32) -> Response {
    if response.source == Source::Model {
        response.attempts = attempt;
    }
    response
}

impl LanguageModel for Retrying {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                let error = match self.inner.complete(request, call).await {
                    Ok(response) => return Ok(counted(response, attempt)),
                    Err(error) => error,
                };
                let Some(wait) = self.wait(&error, attempt, call) else {
                    return Err(error.with_attempts(attempt));
                };
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                let error = match first_event(&self.inner, request, call).await {
                    Ok((first, rest)) => {
                        let events = stream::iter(first.map(Ok))
                            .chain(rest)
                            .map(move |event| match event {
                                Ok(StreamEvent::Finished(response)) => {
                                    Ok(StreamEvent::Finished(Box::new(counted(*response, attempt))))
                                }
                                other => other,
                            });
                        return Ok(events.boxed());
                    }
                    Err(error) => error,
                };
                let Some(wait) = self.wait(&error, attempt, call) else {
                    return Err(error.with_attempts(attempt));
                };
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
        })
    }
}

/// Begins a stream and waits for its first event: until then nothing was handed on, and a failure can be tried again.
async fn first_event(
    inner: &Lm,
    request: &Request,
    call: &Call,
) -> Result<(Option<StreamEvent>, ResponseStream), LmError> {
    let mut stream = inner.stream(request, call).await?;
    let first = stream.next().await.transpose()?;
    Ok((first, stream))
}
