//! Constraints that no value could keep, or that say nothing about their type.

use serde_json::{Number, Value};

use crate::types::{Constraints, Kind, Schema, Type};

/// What is wrong with the constraints of a type, at any level.
pub(super) fn problem(schema: &Schema) -> Option<String> {
    let mut open: Vec<&Type> = schema.defs.values().chain([&schema.ty]).collect();
    while let Some(ty) = open.pop() {
        if let Some(problem) = of(ty) {
            return Some(problem);
        }
        open.extend(ty.children());
    }
    None
}

fn of(ty: &Type) -> Option<String> {
    let constraints = &ty.constraints;
    if constraints.is_empty() {
        return None;
    }
    if let Some(pattern) = &constraints.pattern
        && let Err(error) = regex_lite::Regex::new(pattern)
    {
        return Some(format!(
            "the pattern `{pattern}` is not a regular expression: {error}"
        ));
    }
    contradiction(constraints).or_else(|| misplaced(ty))
}

fn contradiction(constraints: &Constraints) -> Option<String> {
    if let (Some(least), Some(most)) = (constraints.min_length, constraints.max_length)
        && least > most
    {
        return Some(format!("nothing is at least {least} and at most {most} long"));
    }
    let lows = [
        ("at least", &constraints.min, false),
        ("greater than", &constraints.exclusive_min, true),
    ];
    let highs = [
        ("at most", &constraints.max, false),
        ("less than", &constraints.exclusive_max, true),
    ];
    for (low_words, low, low_open) in lows {
        for (high_words, high, high_open) in highs {
            if let (Some(low), Some(high)) = (low, high)
                && !below(low, high, low_open || high_open)
            {
                return Some(format!("no number is {low_words} {low} and {high_words} {high}"));
            }
        }
    }
    None
}

/// Whether the first is below the second, or at it if that will do.
fn below(low: &Number, high: &Number, strictly: bool) -> bool {
    let bound = Some(high.clone());
    let rule = match strictly {
        true => Constraints {
            exclusive_max: bound,
            ..Constraints::default()
        },
        false => Constraints {
            max: bound,
            ..Constraints::default()
        },
    };
    rule.check(&Value::Number(low.clone())).is_empty()
}

/// Constraints on a type that has no such property: they would never be broken, which can't be what was meant.
fn misplaced(ty: &Type) -> Option<String> {
    let numbers = Constraints {
        min_length: None,
        max_length: None,
        pattern: None,
        format: None,
        ..ty.constraints.clone()
    };
    let of_text = ty.constraints.pattern.is_some() || ty.constraints.format.is_some();
    let of_length = ty.constraints.min_length.is_some() || ty.constraints.max_length.is_some();
    let (takes_numbers, takes_length, takes_text) = match ty.kind {
        Kind::Int | Kind::Float => (true, false, false),
        Kind::Str | Kind::Code { .. } | Kind::Reasoning => (false, true, true),
        Kind::List { .. } | Kind::Map { .. } | Kind::Object(_) | Kind::History | Kind::ToolCalls => {
            (false, true, false)
        }
        Kind::Any(_) | Kind::Union(_) | Kind::Optional(_) | Kind::Ref(_) => (true, true, true),
        _ => (false, false, false),
    };
    if !numbers.is_empty() && !takes_numbers {
        return Some(format!("bounds are for numbers, and the type is `{ty}`"));
    }
    if of_length && !takes_length {
        return Some(format!(
            "lengths are for texts, lists and maps, and the type is `{ty}`"
        ));
    }
    if of_text && !takes_text {
        return Some(format!("patterns are for texts, and the type is `{ty}`"));
    }
    None
}
