//! What happened: the steps of predictors and the calls they made.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::shards::Shards;
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
    steps: Shards,
    compared: Mutex<VecDeque<Compared>>,
    spent: Mutex<(u64, Usage)>,
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
            steps: Shards::default(),
            compared: Mutex::default(),
            spent: Mutex::default(),
        }))
    }

    /// The steps kept, oldest first.
    #[must_use]
    pub fn steps(&self) -> Vec<Arc<Step>> {
        self.latest().0
    }

    /// The values held against thresholds, oldest first: the latest, as many as the trace keeps steps. They stand in no trace
    /// file.
    #[must_use]
    pub fn compared(&self) -> Vec<Compared> {
        self.held().iter().cloned().collect()
    }

    /// Whether it, or one it tells, keeps anything.
    pub(super) fn keeps(&self) -> bool {
        self.0.capacity > 0 || self.0.parent.as_ref().is_some_and(Self::keeps)
    }

    /// Adds a value held against a threshold.
    pub(super) fn note_compared(&self, compared: &Compared) {
        if self.0.capacity > 0 {
            let mut held = self.held();
            if held.len() >= self.0.capacity {
                held.pop_front();
            }
            held.push_back(compared.clone());
        }
        if let Some(parent) = &self.0.parent {
            parent.note_compared(compared);
        }
    }

    /// How many steps were dropped because the trace was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.steps.dropped(self.0.capacity)
    }

    /// How many calls of the model were made, answers from caches included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.spent().0
    }

    /// Tokens and money of the calls that reached a model.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.spent().1
    }

    /// Writes the steps kept, oldest first, as JSON lines; see [`TraceWriter`] for the format, and for writing steps as they
    /// happen.
    ///
    /// # Errors
    /// [`crate::Error::File`] when writing fails.
    pub fn write_jsonl(&self, out: impl std::io::Write + Send) -> Result<Written> {
        let (steps, dropped) = self.latest();
        let writer = TraceWriter::new(out);
        for step in steps {
            writer.write(&step);
        }
        writer.finish_after(dropped)
    }

    /// Adds a step.
    pub fn push(&self, step: Arc<Step>) {
        let mut spent = self.spent();
        for call in &step.calls {
            spent.0 += 1;
            if let Ok(response) = &call.result
                && response.source == Source::Model
            {
                spent.1 += response.usage;
            }
        }
        drop(spent);
        if let Some(parent) = &self.0.parent {
            parent.push(Arc::clone(&step));
        }
        self.0.steps.push(step, self.0.capacity);
    }

    /// The steps kept, oldest first, and how many were dropped.
    fn latest(&self) -> (Vec<Arc<Step>>, u64) {
        self.0.steps.latest(self.0.capacity)
    }

    /// Calls, and what those that reached a model used.
    fn spent(&self) -> MutexGuard<'_, (u64, Usage)> {
        self.0.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Compared>> {
        self.0.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, dropped) = self.latest();
        write!(f, "Trace({} steps, {dropped} dropped)", kept.len())
    }
}
