//! [`token_f1`].

use std::collections::HashMap;

use super::{label, text, tokens};
use crate::evaluate::{Metric, try_metric_fn};

/// How many words the output and the label share: the harmonic mean of precision and recall over [`tokens`], words that
/// stand several times counted so (the F1 of SQuAD). 1 when both have no words, 0 when one has none.
pub fn token_f1(field: &str) -> impl Metric + Clone + use<> {
    let field = field.to_owned();
    try_metric_fn(format!("f1:{field}"), move |example, prediction| {
        let (output, answers) = label::pair(&field, example, prediction)?;
        let given = tokens(&text::of(output));
        let best = answers
            .iter()
            .map(|answer| f1(&given, &tokens(&text::of(answer))))
            .fold(0.0, f64::max);
        Ok(label::judged(best, output, &answers))
    })
}

fn f1(given: &[String], wanted: &[String]) -> f64 {
    if given.is_empty() || wanted.is_empty() {
        return f64::from(u8::from(given.len() == wanted.len()));
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in wanted {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0_usize;
    for word in given {
        if let Some(count) = left.get_mut(word.as_str())
            && *count > 0
        {
            *count -= 1;
            shared += 1;
        }
    }
    // 2pr / (p + r) with p and r written out: no division by zero when nothing is shared.
    2.0 * shared as f64 / (given.len() + wanted.len()) as f64
}
