//! What a provider says is left of its limits.

use std::time::{Duration, Instant};

/// What a provider said is left of an account's limits, with its last answer. What it didn't say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// When the request was sent that it answers: what was sent later is not counted in it.
    pub at: Instant,
    /// Requests.
    pub requests: Option<Allowance>,
    /// Tokens in and out together.
    pub tokens: Option<Allowance>,
    /// Tokens of requests, where they are limited by themselves.
    pub input_tokens: Option<Allowance>,
    /// Tokens of answers, where they are limited by themselves.
    pub output_tokens: Option<Allowance>,
}

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// The most at once, after a rest.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// In how much time all of it will be there again, if nothing is used.
    pub resets_in: Option<Duration>,
}

impl RateLimits {
    /// Nothing said, at this time.
    #[must_use]
    pub fn new(at: Instant) -> Self {
        Self {
            at,
            requests: None,
            tokens: None,
            input_tokens: None,
            output_tokens: None,
        }
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::new(self.at)
    }
}

impl Allowance {
    /// How much comes back per second, as far as it can be known: what is missing, over the time until it is back. Providers
    /// that limit per day and such that limit per minute both say it so.
    #[must_use]
    pub fn per_second(&self) -> Option<f64> {
        let missing = self.limit?.checked_sub(self.remaining?)?;
        let time = self.resets_in?.as_secs_f64();
        (missing > 0 && time > 0.0).then(|| missing as f64 / time)
    }
}
