//! Where events go, as part of a context.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::guard::{Guard, PartialField};
use super::{Event, EventKind};
use crate::lm::{LmError, LmErrorKind};
use crate::program::Context;

/// What a context has for calls that stream: who listens, and who may end them.
#[derive(Debug, Clone, Default)]
pub(in crate::program) struct Streaming {
    listener: Option<Listener>,
    guards: Vec<Guard>,
}

#[derive(Debug, Clone)]
struct Listener {
    events: mpsc::Sender<Event>,
    calls: Arc<AtomicU64>,
}

impl Streaming {
    /// The same, its events sent here.
    pub(super) fn listening(&self, events: mpsc::Sender<Event>) -> Self {
        Self {
            listener: Some(Listener {
                events,
                calls: Arc::default(),
            }),
            guards: self.guards.clone(),
        }
    }

    pub(super) fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The number of a call that begins.
    pub(super) fn next_call(&self) -> u64 {
        let count = |listener: &Listener| listener.calls.fetch_add(1, Ordering::Relaxed);
        self.listener.as_ref().map_or(0, count)
    }

    /// Tells the listener, and waits while it has too much to read already.
    pub(super) async fn send(&self, event: Event) -> Result<(), LmError> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        listener.events.send(event).await.map_err(|_| {
            LmError::new(
                LmErrorKind::Cancelled,
                "the stream that showed this call was dropped",
            )
        })
    }
}

impl Context {
    /// The same with a guard: it looks at each output field of each predictor as far as it is there, and ends the call with
    /// [`crate::Error::Stopped`] by giving a reason. The model's connection is closed then, so what it has not written is not
    /// paid for. Calls that are not streamed to anyone are guarded too; the model streams inside.
    ///
    /// A guard sees a text field's text from its beginning each time, a structured field whenever it can be read anew, and every
    /// field once more when it is whole. What it sees of an answer that can't be used may be asked for again.
    #[must_use]
    pub fn with_guard(
        &self,
        name: &str,
        look: impl Fn(&PartialField<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let mut streaming = self.streaming().cloned().unwrap_or_default();
        streaming.guards.push(Guard::new(name, look));
        self.with_streaming(streaming)
    }

    /// Tells whoever streams the program what a module or tool is about to do: an [`EventKind::Status`] at `path`. Waits when the
    /// consumer is behind; does nothing when nobody listens.
    pub async fn status(&self, path: &str, message: impl Into<String>) {
        if let Some(streaming) = self.streaming().filter(|streaming| streaming.listener.is_some()) {
            let event = Event {
                path: path.into(),
                call: 0,
                kind: EventKind::Status {
                    message: message.into(),
                },
            };
            // A listener that went away has no use for it; the call itself ends at its next step.
            let _ = streaming.send(event).await;
        }
    }

    /// Whether somebody listens: a status that is costly to make can be left out when nobody does.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.streaming()
            .is_some_and(|streaming| streaming.listener.is_some())
    }
}
