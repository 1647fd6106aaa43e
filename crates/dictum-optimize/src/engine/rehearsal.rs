//! Made-up rollouts: what a run would take, found by going through it without calling a model.

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

/// A rollout in which every predictor is called once, with values from the example where it has them. Half of them, by the
/// key, score 1, the others 0. Unless it is the `first` of those that share their calls it takes none.
pub(super) fn done(job: &Job, key: &str, program: &dyn DynModule, ctx: &Context, first: bool) -> Done {
    let mut steps = Vec::new();
    let mut usage = Usage::default();
    for (path, predictor) in predictors(program) {
        let inputs = fields(predictor, FieldKind::Input, &job.example);
        let mut outputs = fields(predictor, FieldKind::Output, &job.example);
        if job.candidate.role() == Role::Proposer {
            outputs = differing(&outputs, key);
        }
        usage += Usage {
            input_tokens: Some(input_tokens(predictor, ctx, &inputs)),
            output_tokens: Some(output_tokens(&outputs)),
            ..Usage::default()
        };
        steps.push(DoneStep {
            path,
            inputs,
            outputs,
            failure: None,
        });
    }
    let spent = if first { steps.len() as u64 } else { 0 };
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
    row.usage = if first { usage } else { Usage::default() };
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
