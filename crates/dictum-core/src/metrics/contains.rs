//! [`contains`].

use serde_json::Value;

use super::{label, text, tokens};
use crate::evaluate::{Metric, MetricError, try_metric_fn};

/// 1 when the label stands in the output, word after word after [`super::normalize`], else 0. Whole words count: `art`
/// does not stand in `party`. Of an output that is a list, one item must contain it.
pub fn contains(field: &str) -> impl Metric + Clone + use<> {
    let field = field.to_owned();
    try_metric_fn(format!("contains:{field}"), move |example, prediction| {
        let output = label::output(&field, prediction)?;
        let answers = label::answers(&field, example, false)?;
        let right = stands_in(&field, &answers, output)?;
        Ok(label::judged(f64::from(u8::from(right)), output, &answers))
    })
}

/// Whether one of the answers stands in the text, or in one of the texts.
pub(super) fn stands_in(field: &str, answers: &[&Value], texts: &Value) -> Result<bool, MetricError> {
    let texts: Vec<Vec<String>> = match texts {
        Value::Array(items) => items.iter().map(|item| tokens(&text::of(item))).collect(),
        one => vec![tokens(&text::of(one))],
    };
    let mut found = false;
    for answer in answers {
        let answer = tokens(&text::of(answer));
        if answer.is_empty() {
            return Err(MetricError::new(format!(
                "the label `{field}` holds no words, so anything would contain it"
            )));
        }
        found |= texts.iter().any(|text| text::runs_in(&answer, text));
    }
    Ok(found)
}
