//! How long to wait before trying again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::now;
use crate::lm::{Call, LmError};

/// The rules: exponential backoff with full jitter, and a provider's wish honoured within limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// At most so many attempts in all; 0 is taken as 1.
    pub(crate) attempts: u32,
    /// The bound of the first wait. It doubles with each.
    pub(crate) base: Duration,
    /// The bound of any.
    pub(crate) max_wait: Duration,
    /// The longest wish of a provider that is honoured.
    pub(crate) max_retry_after: Duration,
}

impl Backoff {
    /// The usual waits: 500 ms base, at most 30 s, a wish of at most 120 s.
    pub(crate) fn new(attempts: u32) -> Self {
        Self {
            attempts,
            base: Duration::from_millis(500),
            max_wait: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
        }
    }

    /// How long to wait after this failure of attempt `attempt` (from 1), or `None` to give up.
    pub(crate) fn wait(
        &self,
        error: &LmError,
        attempt: u32,
        call: &Call,
        jitter: &Jitter,
    ) -> Option<Duration> {
        if !error.retryable() || attempt >= self.attempts {
            return None;
        }
        let wait = match error.retry_after() {
            Some(asked) if asked > self.max_retry_after => return None,
            // A little more, so that callers told the same time don't come back together.
            Some(asked) => asked.saturating_add(jitter.share_of(self.base)),
            None => {
                let doublings = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
                jitter.share_of(self.base.saturating_mul(doublings).min(self.max_wait))
            }
        };
        call.deadline
            .is_none_or(|deadline| now().checked_add(wait).is_some_and(|at| at < deadline))
            .then_some(wait)
    }
}

/// Random shares of a time, by the SplitMix64 generator. Answers don't depend on them.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// From this seed; without one each has its own, so that many processes that fail together don't come back together.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        Self(AtomicU64::new(seed))
    }

    fn share_of(&self, whole: Duration) -> Duration {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        whole.mul_f64((z >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
