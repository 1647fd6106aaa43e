//! What an optimizer is to the engine: a state machine that is told finished rollouts and asks for the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use dictum_core::Record;
use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::evaluate::{Row, RowOutcome};
use dictum_core::lm::Settings;
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::cost::{Cost, Objective};

/// An optimizer's search, as a deterministic state machine.
///
/// It holds no model, no clock and no files. What it asks for must follow from its settings, its seed and what it was told,
/// and from nothing else: a resumed run asks again for everything, and the engine answers from the journal. Random numbers
/// come from [`crate::Rng`].
///
/// A new optimizer is one file in `strategies/` with a state machine like this and a builder around it.
pub trait Strategy: Send {
    /// What to do next. Called again only after [`Strategy::tell`] was given what it asked for.
    fn ask(&mut self) -> Ask;

    /// The rollouts asked for last, in the order of the jobs. `None` stands for those the budget had no room for; after
    /// them the engine asks no more, and takes [`Strategy::best`].
    ///
    /// # Errors
    /// When going on makes no sense; the message says why. What was done stays in the journal.
    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()>;

    /// The best so far.
    fn best(&self) -> Choice;

    /// Why the search goes the way it goes, for the report and for a dry run; nothing where there is nothing to choose.
    fn reasons(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the best is to be confirmed on the test set. A search that found it not worth a try says no.
    fn confirms(&self) -> bool {
        true
    }

    /// How much lower than the program's the score of the best may be, for it costs less: set by a strategy that looks for
    /// low cost, when it has shown of its best that it loses no more than this to any other. The best is then kept without a
    /// gain.
    fn cheaper(&self) -> Option<Saving> {
        None
    }
}

/// What the best of a strategy that looks for low cost saves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saving {
    /// The most it loses to the best score, as shown on the validation set.
    pub margin: f64,
    /// What it costs less of.
    pub objective: Objective,
    /// What the program as it was costs per example.
    pub before: f64,
    /// What the best costs per example.
    pub after: f64,
}

/// What a strategy wants.
#[derive(Debug)]
pub enum Ask {
    /// These rollouts.
    Rollouts(Batch),
    /// Nothing more: the search is over.
    Finished,
}

/// Rollouts that don't depend on each other. The budget is spent in their order.
#[derive(Debug)]
pub struct Batch {
    /// What they are for, in a word, for the report: `bootstrap`, `search`.
    pub phase: &'static str,
    /// The rollouts.
    pub jobs: Vec<Job>,
}

/// One rollout to do, or one question to the model that proposes.
#[derive(Debug, Clone)]
pub struct Job {
    /// The candidate.
    pub candidate: Arc<Candidate>,
    /// The example.
    pub example: Arc<Example>,
    /// Which sample of it, from 0: models that take seeds get another one, and caches keep them apart.
    pub sample: u64,
    /// Settings over the context's, such as a higher temperature.
    pub settings: Settings,
    /// Whether the steps are wanted ([`Done::steps`]).
    pub steps: bool,
}

impl Job {
    /// The first sample of this example, without steps.
    #[must_use]
    pub fn new(candidate: Arc<Candidate>, example: Arc<Example>) -> Self {
        Self {
            candidate,
            example,
            sample: 0,
            settings: Settings::default(),
            steps: false,
        }
    }

    /// A question of the search itself, to the model that proposes: `asked` is a [`Candidate::proposer`]. It is journaled,
    /// counted and replayed as a rollout is, may stand beside rollouts in one batch, and its answer is
    /// [`Done::prediction`].
    #[must_use]
    pub fn question(asked: &Arc<Candidate>, inputs: Record) -> Self {
        Self::new(asked.clone(), Arc::new(Example::new(inputs, Record::new())))
    }

    /// The same, as another sample.
    #[must_use]
    pub fn sample(mut self, sample: u64) -> Self {
        self.sample = sample;
        self
    }

    /// The same, with these settings over the context's.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The same, with its steps wanted.
    #[must_use]
    pub fn with_steps(mut self) -> Self {
        self.steps = true;
        self
    }
}

/// A finished rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The example with what came of it.
    #[serde(flatten)]
    pub row: Row,
    /// The calls of the program's predictors, in order; empty when the job didn't ask for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<DoneStep>,
    /// The values the program held against its thresholds, by their paths: each once, from the lowest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub compared: BTreeMap<String, Vec<f64>>,
    /// Calls that counted against the budget, retries included.
    pub spent: u64,
    /// What its answers cost; see [`Done::cost`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

impl Done {
    /// What the program gave, or the proposer answered; `None` when it failed.
    #[must_use]
    pub fn prediction(&self) -> Option<&Record> {
        match &self.row.outcome {
            RowOutcome::Scored { prediction, .. } | RowOutcome::Unjudged { prediction, .. } => {
                Some(prediction)
            }
            RowOutcome::Failed { .. } | RowOutcome::NotRun { .. } => None,
        }
    }
}

/// One call of a predictor in a finished rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DoneStep {
    /// The predictor's path.
    pub path: String,
    /// What went in.
    pub inputs: Record,
    /// What came out; nothing when it failed.
    #[serde(default)]
    pub outputs: Record,
    /// Why nothing came out, with the answer that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What a strategy found.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The best candidate; `None` when none was found or fully scored.
    pub best: Option<Arc<Candidate>>,
    /// All candidates, in the order they were proposed.
    pub candidates: Vec<Considered>,
    /// What people should know of how it went: a bootstrap that found too few demonstrations, say.
    pub notes: Vec<String>,
}

/// A candidate with its rows on the validation set.
#[derive(Debug, Clone)]
pub struct Considered {
    /// The candidate.
    pub candidate: Arc<Candidate>,
    /// Its rows in the order of the validation set; `None` where the budget had no room.
    pub rows: Vec<Option<Arc<Done>>>,
}
