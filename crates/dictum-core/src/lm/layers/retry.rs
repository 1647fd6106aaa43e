//! Trying again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};

use super::backoff::{Backoff, Jitter};
use super::hand_on;
use super::retry_budget::RetryBudget;
use crate::lm::{
    Call, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response, ResponseStream, Source,
    StreamEvent,
};

/// Makes a failed call again when that can help ([`LmError::retryable`]).
///
/// Before attempt `n + 1` it waits a random time between 0 and `base * 2^(n - 1)`, at most `max_wait` (exponential backoff
/// with full jitter). When the provider says how long to wait, it waits that long and a little more, at most `base`, so
/// that callers told the same time don't come back together. It gives up with the last error
///
/// - when the attempts are used up,
/// - when the provider asks for a longer wait than `max_retry_after`,
/// - when the wait would pass the call's deadline,
/// - when the retries of all calls together are too many ([`Retry::budget`]): a provider that is down is not helped by four
///   times the load.
///
/// A stream is begun again only while none of its events was handed on.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    backoff: Backoff,
    budget: Option<(f64, u32)>,
    seed: Option<u64>,
}

impl Default for Retry {
    fn default() -> Self {
        Self::new(4)
    }
}

impl Retry {
    /// At most this many attempts in all (0 is taken as 1), 500 ms base, waits of at most 30 s, a provider's wish of at most
    /// 120 s honoured; one retry for every five calls in the long run, and 100 at once.
    #[must_use]
    pub fn new(attempts: u32) -> Self {
        Self {
            backoff: Backoff::new(attempts),
            budget: Some((0.2, 100)),
            seed: None,
        }
    }

    /// The same with other waits: the bound of the first, and of any.
    #[must_use]
    pub fn backoff(mut self, base: Duration, max_wait: Duration) -> Self {
        self.backoff.base = base;
        self.backoff.max_wait = max_wait;
        self
    }

    /// The same, honouring a provider's wish to wait up to this long. A longer wish ends the call.
    #[must_use]
    pub fn max_retry_after(mut self, max: Duration) -> Self {
        self.backoff.max_retry_after = max;
        self
    }

    /// The same with another bound on the retries of all calls of one stack together: `share` of a retry for each call, saved
    /// up to `burst` of them, which it begins with. A retry after a wait that the provider asked for is free, since the provider
    /// knows its load, if it is at least `base` or concerns a rate limit.
    #[must_use]
    pub fn budget(mut self, share: f64, burst: u32) -> Self {
        self.budget = Some((share, burst));
        self
    }

    /// The same without a bound on the retries of all calls together.
    #[must_use]
    pub fn without_budget(mut self) -> Self {
        self.budget = None;
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
        Arc::new(Retrying {
            inner,
            rules: self,
            budget: self.budget.map(|(share, burst)| RetryBudget::new(share, burst)),
            jitter: Jitter::new(self.seed),
        })
    }
}

#[derive(Debug)]
struct Retrying {
    inner: Lm,
    rules: Retry,
    budget: Option<RetryBudget>,
    jitter: Jitter,
}

impl Retrying {
    fn begin(&self) {
        if let Some(budget) = &self.budget {
            budget.earn();
        }
    }

    /// How long to wait after this failure of attempt `attempt` (from 1), or the failure to give up with.
    fn wait(&self, error: LmError, attempt: u32, call: &Call) -> Result<Duration, LmError> {
        let backoff = &self.rules.backoff;
        let Some(wait) = backoff.wait(&error, attempt, call, &self.jitter) else {
            return Err(error.with_attempts(attempt));
        };
        // A tiny wish, or none, is what servers say that are down.
        let free = error
            .retry_after()
            .is_some_and(|asked| error.kind() == LmErrorKind::RateLimit || asked >= backoff.base);
        match &self.budget {
            Some(budget) if !free && !budget.spend() => Err(too_many(&error, attempt)),
            _ => Ok(wait),
        }
    }
}

/// What a further attempt failed with. That the budget is spent is not all there is to say then.
fn further(error: LmError, before: Option<&LmError>) -> LmError {
    match before {
        Some(before) if error.kind() == LmErrorKind::Budget => error.after(before),
        _ => error,
    }
}

/// The failure, saying why it was not tried again.
fn too_many(error: &LmError, attempt: u32) -> LmError {
    let note = "not tried again: too many calls fail, and more retries would only add to the load";
    error
        .clone()
        .with_message(format!("{} ({note})", error.message()))
        .with_attempts(attempt)
}

/// An answer of attempt `attempt`. What a layer beneath had without asking keeps its own count.
fn count(response: &mut Response, attempt: u32) {
    if response.source == Source::Model {
        response.attempts = attempt;
    }
}

impl LanguageModel for Retrying {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            self.begin();
            let mut attempt = 1;
            let mut before = None;
            loop {
                let mut result = self.inner.model().complete(request, call).await;
                let error = match &mut result {
                    Ok(response) => {
                        count(response, attempt);
                        return result;
                    }
                    Err(error) => further(error.clone(), before.as_ref()),
                };
                let wait = self.wait(error.clone(), attempt, call)?;
                before = Some(error);
                // On the heap: most calls don't wait, and none should carry the room for a timer.
                Box::pin(tokio::time::sleep(wait)).await;
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
            self.begin();
            let mut attempt = 1;
            let mut before = None;
            loop {
                let error = match first_event(&self.inner, request, call).await {
                    Ok((first, rest)) => {
                        let events = stream::iter(first.map(Ok))
                            .chain(rest)
                            .map(move |event| match event {
                                Ok(StreamEvent::Finished(mut response)) => {
                                    count(&mut response, attempt);
                                    Ok(StreamEvent::Finished(response))
                                }
                                // The failure of this attempt, not of a first one.
                                event => event.map_err(|error| error.with_attempts(attempt)),
                            });
                        return Ok(events.boxed());
                    }
                    Err(error) => further(error, before.as_ref()),
                };
                let wait = self.wait(error.clone(), attempt, call)?;
                before = Some(error);
                Box::pin(tokio::time::sleep(wait)).await;
                attempt += 1;
            }
        })
    }
}

/// Begins a stream and waits for its first event: until then nothing was handed on, and a failure can be tried again.
pub(super) async fn first_event(
    inner: &Lm,
    request: &Request,
    call: &Call,
) -> Result<(Option<StreamEvent>, ResponseStream), LmError> {
    let mut stream = inner.model().stream(request, call).await?;
    let first = stream.next().await.transpose()?;
    Ok((first, stream))
}
