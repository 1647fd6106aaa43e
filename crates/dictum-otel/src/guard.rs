//! What keeps telemetry going, and ends it.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Runtime;

use crate::delivery::{Counts, Delivery};

/// Keeps telemetry going. Dropping it sends what is waiting, for at most [`crate::Otlp::shutdown_timeout`], and tells
/// [`crate::Otlp::on_loss`] if something is lost. Hold it until the program ends: `let _guard = ...`, not `let _ = ...`.
///
/// Dropping it, [`Guard::shutdown`] and [`Guard::flush`] wait on the thread they are called on.
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard {
    pub(crate) running: Option<Running>,
}

pub(crate) struct Running {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) runtime: Runtime,
    pub(crate) counts: Arc<Counts>,
    pub(crate) timeout: Duration,
}

impl Guard {
    /// Sends what is waiting, ends telemetry, and tells what became of it.
    pub fn shutdown(mut self) -> Delivery {
        match self.running.take() {
            Some(running) => running.end(),
            // Only dropping takes it otherwise.
            None => Delivery {
                spans_delivered: 0,
                spans_lost: 0,
                metrics_delivered: true,
                problem: None,
            },
        }
    }

    /// Sends what is waiting now, for at most [`crate::Otlp::shutdown_timeout`], and tells what became of all until now.
    pub fn flush(&self) -> Option<Delivery> {
        self.running.as_ref().map(|running| {
            let (tracers, meters) = (running.tracers.clone(), running.meters.clone());
            running.both(
                move || drop(tracers.force_flush()),
                move || drop(meters.force_flush()),
            );
            running.counts.so_far()
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
}

impl Running {
    fn end(self) -> Delivery {
        let (tracers, meters, timeout) = (self.tracers.clone(), self.meters.clone(), self.timeout);
        let in_time = self.both(
            move || drop(tracers.shutdown_with_timeout(timeout)),
            move || drop(meters.shutdown_with_timeout(timeout)),
        );
        let delivery = self.counts.finish(in_time.1);
        // Dropping a runtime inside another would panic, and waits for what hangs.
        self.runtime.shutdown_background();
        delivery
    }

    /// Does both within the time, whatever the SDK makes of its own limits. Tells which of them were done.
    fn both(
        &self,
        spans: impl FnOnce() + Send + 'static,
        metrics: impl FnOnce() + Send + 'static,
    ) -> (bool, bool) {
        let deadline = Instant::now() + self.timeout;
        let (spans, metrics) = (begin(spans), begin(metrics));
        (by(deadline, &spans), by(deadline, &metrics))
    }
}

fn begin(work: impl FnOnce() + Send + 'static) -> mpsc::Receiver<()> {
    let (done, wait) = mpsc::sync_channel(1);
    // Without a thread nothing is sent, and the wait ends at once: the channel is closed.
    let _ = std::thread::Builder::new()
        .name("dictum-otel flush".into())
        .spawn(move || {
            work();
            let _ = done.send(());
        });
    wait
}

fn by(deadline: Instant, wait: &mpsc::Receiver<()>) -> bool {
    wait.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .is_ok()
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.running.as_ref().map(|running| &running.counts);
        f.debug_tuple("Guard").field(&counts).finish()
    }
}
