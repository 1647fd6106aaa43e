//! [`exact_match`].

use serde_json::Value;

use super::label;
use crate::evaluate::{Metric, try_metric_fn};

/// 1 when the output is the label, else 0.
///
/// Values are compared, not spellings: `1` is `1.0`, and the order of an object's keys is nothing. Text is compared without
/// the space around it, and otherwise letter by letter. Text against a number, a boolean or a list is read as JSON first,
/// because labels from a CSV file without a signature are text (`True` and `False` are read too).
pub fn exact_match(field: &str) -> impl Metric + Clone + use<> {
    let field = field.to_owned();
    try_metric_fn(format!("exact:{field}"), move |example, prediction| {
        let (output, answers) = label::pair(&field, example, prediction)?;
        let right = answers.iter().any(|answer| same(answer, output));
        Ok(label::judged(f64::from(u8::from(right)), output, &answers))
    })
}

/// Whether two values are the same.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.trim() == b.trim(),
        (Value::Number(a), Value::Number(b)) => match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::String(text), other) | (other, Value::String(text)) => {
            read(text).is_some_and(|value| same(&value, other))
        }
        (a, b) => a == b,
    }
}

/// Text as a JSON value that is not text.
fn read(text: &str) -> Option<Value> {
    match text.trim() {
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        text => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| !value.is_string() && !value.is_null()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_not_spellings() {
        for (a, b) in [
            (json!(" billing\n"), json!("billing")),
            (json!(1), json!(1.0)),
            (json!("7"), json!(7)),
            (json!("True"), json!(true)),
            (json!("[\"a\", \"b\"]"), json!(["a", "b"])),
            (json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1})),
        ] {
            assert!(same(&a, &b) && same(&b, &a), "{a} {b}");
        }
        for (a, b) in [
            (json!("Billing"), json!("billing")),
            (json!("07"), json!(7)),
            (json!("null"), json!(null)),
            (json!(["a"]), json!(["a", "a"])),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)),
            (json!({"a": 1}), json!({"a": 1, "b": null})),
        ] {
            assert!(!same(&a, &b) && !same(&b, &a), "{a} {b}");
        }
    }
}
