//! Constraints in words.

use serde_json::Number;

use crate::types::{Constraints, Kind, Type};

/// The constraints as they stand behind the type: `from 1 to 5`, `(at least 3 characters, matching /^a/)`.
pub(super) fn of(ty: &Type) -> Option<String> {
    let constraints = visible(ty);
    let mut rules = Vec::new();
    if let (Some(min), Some(max)) = (&constraints.min, &constraints.max) {
        rules.push(format!("from {min} to {max}"));
    } else {
        number("at least", &constraints.min, &mut rules);
        number("at most", &constraints.max, &mut rules);
    }
    number("greater than", &constraints.exclusive_min, &mut rules);
    number("less than", &constraints.exclusive_max, &mut rules);
    number("a multiple of", &constraints.multiple_of, &mut rules);
    rules.extend(length(ty, &constraints));
    if let Some(pattern) = &constraints.pattern {
        rules.push(format!("matching /{pattern}/"));
    }
    if let Some(format) = &constraints.format {
        rules.push(format!("in {format} format"));
    }
    match rules.as_slice() {
        [] => None,
        [only] if only.starts_with("from ") => Some(only.clone()),
        rules => Some(format!("({})", rules.join(", "))),
    }
}

fn number(words: &str, bound: &Option<Number>, rules: &mut Vec<String>) {
    if let Some(bound) = bound {
        rules.push(format!("{words} {bound}"));
    }
}

/// Without the bounds of wide integers: they are the machine's, and nobody's answer comes near them.
fn visible(ty: &Type) -> Constraints {
    let mut constraints = ty.constraints.clone();
    if matches!(ty.kind, Kind::Int) {
        let is = |bound: &Option<Number>, ends: &[i128]| {
            bound
                .as_ref()
                .and_then(Number::as_i128)
                .is_some_and(|bound| ends.contains(&bound))
        };
        if is(&constraints.min, &[i32::MIN.into(), i64::MIN.into()]) {
            constraints.min = None;
        }
        if is(
            &constraints.max,
            &[i32::MAX.into(), u32::MAX.into(), i64::MAX.into(), u64::MAX.into()],
        ) {
            constraints.max = None;
        }
    }
    constraints
}

fn length(ty: &Type, constraints: &Constraints) -> Option<String> {
    let (one, many) = match ty.kind {
        Kind::Str | Kind::Code { .. } | Kind::Reasoning => ("character", "characters"),
        Kind::List { .. } | Kind::History | Kind::ToolCalls => ("item", "items"),
        Kind::Map { .. } | Kind::Object(_) => ("entry", "entries"),
        _ => ("long", "long"),
    };
    let unit = |n: u64| if n == 1 { one } else { many };
    match (constraints.min_length.filter(|n| *n > 0), constraints.max_length) {
        (Some(least), Some(most)) if least == most => Some(format!("exactly {most} {}", unit(most))),
        (Some(least), Some(most)) => Some(format!("{least} to {most} {}", unit(most))),
        (Some(least), None) => Some(format!("at least {least} {}", unit(least))),
        (None, Some(most)) => Some(format!("at most {most} {}", unit(most))),
        (None, None) => None,
    }
}
