//! One proposal on its way: from a parent on a minibatch to a candidate on the validation set.

use std::sync::Arc;

use dictum_core::Record;

use crate::candidate::Candidate;

/// Where a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The parent answers the minibatch.
    Minibatch,
    /// The proposer is asked for instructions.
    Reflect,
    /// It is asked for shorter ones.
    Shorten,
    /// The child answers the same examples.
    Trial,
    /// The child was accepted, and waits until the others of its round have come as far.
    Accepted,
    /// The child answers the validation set.
    Validate,
    /// It is over.
    Over,
}

/// What a child is tried on.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// Places in the trainset, with the parent's scores.
    Train(Vec<usize>, Vec<Option<f64>>),
    /// Places in the validation set, where all scores of the parents are known.
    Val(Vec<usize>),
}

/// A question on its way.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// The predictor it is about.
    pub(super) component: usize,
    pub(super) asked: Arc<Candidate>,
    pub(super) inputs: Record,
    pub(super) sample: u64,
}

/// One proposal on its way.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) stage: Stage,
    /// Its number among proposals or merges, from 1; 0 until something is asked.
    pub(super) number: usize,
    /// The places of its parents in the pool: one for a reflection, two for a merge, none for the first candidate.
    pub(super) parents: Vec<usize>,
    pub(super) rows: Rows,
    pub(super) questions: Vec<Question>,
    /// The child's instructions.
    pub(super) texts: Vec<String>,
    /// The predictors whose instructions were proposed.
    pub(super) changed: Vec<usize>,
    pub(super) child: Option<Arc<Candidate>>,
    /// What the child gained over the parent.
    pub(super) gain: f64,
    /// The most rollouts it may take, and those it took.
    pub(super) price: usize,
    pub(super) spent: usize,
}

impl Lane {
    pub(super) fn new(stage: Stage, parents: Vec<usize>, rows: Rows, price: usize) -> Self {
        Self {
            stage,
            number: 0,
            parents,
            rows,
            questions: Vec::new(),
            texts: Vec::new(),
            changed: Vec::new(),
            child: None,
            gain: 0.0,
            price,
            spent: 0,
        }
    }

    pub(super) fn merges(&self) -> bool {
        self.parents.len() > 1
    }
}
