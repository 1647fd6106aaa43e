//! How many retries all calls together may make.

use std::sync::atomic::{AtomicU64, Ordering};

/// A bucket of retries: each call puts a share of one in, each retry takes a whole one out. While few calls fail it is full
/// and in no one's way; when all fail it empties, and the load on the provider falls back to little more than the calls.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// In thousandths of a retry.
    saved: AtomicU64,
    per_call: u64,
    most: u64,
}

const WHOLE: u64 = 1000;

impl RetryBudget {
    pub(super) fn new(share: f64, burst: u32) -> Self {
        let most = u64::from(burst) * WHOLE;
        Self {
            saved: AtomicU64::new(most),
            // A share that is no number is none.
            per_call: (share.max(0.0) * WHOLE as f64).round() as u64,
            // Without a burst a retry could never be saved up.
            most: most.max(WHOLE),
        }
    }

    /// A call begins.
    pub(super) fn earn(&self) {
        // A full bucket, the usual case, is only read.
        if self.per_call > 0 && self.saved.load(Ordering::Relaxed) < self.most {
            self.saved
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
                    Some(saved.saturating_add(self.per_call).min(self.most))
                })
                .ok();
        }
    }

    /// Takes a retry; false when there is none.
    pub(super) fn spend(&self) -> bool {
        self.saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
                saved.checked_sub(WHOLE)
            })
            .is_ok()
    }
}
