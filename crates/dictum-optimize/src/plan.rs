//! What a strategy is made from: the program's predictors and the data.

use std::collections::HashMap;
use std::sync::Arc;

use dictum_core::Record;
use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::lm::Digest;
use dictum_core::program::{DynModule, Overlay, PredictorState, predictors, texts, thresholds};
use dictum_core::signature::SignatureSpec;
use serde_json::Value;

use crate::candidate::{Candidate, InputKey, Role};
use crate::strategy::Strategy;

/// What a strategy is made from. Nothing in it calls a model.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The predictors of the program, in their order.
    pub predictors: Vec<Part>,
    /// The texts of the program that can be learned, in their order.
    pub texts: Vec<TextPart>,
    /// The thresholds of the program, in their order.
    pub thresholds: Vec<ThresholdPart>,
    /// The program as it is: the candidate to beat.
    pub baseline: Arc<Candidate>,
    /// The teacher as it is: another program, or the program itself.
    pub teacher: Arc<Candidate>,
    /// Examples to learn from.
    pub trainset: Vec<Arc<Example>>,
    /// Examples to score candidates on; none of them is learned from.
    pub valset: Vec<Arc<Example>>,
    /// How many examples the winner is confirmed on, none of which is here; 0 where the validation set has to do.
    pub confirm: usize,
    /// The calls there are for the search, the scoring of the program as it is included; `None` without limit.
    pub calls: Option<u64>,
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

/// One text of the program that can be learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPart {
    /// Its path.
    pub path: String,
    /// What it is for.
    pub purpose: String,
    /// What it says in the program as it is.
    pub text: String,
}

/// One threshold of the program.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdPart {
    /// Its path.
    pub path: String,
    /// What it is for.
    pub purpose: String,
    /// What it is in the program as it is.
    pub value: f64,
}

/// What a proposal can put into other words: the instructions of a predictor, or a text.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a program has few, and nearly all are instructions"
)]
pub(crate) enum Component {
    Instructions(Part),
    Text(TextPart),
}

impl Component {
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Instructions(part) => &part.path,
            Self::Text(text) => &text.path,
        }
    }

    /// Its words in the program as it is.
    pub(crate) fn own_words(&self) -> String {
        match self {
            Self::Instructions(part) => part.own_instructions(),
            Self::Text(text) => text.text.clone(),
        }
    }
}

impl Plan {
    /// All that a proposal can put into other words: the instructions of the predictors, then the texts.
    pub(crate) fn components(&self) -> Vec<Component> {
        let instructions = self.predictors.iter().cloned().map(Component::Instructions);
        let texts = self.texts.iter().cloned().map(Component::Text);
        instructions.chain(texts).collect()
    }

    /// Takes this candidate for the program as it is.
    pub(crate) fn start_from(&mut self, candidate: &Arc<Candidate>) {
        for part in &mut self.predictors {
            if let Some(state) = candidate.overlay().get(&part.path) {
                part.state = state.clone();
            }
        }
        for part in &mut self.texts {
            if let Some(text) = candidate.overlay().text(&part.path) {
                part.text = text.to_owned();
            }
        }
        for part in &mut self.thresholds {
            if let Some(value) = candidate.overlay().threshold(&part.path) {
                part.value = value;
            }
        }
        if self.teacher.role() == Role::Student {
            self.teacher = Arc::new(candidate.labelled("teacher"));
        }
        self.baseline = candidate.clone();
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

/// The texts of a program.
pub(crate) fn text_parts(program: &dyn DynModule) -> Vec<TextPart> {
    let all = texts(program).into_iter();
    all.map(|(path, text)| TextPart {
        path,
        purpose: text.purpose().to_owned(),
        text: text.text().to_owned(),
    })
    .collect()
}

/// The thresholds of a program.
pub(crate) fn threshold_parts(program: &dyn DynModule) -> Vec<ThresholdPart> {
    let all = thresholds(program).into_iter();
    all.map(|(path, threshold)| ThresholdPart {
        path,
        purpose: threshold.purpose().to_owned(),
        value: threshold.value(),
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
    for TextPart { path, text, .. } in text_parts(program) {
        candidate = candidate.with_text(&path, &text);
    }
    for ThresholdPart { path, value, .. } in threshold_parts(program) {
        candidate = candidate.with_threshold(&path, value);
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
