//! What is left of a limit, as far as we know.

use std::time::{Duration, Instant};

use crate::lm::Allowance;

/// A token bucket: `level` of at most `capacity` is there and `per_second` comes back. The level may be below 0 when a call
/// used more than was thought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    capacity: f64,
    per_second: f64,
    level: f64,
    at: Instant,
    /// Set by hand: what the provider says can lower the level and not lift the limit.
    fixed: bool,
}

const MINUTE: f64 = 60.0;

impl Bucket {
    /// A full one, for a limit set by hand.
    pub(super) fn per_minute(limit: u64, now: Instant) -> Self {
        let capacity = limit.max(1) as f64;
        Self {
            capacity,
            per_second: capacity / MINUTE,
            level: capacity,
            at: now,
            fixed: true,
        }
    }

    fn refill(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + time * self.per_second).min(self.capacity);
        self.at = self.at.max(now);
    }

    /// How long until so much may be taken. More than it ever holds may be taken when it is full.
    pub(super) fn wait(&mut self, need: f64, now: Instant) -> Duration {
        self.refill(now);
        let missing = need.min(self.capacity) - self.level;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        // A rest of a nanosecond would be waited for again and again.
        Duration::try_from_secs_f64(missing / self.per_second)
            .unwrap_or(Duration::MAX)
            .max(Duration::from_millis(1))
    }

    /// Takes so much, or gives back when it is negative.
    pub(super) fn take(&mut self, amount: f64) {
        self.level = (self.level - amount).min(self.capacity);
    }

    /// Learns from what the provider said about a request sent at `at`, since which so much more was reserved.
    pub(super) fn learn(
        slot: &mut Option<Self>,
        said: Option<Allowance>,
        later: f64,
        at: Instant,
        now: Instant,
    ) {
        let Some(said) = said else { return };
        let known = said.remaining.map(|left| left as f64 - later);
        match slot {
            Some(bucket) if bucket.fixed => {
                bucket.refill(now);
                if let Some(known) = known {
                    let back = now.saturating_duration_since(at).as_secs_f64() * bucket.per_second;
                    bucket.level = bucket.level.min(known + back);
                }
            }
            slot => {
                let Some(limit) = said.limit.filter(|limit| *limit > 0) else {
                    return;
                };
                let capacity = limit as f64;
                let a_minute = capacity / MINUTE;
                let mut bucket = Self {
                    capacity,
                    per_second: said.per_second().map_or(a_minute, |rate| rate.min(a_minute)),
                    level: known.unwrap_or(capacity).min(capacity),
                    at,
                    fixed: false,
                };
                bucket.refill(now);
                *slot = Some(bucket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_then_a_steady_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::per_minute(60, start);
        for _ in 0..60 {
            assert_eq!(bucket.wait(1.0, start), Duration::ZERO);
            bucket.take(1.0);
        }
        assert_eq!(bucket.wait(1.0, start), SECOND);
        assert_eq!(bucket.wait(10.0, start + SECOND * 4), SECOND * 6);
        assert_eq!(
            bucket.wait(500.0, start + SECOND * 60),
            Duration::ZERO,
            "full is enough for more"
        );
        bucket.take(90.0);
        assert_eq!(
            bucket.wait(1.0, start + SECOND * 60),
            SECOND * 31,
            "and is paid back"
        );
    }

    #[test]
    fn the_provider_says_how_much_and_how_fast() {
        let start = Instant::now();
        let said = |limit, remaining, secs| {
            Some(Allowance {
                limit: Some(limit),
                remaining: Some(remaining),
                resets_in: Some(SECOND * secs),
            })
        };
        let mut slot = None;
        // A limit per day: 30 missing come back in 180 s.
        Bucket::learn(&mut slot, said(14_400, 14_370, 180), 0.0, start, start);
        let bucket = slot.as_mut().unwrap();
        bucket.take(14_370.0);
        assert_eq!(bucket.wait(1.0, start), SECOND * 6);
        // Another process used all but 3, and we have sent 2 more since.
        Bucket::learn(&mut slot, said(60, 3, 57), 2.0, start, start);
        let bucket = slot.as_mut().unwrap();
        assert_eq!(
            (bucket.wait(1.0, start), bucket.wait(2.0, start)),
            (Duration::ZERO, SECOND)
        );

        let mut fixed = Some(Bucket::per_minute(10, start));
        Bucket::learn(&mut fixed, said(1000, 900, 6), 0.0, start, start);
        let bucket = fixed.as_mut().unwrap();
        bucket.take(10.0);
        assert_eq!(bucket.wait(1.0, start), SECOND * 6, "a limit set by hand holds");
    }
}
