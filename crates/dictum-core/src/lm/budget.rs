//! Hard limits on what may be spent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{LmError, LmErrorKind, Usage};

/// What may be spent. What is `None` has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Physical calls of a model, retries included, cache hits and replays not.
    pub calls: Option<u64>,
    /// Tokens in and out, as the provider counts them.
    pub tokens: Option<u64>,
    /// US dollars.
    pub usd: Option<f64>,
    /// Time from the start.
    pub time: Option<Duration>,
}

impl Budget {
    /// No limit.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// At most this many calls.
    #[must_use]
    pub fn calls(calls: u64) -> Self {
        Self {
            calls: Some(calls),
            ..Self::default()
        }
    }

    /// The same, and at most this many tokens.
    #[must_use]
    pub fn and_tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// The same, and at most this many US dollars.
    #[must_use]
    pub fn and_usd(mut self, usd: f64) -> Self {
        self.usd = Some(usd);
        self
    }

    /// The same, and at most this long.
    #[must_use]
    pub fn and_time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Calls begun.
    pub calls: u64,
    /// Tokens of calls ended.
    pub tokens: u64,
    /// US dollars of calls ended, where prices are known.
    pub usd: f64,
}

/// Counts what is spent against a [`Budget`]. A cheap handle; clones count together.
///
/// A meter can stand under another ([`Meter::child`]): what it counts, the other counts too, and both limits hold.
/// Calls are counted before they are made, so their limit is exact. Tokens and money are known only afterwards: the check
/// before each call lets them overshoot by no more than what is in flight. Of a stream that broke off or was dropped they
/// are estimated from what was sent and what came; of a call that failed or was dropped nothing is known, and nothing is counted.
#[derive(Clone)]
pub struct Meter(Arc<Inner>);

struct Inner {
    budget: Budget,
    started: Instant,
    calls: AtomicU64,
    tokens: AtomicU64,
    /// Money in billionths of a dollar: an integer adds without a lock.
    nano_usd: AtomicU64,
    parent: Option<Meter>,
}

impl Meter {
    /// A meter for this budget, its time running from now.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self::under(budget, None)
    }

    /// A meter for a further budget that stands under this one.
    #[must_use]
    pub fn child(&self, budget: Budget) -> Self {
        Self::under(budget, Some(self.clone()))
    }

    fn under(budget: Budget, parent: Option<Self>) -> Self {
        Self(Arc::new(Inner {
            budget,
            started: Instant::now(),
            calls: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            nano_usd: AtomicU64::new(0),
            parent,
        }))
    }

    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        Spent {
            calls: self.0.calls.load(Ordering::Acquire),
            tokens: self.0.tokens.load(Ordering::Acquire),
            usd: self.0.nano_usd.load(Ordering::Acquire) as f64 / 1e9,
        }
    }

    /// The limits.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.0.budget
    }

    /// Counts a call about to be made.
    ///
    /// # Errors
    /// [`LmErrorKind::Budget`] when a limit, here or above, is reached; nothing is counted then.
    pub fn begin(&self) -> Result<(), LmError> {
        self.check()?;
        self.take_call()?;
        if let Some(parent) = &self.0.parent
            && let Err(error) = parent.begin()
        {
            self.0.calls.fetch_sub(1, Ordering::AcqRel);
            return Err(error);
        }
        Ok(())
    }

    /// Counts what an ended call used.
    pub fn end(&self, usage: &Usage) {
        let mut meter = Some(self);
        while let Some(Self(inner)) = meter {
            inner
                .tokens
                .fetch_add(usage.total_tokens().unwrap_or(0), Ordering::AcqRel);
            let nano = (usage.cost_usd.unwrap_or(0.0).max(0.0) * 1e9).round() as u64;
            inner.nano_usd.fetch_add(nano, Ordering::AcqRel);
            meter = inner.parent.as_ref();
        }
    }

    /// Whether a further call would be refused, and why.
    ///
    /// # Errors
    /// [`LmErrorKind::Budget`] naming the limit reached.
    pub fn check(&self) -> Result<(), LmError> {
        let Budget {
            calls,
            tokens,
            usd,
            time,
        } = self.0.budget;
        let spent = self.spent();
        if let Some(limit) = calls
            && spent.calls >= limit
        {
            return Err(spent_error(format!("all {limit} calls of the budget are spent")));
        }
        if let Some(limit) = tokens
            && spent.tokens >= limit
        {
            return Err(spent_error(format!(
                "{} of {limit} tokens of the budget are spent",
                spent.tokens
            )));
        }
        if let Some(limit) = usd
            && spent.usd >= limit
        {
            return Err(spent_error(format!(
                "${:.4} of ${limit:.4} of the budget is spent",
                spent.usd
            )));
        }
        if let Some(limit) = time
            && self.0.started.elapsed() >= limit
        {
            return Err(spent_error(format!(
                "the time of the budget, {} s, is over",
                limit.as_secs_f64()
            )));
        }
        self.0.parent.as_ref().map_or(Ok(()), Self::check)
    }

    fn take_call(&self) -> Result<(), LmError> {
        let limit = self.0.budget.calls.unwrap_or(u64::MAX);
        self.0
            .calls
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |calls| {
                (calls < limit).then_some(calls + 1)
            })
            .map(drop)
            .map_err(|_| spent_error(format!("all {limit} calls of the budget are spent")))
    }
}

fn spent_error(message: String) -> LmError {
    LmError::new(LmErrorKind::Budget, message)
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("budget", &self.0.budget)
            .field("spent", &self.spent())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_exact_under_contention_and_count_upwards() {
        let parent = Meter::new(Budget::calls(100));
        let child = parent.child(Budget::calls(70));
        let granted: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..50).filter(|_| child.begin().is_ok()).count()))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!((granted, child.spent().calls, parent.spent().calls), (70, 70, 70));
    }

    #[test]
    fn a_call_the_parent_refuses_is_not_counted() {
        let parent = Meter::new(Budget::calls(1));
        let child = parent.child(Budget::calls(5));
        child.begin().unwrap();
        assert_eq!(child.begin().unwrap_err().kind(), LmErrorKind::Budget);
        assert_eq!(child.spent().calls, 1);
    }

    #[test]
    fn tokens_and_money_stop_the_next_call() {
        let meter = Meter::new(Budget::default().and_tokens(100).and_usd(1.0));
        meter.begin().unwrap();
        meter.end(&Usage {
            input_tokens: Some(90),
            output_tokens: Some(20),
            ..Usage::default()
        });
        assert!(
            meter
                .begin()
                .unwrap_err()
                .to_string()
                .contains("110 of 100 tokens")
        );
    }
}
