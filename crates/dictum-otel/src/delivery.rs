//! What arrived and what did not.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What became of the telemetry until now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Spans the collector took.
    pub spans_delivered: u64,
    /// Spans that are lost: they did not fit into the queue, or the collector could not be reached or refused them. At the end
    /// also those that were still waiting.
    pub spans_lost: u64,
    /// Whether the last metrics sent arrived, or there were none. Metrics are totals, so the last hold all earlier ones.
    pub metrics_delivered: bool,
    /// What went wrong last, in words: the collector's host and the cause.
    pub problem: Option<String>,
}

impl Delivery {
    /// Whether all of it arrived.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.spans_lost == 0 && self.metrics_delivered
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            spans_delivered,
            spans_lost,
            ..
        } = self;
        if self.complete() {
            return write!(f, "telemetry: all {spans_delivered} spans were delivered");
        }
        f.write_str("telemetry was lost: ")?;
        if *spans_lost > 0 {
            let all = spans_lost + spans_delivered;
            write!(f, "{spans_lost} of {all} spans")?;
        }
        if !self.metrics_delivered {
            f.write_str(if *spans_lost > 0 {
                " and the latest metrics"
            } else {
                "the latest metrics"
            })?;
        }
        match &self.problem {
            Some(problem) => write!(f, ": {problem}"),
            None => f.write_str(": the queue was full, or there was no time left"),
        }
    }
}

/// What is called when telemetry is lost.
pub(crate) type OnLoss = Arc<dyn Fn(&Delivery) + Send + Sync>;

/// The counts behind a [`Delivery`], shared by the queue, the exporters and the guard.
pub(crate) struct Counts {
    ended: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    metrics_failed: AtomicBool,
    problem: Mutex<Option<String>>,
    /// Whether the present trouble was told already.
    told: AtomicBool,
    on_loss: OnLoss,
}

impl Counts {
    pub(crate) fn new(on_loss: OnLoss) -> Self {
        Self {
            ended: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            metrics_failed: AtomicBool::new(false),
            problem: Mutex::new(None),
            told: AtomicBool::new(false),
            on_loss,
        }
    }

    /// A span ended and goes to the queue.
    pub(crate) fn ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// The transport met a problem.
    pub(crate) fn problem(&self, problem: String) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    /// The collector takes a batch but for so many spans. Said while the batch is under way; batches are, one by one.
    pub(crate) fn refused(&self, spans: u64) {
        self.refused.store(spans, Ordering::Relaxed);
    }

    /// A batch of spans was sent, or was not.
    pub(crate) fn spans(&self, spans: u64, sent: bool) {
        let refused = self.refused.swap(0, Ordering::Relaxed);
        let lost = if sent { refused.min(spans) } else { spans };
        self.delivered.fetch_add(spans - lost, Ordering::Relaxed);
        self.failed.fetch_add(lost, Ordering::Relaxed);
        if lost > 0 {
            self.tell_once();
        } else {
            self.told.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn metrics(&self, arrived: bool) {
        self.metrics_failed.store(!arrived, Ordering::Relaxed);
        if !arrived {
            self.tell_once();
        }
    }

    /// Tells of trouble when it begins, not for every batch.
    fn tell_once(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            (self.on_loss)(&self.so_far());
        }
    }

    pub(crate) fn so_far(&self) -> Delivery {
        self.delivery(self.failed.load(Ordering::Relaxed))
    }

    /// The count at the end: what ended and was not delivered is lost. Tells if something is.
    pub(crate) fn finish(&self, metrics_in_time: bool) -> Delivery {
        if !metrics_in_time {
            self.metrics_failed.store(true, Ordering::Relaxed);
        }
        let (ended, delivered) = (
            self.ended.load(Ordering::Relaxed),
            self.delivered.load(Ordering::Relaxed),
        );
        let delivery = self.delivery(ended.saturating_sub(delivered));
        if !delivery.complete() {
            (self.on_loss)(&delivery);
        }
        delivery
    }

    fn delivery(&self, lost: u64) -> Delivery {
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delivery = Delivery {
            spans_delivered: self.delivered.load(Ordering::Relaxed),
            spans_lost: lost,
            metrics_delivered: !self.metrics_failed.load(Ordering::Relaxed),
            problem: None,
        };
        if !delivery.complete() {
            delivery.problem.clone_from(&problem);
        }
        delivery
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.so_far().fmt(f)
    }
}
