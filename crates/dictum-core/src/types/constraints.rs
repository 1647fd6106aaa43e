//! What must hold of a value beside its type.

use std::fmt;

use serde_json::{Number, Value};

/// Bounds and forms a value must keep. All are optional; the default allows everything.
///
/// They are shown to the model *and* enforced on its answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Constraints {
    /// Smallest value allowed (numbers).
    pub min: Option<Number>,
    /// Largest value allowed (numbers).
    pub max: Option<Number>,
    /// The value must be greater than this (numbers).
    pub exclusive_min: Option<Number>,
    /// The value must be less than this (numbers).
    pub exclusive_max: Option<Number>,
    /// The value must be a multiple of this (numbers).
    pub multiple_of: Option<Number>,
    /// Least length: characters of a text, items of a list, entries of a map.
    pub min_length: Option<u64>,
    /// Greatest length: characters of a text, items of a list, entries of a map.
    pub max_length: Option<u64>,
    /// A regular expression the text must contain a match of (anchor it with `^` and `$` for the whole text).
    /// Syntax of the `regex-lite` crate.
    pub pattern: Option<String>,
    /// The name of a form that the text has, such as `date-time`. Shown to the model, not checked.
    pub format: Option<String>,
}

/// A constraint that a value breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What should have held, such as `must be at most 5`.
    pub rule: String,
    /// What was found instead, such as `7`.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, found {}", self.rule, self.found)
    }
}

impl Constraints {
    /// Whether nothing is constrained.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rules in words, in a fixed order: `at least 1`, `at most 5`, `at least 3 long`, `matching ^[a-z]+$`.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let mut rules = Vec::new();
        let mut number = |words: &str, bound: &Option<Number>| {
            if let Some(bound) = bound {
                rules.push(format!("{words} {bound}"));
            }
        };
        number("at least", &self.min);
        number("greater than", &self.exclusive_min);
        number("at most", &self.max);
        number("less than", &self.exclusive_max);
        number("a multiple of", &self.multiple_of);
        if let Some(n) = self.min_length {
            rules.push(format!("at least {n} long"));
        }
        if let Some(n) = self.max_length {
            rules.push(format!("at most {n} long"));
        }
        if let Some(pattern) = &self.pattern {
            rules.push(format!("matching {pattern}"));
        }
        if let Some(format) = &self.format {
            rules.push(format!("in {format} format"));
        }
        rules
    }

    /// What holds when both hold: the narrower of every bound.
    ///
    /// A pattern, format or step that both give can't be joined; then `other`'s counts (steps of whole numbers can: the
    /// least common multiple).
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        use std::cmp::Ordering;
        let narrower = |own: &Option<Number>, other: &Option<Number>, wins: Ordering| match (own, other) {
            (Some(own), Some(new)) if compare(own, new) == Some(wins) => Some(own.clone()),
            (own, new) => new.as_ref().or(own.as_ref()).cloned(),
        };
        Self {
            min: narrower(&self.min, &other.min, Ordering::Greater),
            max: narrower(&self.max, &other.max, Ordering::Less),
            exclusive_min: narrower(&self.exclusive_min, &other.exclusive_min, Ordering::Greater),
            exclusive_max: narrower(&self.exclusive_max, &other.exclusive_max, Ordering::Less),
            multiple_of: common_multiple(self.multiple_of.as_ref(), other.multiple_of.as_ref()),
            min_length: self.min_length.max(other.min_length),
            max_length: match (self.max_length, other.max_length) {
                (Some(own), Some(new)) => Some(own.min(new)),
                (own, new) => own.or(new),
            },
            pattern: other.pattern.clone().or_else(|| self.pattern.clone()),
            format: other.format.clone().or_else(|| self.format.clone()),
        }
    }

    /// The constraints that `value` breaks; none for `null`, which the type decides about.
    ///
    /// A pattern that is not a valid regular expression counts as broken, with its error as the rule.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<Violation> {
        let mut broken = Vec::new();
        match value {
            Value::Number(n) => self.check_number(n, &mut broken),
            Value::String(text) => {
                self.check_length(text.chars().count(), "character", &mut broken);
                self.check_pattern(text, &mut broken);
            }
            Value::Array(items) => self.check_length(items.len(), "item", &mut broken),
            Value::Object(entries) => self.check_length(entries.len(), "entry", &mut broken),
            Value::Null | Value::Bool(_) => {}
        }
        broken
    }

    fn check_number(&self, n: &Number, broken: &mut Vec<Violation>) {
        let mut rule = |bound: &Option<Number>, words: &str, ok: fn(std::cmp::Ordering) -> bool| {
            if let Some(bound) = bound
                && !compare(n, bound).is_some_and(ok)
            {
                broken.push(Violation {
                    rule: format!("must be {words} {bound}"),
                    found: n.to_string(),
                });
            }
        };
        rule(&self.min, "at least", std::cmp::Ordering::is_ge);
        rule(&self.exclusive_min, "greater than", std::cmp::Ordering::is_gt);
        rule(&self.max, "at most", std::cmp::Ordering::is_le);
        rule(&self.exclusive_max, "less than", std::cmp::Ordering::is_lt);
        if let Some(step) = &self.multiple_of
            && !is_multiple(n, step)
        {
            broken.push(Violation {
                rule: format!("must be a multiple of {step}"),
                found: n.to_string(),
            });
        }
    }

    fn check_length(&self, length: usize, unit: &str, broken: &mut Vec<Violation>) {
        let length = length as u64;
        let found = || match (unit, length) {
            (_, 1) => format!("1 {unit}"),
            ("entry", n) => format!("{n} entries"),
            (unit, n) => format!("{n} {unit}s"),
        };
        if let Some(least) = self.min_length
            && length < least
        {
            broken.push(Violation {
                rule: format!("must be at least {least} long"),
                found: found(),
            });
        }
        if let Some(most) = self.max_length
            && length > most
        {
            broken.push(Violation {
                rule: format!("must be at most {most} long"),
                found: found(),
            });
        }
    }

    fn check_pattern(&self, text: &str, broken: &mut Vec<Violation>) {
        let Some(pattern) = &self.pattern else { return };
        match regex_lite::Regex::new(pattern) {
            Ok(regex) if regex.is_match(text) => {}
            Ok(_) => {
                broken.push(Violation {
                    rule: format!("must match {pattern}"),
                    found: format!("{text:?}"),
                });
            }
            Err(error) => broken.push(Violation {
                rule: format!("must match {pattern}, which is not a valid regular expression ({error})"),
                found: format!("{text:?}"),
            }),
        }
    }
}

