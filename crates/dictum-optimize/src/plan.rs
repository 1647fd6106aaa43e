//! What a strategy is made from: the program's predictors and the data.

use std::collections::HashMap;
use std::sync::Arc;

use dictum_core::Record;
use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::lm::Digest;
use dictum_core::program::{DynModule, Overlay, PredictorState, predictors};
use dictum_core::signature::SignatureSpec;
use serde_json::Value;

use crate::candidate::{Candidate, InputKey, Role};
use crate::strategy::Strategy;

/// What a strategy is made from. Nothing in it calls a model.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The predictors of the program, in their order.
    pub predictors: Vec<Part>,
    /// The program as it is: the candidate to beat.
    pub baseline: Arc<Candidate>,
    /// The teacher as it is: another program, or the program itself.
    pub teacher: Arc<Candidate>,
    /// Examples to learn from.
    pub trainset: Vec<Arc<Example>>,
    /// Examples to score candidates on; none of them is learned from.
    pub valset: Vec<Arc<Example>>,
    /// The run's seed.
    pub seed: u64,
    /// What a row counts that the program failed on.
    pub failure_score: f64,
}

/// One predictor of the program.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its path.
    pub path: String,
    /// Its signature.
    pub spec: SignatureSpec,
    /// Its state as it is.
    pub state: PredictorState,
}

impl Part {
    /// The instructions it has in the program as it is.
    pub(crate) fn own_instructions(&self) -> String {
        let own = self.state.instructions.clone();
        own.unwrap_or_else(|| self.spec.instructions().into_owned())
    }

    /// The instructions it has in a candidate.
    pub(crate) fn instructions(&self, candidate: &Candidate) -> String {
        let state = candidate.overlay().get(&self.path);
        let learned = state.and_then(|state| state.instructions.clone());
        learned.unwrap_or_else(|| self.spec.instructions().into_owned())
    }
}

/// The part of an optimizer that differs from the others: its name, its settings, its strategy.
pub trait Recipe: Send + Sync {
    /// Its name, as people write it.
    fn name(&self) -> &'static str;

    /// Its settings, for `run.json`: all that the search follows from beside data, program and seed.
    fn settings(&self) -> Value;

    /// Whether it chooses by the validation set, and so can't do without one.
    fn chooses(&self) -> bool;

    /// Its search.
    ///
    /// # Errors
    /// When the settings or the data make no sense for it.
    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>>;
}

impl<R: Recipe + ?Sized> Recipe for Box<R> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn settings(&self) -> Value {
        (**self).settings()
    }

    fn chooses(&self) -> bool {
        (**self).chooses()
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        (**self).strategy(plan)
    }
}

/// The predictors of a program.
pub(crate) fn parts(program: &dyn DynModule) -> Vec<Part> {
    let all = predictors(program).into_iter();
    all.map(|(path, predictor)| Part {
        path,
        spec: predictor.spec().clone(),
        state: predictor.state().clone(),
    })
    .collect()
}

/// A program as it is, as a candidate. Demonstrations it has already are traced back to the examples they show.
pub(crate) fn as_it_is(
    label: &str,
    role: Role,
    program: &dyn DynModule,
    data: &[&[Arc<Example>]],
) -> Candidate {
    let known = Known::of(data);
    let mut candidate = Candidate::new(label, role, Overlay::new());
    for Part { path, spec, state } in parts(program) {
        let sources = known.sources(&spec, &state);
        candidate = candidate.with(&path, state, sources);
    }
    candidate
}

/// The examples there are, by what they ask.
pub(crate) struct Known(HashMap<Digest, InputKey>);

impl Known {
    pub(crate) fn of(data: &[&[Arc<Example>]]) -> Self {
        let all = data.iter().copied().flatten();
        Self(
            all.map(|example| (Digest::of(example.inputs()), InputKey::of(example)))
                .collect(),
        )
    }

    /// For each demonstration of a predictor which example it shows, as far as it shows the inputs of one.
    pub(crate) fn sources(&self, spec: &SignatureSpec, state: &PredictorState) -> Vec<Option<InputKey>> {
        let source = |fields: &Record| {
            let inputs: Record = spec
                .inputs()
                .iter()
                .filter_map(|field| Some((field.name.clone(), fields.get(&field.name)?.clone())))
                .collect();
            self.0.get(&Digest::of(&inputs)).cloned()
        };
        state.demos.iter().map(|demo| source(&demo.fields)).collect()
    }
}
