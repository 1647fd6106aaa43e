//! [`numeric`].

use serde_json::Value;

use super::label;
use crate::evaluate::{Metric, MetricError, Score, try_metric_fn};
use crate::parse;
use crate::types::{Schema, Type};

/// How far a number may be from the right one: within either bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Greatest difference.
    pub absolute: f64,
    /// Greatest difference as a share of the right number's size (0.01 is one percent).
    pub relative: f64,
}

impl Tolerance {
    /// The same number, up to what float arithmetic loses.
    pub const EXACT: Self = Self {
        absolute: 0.0,
        relative: 1e-9,
    };

    /// At most this far.
    #[must_use]
    pub fn absolute(difference: f64) -> Self {
        Self {
            absolute: difference,
            ..Self::EXACT
        }
    }

    /// At most this share of the right number's size.
    #[must_use]
    pub fn relative(share: f64) -> Self {
        Self {
            absolute: 0.0,
            relative: share,
        }
    }

    fn allows(self, given: f64, right: f64) -> bool {
        // Decimal bounds such as 1.1 within 0.1 of 1.0 have no exact floats: allow what writing them down loses.
        let lost = 4.0 * f64::EPSILON * given.abs().max(right.abs());
        (given - right).abs() <= self.absolute.max(self.relative * right.abs()) + lost
    }
}

/// 1 when the output is a number within the tolerance of the label, else 0. Text is read as a number first, as the tolerant
/// parser reads a `float`; an output that is no number scores 0, a label that is none is an error.
pub fn numeric(field: &str, tolerance: Tolerance) -> impl Metric + Clone + use<> {
    let field = field.to_owned();
    let float = Schema::new(Type::float());
    let name = match tolerance {
        Tolerance::EXACT => format!("numeric:{field}"),
        Tolerance { absolute, .. } if absolute > 0.0 => format!("numeric:{field}:{absolute}"),
        Tolerance { relative, .. } => format!("numeric:{field}:{}%", relative * 100.0),
    };
    try_metric_fn(name, move |example, prediction| {
        let (output, answers) = label::pair(&field, example, prediction)?;
        let mut right = false;
        let given = number(output, &float);
        for answer in &answers {
            let Some(answer) = number(answer, &float) else {
                let answer = label::short(answer);
                return Err(MetricError::new(format!(
                    "the label `{field}` is no number: {answer}"
                )));
            };
            right |= given.is_some_and(|given| tolerance.allows(given, answer));
        }
        Ok::<Score, _>(label::judged(f64::from(u8::from(right)), output, &answers))
    })
}

fn number(value: &Value, float: &Schema) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => parse::value(text, float).ok()?.value.as_f64(),
        _ => None,
    }
}
