//! Stopping, pausing and stepping a run from outside.

use std::sync::Arc;

use tokio::sync::watch;

/// A handle on runs under way: ends them early, holds them back, lets them go on batch by batch. Clones hold the same runs.
/// See `stop_with` of every optimizer. None of it changes what a run comes to, only when; but a run that is stopped ends
/// with the best so far.
///
/// - [`Stop::stop`] ends a run before its search is over: rollouts in flight are finished, no more are begun, and the best so
///   far is measured with what is there, written and reported. The same call with the same run folder goes on from there.
/// - [`Stop::pause`] holds back new rollouts until [`Stop::resume`]; those in flight are finished.
/// - [`Stop::step`] lets a paused run do one more batch: what its strategy asks for at a time, such as the scoring of a
///   candidate or a round of proposals.
/// - To cancel, drop the future of `compile`: calls in flight are cancelled, and the run folder keeps what was finished.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    stopped: bool,
    paused: bool,
    /// Batches that may be done while paused.
    steps: usize,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// One that holds nothing back yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }

    /// Asks for the end, also of a paused run.
    pub fn stop(&self) {
        self.0.send_modify(|state| state.stopped = true);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.borrow().stopped
    }

    /// Holds back rollouts that have not begun.
    pub fn pause(&self) {
        self.0.send_modify(|state| state.paused = true);
    }

    /// Lets a paused run go on.
    pub fn resume(&self) {
        self.0.send_modify(|state| {
            state.paused = false;
            state.steps = 0;
        });
    }

    /// Lets a paused run do one more batch. Several calls allow as many. Without effect where nothing is paused.
    pub fn step(&self) {
        self.0
            .send_modify(|state| state.steps += usize::from(state.paused));
    }

    /// Whether runs are held back.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.borrow().paused
    }

    /// Waits until a batch may begin. Says whether it may go on while paused, for it is a step.
    pub(crate) async fn batch(&self) -> bool {
        loop {
            let mut stepping = None;
            self.0.send_if_modified(|state| {
                if state.stopped || !state.paused {
                    stepping = Some(false);
                } else if state.steps > 0 {
                    state.steps -= 1;
                    stepping = Some(true);
                }
                false
            });
            if let Some(stepping) = stepping {
                return stepping;
            }
            let mut changes = self.0.subscribe();
            // The sender is held here: waiting can't fail.
            let ready = |state: &State| state.stopped || !state.paused || state.steps > 0;
            let _ = changes.wait_for(ready).await;
        }
    }

    /// Waits until rollouts of a batch under way may begin.
    pub(crate) async fn going(&self) {
        let mut changes = self.0.subscribe();
        let _ = changes.wait_for(|state| state.stopped || !state.paused).await;
    }
}
