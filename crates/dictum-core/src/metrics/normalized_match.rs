//! [`normalized_match`].

use super::{label, normalize, text};
use crate::evaluate::{Metric, try_metric_fn};

/// 1 when the output and the label are the same text after [`normalize`] (case, punctuation, English articles and spacing
/// aside), else 0.
pub fn normalized_match(field: &str) -> impl Metric + Clone + use<> {
    let field = field.to_owned();
    try_metric_fn(format!("normalized:{field}"), move |example, prediction| {
        let (output, answers) = label::pair(&field, example, prediction)?;
        let given = normalize(&text::of(output));
        let right = answers.iter().any(|answer| normalize(&text::of(answer)) == given);
        Ok(label::judged(f64::from(u8::from(right)), output, &answers))
    })
}
