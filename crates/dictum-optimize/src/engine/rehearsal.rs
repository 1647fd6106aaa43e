//! Made-up rollouts: what a run would take, found by going through it without calling a model.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use dictum_core::Record;
use dictum_core::data::Example;
use dictum_core::evaluate::{Row, RowOutcome, Score};
use dictum_core::lm::{Digest, Message, Usage};
use dictum_core::program::{Context, DynModule, Predictor, predictors, thresholds};
use dictum_core::signature::{FieldKind, FieldSpec};
use dictum_core::types::{Kind, Type};
use serde_json::{Value, json};

use crate::candidate::Role;
use crate::strategy::{Done, DoneStep, Job};

/// Characters per token of usual English text; what models of today have on average.
const CHARS_PER_TOKEN: usize = 4;
/// Tokens of the layout around one output field.
const TOKENS_PER_FIELD: usize = 12;
/// The objective by which a made-up score is known.
pub(crate) const MADE_UP: &str = "made up";
/// What stands for text that nobody has written yet.
const TEXT: &str = "made up for a dry run, as long as a short sentence usually is";

/// What rollouts that were made up would have taken.
#[derive(Debug, Default)]
pub(crate) struct Rehearsal {
    used: Mutex<BTreeMap<String, Usage>>,
    shared: Mutex<HashSet<String>>,
}

impl Rehearsal {
    /// What would have been used of each model, by its name.
    pub(crate) fn used(&self) -> BTreeMap<String, Usage> {
        lock(&self.used).clone()
    }

    /// Whether there are calls that rollouts share under this name.
    pub(super) fn shares(&self, group: &str) -> bool {
        lock(&self.shared).contains(group)
    }

    /// Notes that there are calls shared under this name. Says whether they are the first.
    pub(super) fn share(&self, group: &str) -> bool {
        lock(&self.shared).insert(group.to_owned())
    }

    fn add(&self, lm: &str, usage: Usage) {
        *lock(&self.used).entry(lm.to_owned()).or_default() += usage;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A rollout in which every predictor is called once, with values from the example where it has them. Half of them, by the
/// key, score 1, the others 0. Its calls are noted in `pays`; without, they are shared with a rollout that was there before, and
/// it takes none.
pub(super) fn done(
    job: &Job,
    key: &str,
    program: &dyn DynModule,
    ctx: &Context,
    pays: Option<&Arc<Rehearsal>>,
) -> Done {
    let mut steps = Vec::new();
    let mut usage = Usage::default();
    for (path, predictor) in predictors(program) {
        let inputs = fields(predictor, FieldKind::Input, &job.example);
        let mut outputs = fields(predictor, FieldKind::Output, &job.example);
        if job.candidate.role() == Role::Proposer {
            outputs = differing(&outputs, key);
        }
        let used = Usage {
            input_tokens: Some(input_tokens(predictor, ctx, &inputs)),
            output_tokens: Some(output_tokens(&outputs)),
            ..Usage::default()
        };
        // Where the state names a model that is not there, the run will say so.
        let lm = predictor.lm(ctx).unwrap_or(ctx.lm());
        if let Some(rehearsal) = pays {
            rehearsal.add(lm.name(), used);
            usage += used;
        }
        steps.push(DoneStep {
            path,
            inputs,
            outputs,
            failure: None,
        });
    }
    let spent = if pays.is_some() { steps.len() as u64 } else { 0 };
    let made_up = |path: &String| (Digest::of(&("compared", path, job.example.id())).to_u64() >> 11) as f64;
    let compared = thresholds(program)
        .into_iter()
        .map(|(path, _)| (path.clone(), vec![made_up(&path) / (1_u64 << 53) as f64]))
        .collect();
    let prediction = steps.last().map(|step| step.outputs.clone()).unwrap_or_default();
    if !job.steps {
        steps.clear();
    }
    let good = Digest::of(&("rehearsal", key)).to_u64().is_multiple_of(2);
    let score = f64::from(u8::from(good));
    let outcome = RowOutcome::Scored {
        prediction,
        score: Score::from(score).with_objective(MADE_UP, score),
    };
    let mut row = Row::not_run(&job.example);
    row.outcome = outcome;
    row.calls = spent;
    row.usage = usage;
    Done {
        row,
        steps,
        compared,
        spent,
        cost: None,
    }
}

/// Answers to different questions of the search differ: equal proposals would be tried once, real ones seldom are equal.
fn differing(answers: &Record, key: &str) -> Record {
    let of = |value: &Value| match value {
        Value::String(text) => format!("{text} {key}").into(),
        other => other.clone(),
    };
    answers
        .iter()
        .map(|(name, value)| (name.to_owned(), of(value)))
        .collect()
}

fn fields(predictor: &Predictor, kind: FieldKind, example: &Example) -> Record {
    let all = predictor.spec().fields().iter();
    all.filter(|field| field.kind == kind)
        .map(|field| (field.name.clone(), value(field, example)))
        .collect()
}

fn value(field: &FieldSpec, example: &Example) -> Value {
    let known = [example.inputs(), example.labels()];
    let known = known.into_iter().find_map(|record| record.get(&field.name));
    known.cloned().unwrap_or_else(|| made_up(&field.schema.ty))
}

/// Some value of a type; `null` where none comes to mind.
fn made_up(ty: &Type) -> Value {
    match &ty.kind {
        Kind::Str | Kind::Reasoning | Kind::Code { .. } => TEXT.into(),
        Kind::Int => 1.into(),
        Kind::Float => json!(0.5),
        Kind::Bool => true.into(),
        Kind::Literal(values) => values.first().cloned().unwrap_or_default(),
        Kind::List { item, .. } => json!([made_up(item)]),
        Kind::Tuple(types) => types.iter().map(made_up).collect(),
        Kind::Map { .. } | Kind::Object(_) => json!({}),
        Kind::Union(types) => types.first().map(made_up).unwrap_or_default(),
        _ => Value::Null,
    }
}

fn input_tokens(predictor: &Predictor, ctx: &Context, inputs: &Record) -> u64 {
    let chars = match predictor.render(ctx, inputs) {
        Ok(request) => request
            .messages()
            .map(Message::to_text)
            .map(|text| text.chars().count())
            .sum(),
        // What was made up does not fit, such as an image: its layout is left out.
        Err(_) => predictor.spec().instructions().chars().count() + text(inputs),
    };
    (chars / CHARS_PER_TOKEN) as u64
}

fn output_tokens(outputs: &Record) -> u64 {
    (text(outputs) / CHARS_PER_TOKEN + outputs.len() * TOKENS_PER_FIELD) as u64
}

/// The length of all values as text.
fn text(record: &Record) -> usize {
    let lengths = record.iter().map(|(_, value)| match value {
        Value::String(text) => text.chars().count(),
        other => other.to_string().len(),
    });
    lengths.sum()
}
