//! What happened: the steps of predictors and the calls they made.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{PredictorId, TraceWriter, Written};
use crate::error::Result;
use crate::lm::{LmError, Request, Response, Source, Usage};
use crate::parse::RepairNote;
use crate::record::Record;

/// The latest steps, bounded: when it is full the oldest is dropped. A cheap handle; clones share.
#[derive(Clone)]
pub struct Trace(Arc<Inner>);

struct Inner {
    capacity: usize,
    parent: Option<Trace>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    steps: VecDeque<Arc<Step>>,
    compared: VecDeque<Compared>,
    dropped: u64,
    calls: u64,
    usage: Usage,
}

/// A value that a program held against one of its thresholds ([`super::Threshold::passes`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The threshold's path.
    pub path: Arc<str>,
    /// The value; finite.
    pub value: f64,
    /// What the threshold was then.
    pub threshold: f64,
}

impl Compared {
    /// Whether the value passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.value >= self.threshold
    }
}

/// One call of a predictor.
#[derive(Debug)]
pub struct Step {
    /// Which predictor.
    pub predictor: PredictorId,
    /// Its path, where the context knows the program (see [`super::Context::for_program`]), else its signature's name or string form.
    pub path: Arc<str>,
    /// What it was part of, such as `example 3f2a`, where the context says so (see [`super::Context::with_scope`]).
    pub scope: Option<Arc<str>>,
    /// When it began.
    pub began: SystemTime,
    /// How long it took, calls of the model and repairs included.
    pub took: Duration,
    /// The adapter that wrote the call.
    pub adapter: &'static str,
    /// Which sample of the call, from 0.
    pub sample: u64,
    /// What went in.
    pub inputs: Record,
    /// What came out, or why nothing did.
    pub outcome: Result<Record, String>,
    /// What the parser repaired.
    pub repairs: Vec<RepairNote>,
    /// The calls of the model, in order: the first, and those the repair policy made.
    pub calls: Vec<CallRecord>,
}

/// One call of the model.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Why it was made.
    pub purpose: Purpose,
    /// The model.
    pub model: Arc<str>,
    /// What was sent.
    pub request: Arc<Request>,
    /// What came back.
    pub result: Result<Arc<Response>, LmError>,
    /// How long it took, layers included.
    pub took: Duration,
}

/// Why a call of the model was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The predictor was called.
    Ask,
    /// Fields of the answer could not be used.
    Reask,
    /// The answer could not be used and another adapter tries.
    Fallback,
}

impl Trace {
    /// A trace that keeps the latest `capacity` steps. Counts and usage cover dropped steps too.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self::under(capacity, None)
    }

    /// A trace of its own whose steps also go to this one.
    #[must_use]
    pub fn child(&self, capacity: usize) -> Self {
        Self::under(capacity, Some(self.clone()))
    }

    fn under(capacity: usize, parent: Option<Self>) -> Self {
        Self(Arc::new(Inner {
            capacity,
            parent,
            ring: Mutex::default(),
        }))
    }

    /// The steps kept, oldest first.
    #[must_use]
    pub fn steps(&self) -> Vec<Arc<Step>> {
        self.ring(|ring| ring.steps.iter().cloned().collect())
    }

    /// The values held against thresholds, oldest first: the latest, as many as the trace keeps steps. They stand in no trace
    /// file.
    #[must_use]
    pub fn compared(&self) -> Vec<Compared> {
        self.ring(|ring| ring.compared.iter().cloned().collect())
    }

    /// Whether it, or one it tells, keeps anything.
    pub(super) fn keeps(&self) -> bool {
        self.0.capacity > 0 || self.0.parent.as_ref().is_some_and(Self::keeps)
    }

    /// Adds a value held against a threshold.
    pub(super) fn note_compared(&self, compared: &Compared) {
        if self.0.capacity > 0 {
            self.ring(|ring| {
                if ring.compared.len() >= self.0.capacity {
                    ring.compared.pop_front();
                }
                ring.compared.push_back(compared.clone());
            });
        }
        if let Some(parent) = &self.0.parent {
            parent.note_compared(compared);
        }
    }

    /// How many steps were dropped because the trace was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.ring(|ring| ring.dropped)
    }

    /// How many calls of the model were made, answers from caches included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.ring(|ring| ring.calls)
    }

    /// Tokens and money of the calls that reached a model.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.ring(|ring| ring.usage)
    }

    /// Writes the steps kept, oldest first, as JSON lines; see [`TraceWriter`] for the format, and for writing steps as they
    /// happen.
    ///
    /// # Errors
    /// [`crate::Error::File`] when writing fails.
    pub fn write_jsonl(&self, out: impl std::io::Write + Send) -> Result<Written> {
        let (steps, dropped) =
            self.ring(|ring| (ring.steps.iter().cloned().collect::<Vec<_>>(), ring.dropped));
        let writer = TraceWriter::new(out);
        for step in steps {
            writer.write(&step);
        }
        writer.finish_after(dropped)
    }

    /// Adds a step.
    pub fn push(&self, step: Arc<Step>) {
        // What falls out is freed after the lock is gone: a step is hundreds of pieces.
        let _oldest = self.ring(|ring| {
            for call in &step.calls {
                ring.calls += 1;
                if let Ok(response) = &call.result
                    && response.source == Source::Model
                {
                    ring.usage += response.usage;
                }
            }
            let full = ring.steps.len() >= self.0.capacity;
            ring.dropped += u64::from(full);
            let oldest = if full { ring.steps.pop_front() } else { None };
            if self.0.capacity > 0 {
                ring.steps.push_back(step.clone());
            }
            oldest
        });
        if let Some(parent) = &self.0.parent {
            parent.push(step);
        }
    }

    fn ring<T>(&self, action: impl FnOnce(&mut Ring) -> T) -> T {
        action(&mut self.0.ring.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, dropped) = self.ring(|ring| (ring.steps.len(), ring.dropped));
        write!(f, "Trace({kept} steps, {dropped} dropped)")
    }
}
