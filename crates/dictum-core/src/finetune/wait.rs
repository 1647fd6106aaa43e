//! Waiting for a job.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{FineTuning, Job};
use crate::lm::{LmError, LmErrorKind};

/// How a job is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The time between the first two looks; each further one is half as long again. 5 s if not set.
    pub first: Duration,
    /// The most time between two looks. 60 s if not set.
    pub most: Duration,
    /// How long to wait in all; no limit if not set.
    pub deadline: Option<Duration>,
    /// How many looks one after the other may fail in a way that passes. 10 if not set.
    pub failures: u32,
}

impl Default for Polling {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            most: Duration::from_secs(60),
            deadline: None,
            failures: 10,
        }
    }
}

/// Waits until a job is over, whichever way, and gives it as it is then. `seen` is told the job after every look, and can
/// end the waiting. A look that fails in a way that passes is made again, after as long as the provider asks.
///
/// Dropping the future ends the waiting only: the job goes on, until [`FineTuning::cancel`].
///
/// # Errors
/// [`LmErrorKind::Timeout`] when the deadline is over, [`LmErrorKind::Cancelled`] when `seen` ended it; and the errors of
/// looking. The job goes on in all cases.
pub async fn wait(
    tuning: &dyn FineTuning,
    id: &str,
    polling: &Polling,
    mut seen: impl FnMut(&Job) -> ControlFlow<()> + Send,
) -> Result<Job, LmError> {
    let until = polling.deadline.and_then(|time| Instant::now().checked_add(time));
    let (mut pause, mut failed) = (polling.first, 0);
    let mut state = "not known".to_owned();
    loop {
        let mut wish = None;
        match tuning.job(id).await {
            Ok(job) => {
                failed = 0;
                if seen(&job).is_break() && !job.status.is_over() {
                    let message = format!(
                        "the waiting for job {id} was ended; the job itself goes on ({})",
                        job.status
                    );
                    return Err(LmError::new(LmErrorKind::Cancelled, message).with_model(tuning.name()));
                }
                if job.status.is_over() {
                    return Ok(job);
                }
                state = job.status.to_string();
            }
            Err(error) => {
                failed += 1;
                if !error.retryable() || failed > polling.failures {
                    return Err(error.with_attempts(failed));
                }
                wish = error.retry_after();
                tracing::warn!(job = id, %error, "the job could not be looked at; it is tried again");
            }
        }
        let next = pause.max(wish.unwrap_or_default());
        if let Some(until) = until
            && Instant::now() + next > until
        {
            let message = format!(
                "job {id} is not over in the time given (its state is {state}); it goes on at the provider: wait again, or \
                 cancel it"
            );
            return Err(LmError::new(LmErrorKind::Timeout, message).with_model(tuning.name()));
        }
        sleep(next).await;
        pause = (pause + pause / 2).min(polling.most.max(polling.first));
    }
}
