//! What a metric compares: the output and the acceptable answers.

use serde_json::Value;

use crate::data::Example;
use crate::evaluate::{MetricError, Score};
use crate::record::Record;

/// The output `field` and the answers that are right for it.
pub(super) fn pair<'a>(
    field: &str,
    example: &'a Example,
    prediction: &'a Record,
) -> Result<(&'a Value, Vec<&'a Value>), MetricError> {
    let output = output(field, prediction)?;
    Ok((output, answers(field, example, output.is_array())?))
}

/// The output `field`.
pub(super) fn output<'a>(field: &str, prediction: &'a Record) -> Result<&'a Value, MetricError> {
    prediction.get(field).ok_or_else(|| {
        let there = names(prediction);
        MetricError::new(format!("the program gives no output `{field}`; it gives {there}"))
    })
}

/// The answers in the label `field`: the items of a list, unless the output is a list itself.
pub(super) fn answers<'a>(
    field: &str,
    example: &'a Example,
    whole: bool,
) -> Result<Vec<&'a Value>, MetricError> {
    let label = example.labels().get(field).ok_or_else(|| {
        let there = names(example.labels());
        MetricError::new(format!(
            "the example has no label `{field}`; its labels are {there}"
        ))
    })?;
    match label {
        Value::Array(answers) if !whole && answers.is_empty() => Err(MetricError::new(format!(
            "the label `{field}` is a list without any answer"
        ))),
        Value::Array(answers) if !whole => Ok(answers.iter().collect()),
        answer => Ok(vec![answer]),
    }
}

fn names(record: &Record) -> String {
    match record.names().collect::<Vec<_>>().as_slice() {
        [] => "none".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}

/// A score that says what was expected when it is not full.
pub(super) fn judged(value: f64, output: &Value, answers: &[&Value]) -> Score {
    if value >= 1.0 {
        return Score::from(value);
    }
    let answers: Vec<String> = answers.iter().take(5).map(|answer| short(answer)).collect();
    Score::with_feedback(
        value,
        format!("expected {}, got {}", answers.join(" or "), short(output)),
    )
}

/// A value as JSON, cut when long.
pub(super) fn short(value: &Value) -> String {
    const MOST: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