/// Orders two JSON numbers exactly where both are integers, else as floats.
fn compare(a: &Number, b: &Number) -> Option<std::cmp::Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn common_multiple(own: Option<&Number>, new: Option<&Number>) -> Option<Number> {
    let whole = |n: Option<&Number>| n.and_then(Number::as_u64).filter(|n| *n > 0);
    if let (Some(a), Some(b)) = (whole(own), whole(new)) {
        let (mut x, mut y) = (a, b);
        while y != 0 {
            (x, y) = (y, x % y);
        }
        if let Some(multiple) = (a / x).checked_mul(b) {
            return Some(multiple.into());
        }
    }
    new.or(own).cloned()
}

fn is_multiple(n: &Number, step: &Number) -> bool {
    match (n.as_i128(), step.as_i128()) {
        (Some(_), Some(0)) => false,
        (Some(n), Some(step)) => n % step == 0,
        _ => match (n.as_f64(), step.as_f64()) {
            (Some(n), Some(step)) if step != 0.0 => {
                let quotient = n / step;
                // Decimal steps such as 0.1 have no exact float: allow the rounding of one division.
                (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(constraints: &Constraints, value: &Value) -> Vec<String> {
        constraints.check(value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn numbers_are_compared_exactly_where_they_are_whole() {
        let constraints = Constraints {
            max: Some(Number::from(9_007_199_254_740_992_u64)),
            ..Constraints::default()
        };
        // As floats both sides would be equal.
        assert_eq!(
            rules(&constraints, &json!(9_007_199_254_740_993_u64)),
            ["must be at most 9007199254740992, found 9007199254740993"]
        );
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        let constraints = Constraints {
            max_length: Some(3),
            ..Constraints::default()
        };
        assert!(rules(&constraints, &json!("äöü")).is_empty());
        assert_eq!(
            rules(&constraints, &json!("äöüß")),
            ["must be at most 3 long, found 4 characters"]
        );
        assert_eq!(
            rules(&constraints, &json!({"a":1,"b":2,"c":3,"d":4})),
            ["must be at most 3 long, found 4 entries"]
        );
    }

    #[test]
    fn decimal_steps_survive_float_rounding() {
        let constraints = Constraints {
            multiple_of: Number::from_f64(0.1),
            ..Constraints::default()
        };
        assert!(rules(&constraints, &json!(0.3)).is_empty());
        assert_eq!(rules(&constraints, &json!(0.35)).len(), 1);
    }
}
