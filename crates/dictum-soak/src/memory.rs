//! What the process holds: memory and open files, as Linux tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Resident memory in KiB; `None` where the system does not tell.
pub(crate) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Option<u64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

/// How it was after so many calls.
#[derive(Debug, Clone, Copy)]
struct Sample {
    calls: u64,
    kib: u64,
    files: u64,
}

/// Samples taken while the calls are made.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Sample>);

/// Early and late, each the median of a stretch of the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) early_kib: u64,
    pub(crate) late_kib: u64,
    pub(crate) most_kib: u64,
    pub(crate) early_files: u64,
    pub(crate) late_files: u64,
}

/// Samples until dropped from outside.
pub(crate) async fn watch(calls: Arc<AtomicU64>, stop: tokio::sync::oneshot::Receiver<()>) -> Samples {
    let mut samples = Samples::default();
    let mut stop = std::pin::pin!(stop);
    loop {
        if let (Some(kib), Some(files)) = (resident(), open_files()) {
            samples.0.push(Sample {
                calls: calls.load(Ordering::Relaxed),
                kib,
                files,
            });
        }
        if tokio::time::timeout(Duration::from_millis(100), &mut stop)
            .await
            .is_ok()
        {
            return samples;
        }
    }
}

impl Samples {
    /// Compares the stretch from 20 to 40 percent of the calls with the last 20 percent. The start is left out: caches, pools
    /// and tables fill then. `None` where there are no samples.
    pub(crate) fn held(&self, calls: u64) -> Option<Held> {
        let stretch = |from: u64, to: u64, of: fn(&Sample) -> u64| {
            let mut values: Vec<u64> = self
                .0
                .iter()
                .filter(|sample| (from..=to).contains(&(sample.calls * 100 / calls.max(1))))
                .map(of)
                .collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied()
        };
        Some(Held {
            early_kib: stretch(20, 40, |sample| sample.kib)?,
            late_kib: stretch(80, 100, |sample| sample.kib)?,
            most_kib: self.0.iter().map(|sample| sample.kib).max()?,
            early_files: stretch(20, 40, |sample| sample.files)?,
            late_files: stretch(80, 100, |sample| sample.files)?,
        })
    }
}
