//! Keywords that bound a value, and small facts about them.

use serde_json::{Map, Number, Value};

use super::INTEGER_KEY;
use crate::types::{Constraints, Kind, Type};

const CONSTRAINTS: [&str; 13] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "pattern",
    "format",
];

/// Whether the keyword is one that [`constraints`] reads.
pub(super) fn is_constraint(key: &str) -> bool {
    CONSTRAINTS.contains(&key)
}

/// The constraints beside a kind; `None` when they are there and can't be said.
pub(super) fn constraints(kind: &Kind, map: &Map<String, Value>) -> Option<Constraints> {
    let mut found = Constraints::default();
    if !matches!(
        kind,
        Kind::Str | Kind::List { .. } | Kind::Map { .. } | Kind::Object(_) | Kind::Bool
    ) {
        found.min = number(map, "minimum")?;
        found.max = number(map, "maximum")?;
        found.exclusive_min = number(map, "exclusiveMinimum")?;
        found.exclusive_max = number(map, "exclusiveMaximum")?;
        found.multiple_of = number(map, "multipleOf")?;
    }
    (found.min_length, found.max_length) = match kind {
        Kind::Tuple(_) | Kind::Int | Kind::Float | Kind::Bool | Kind::Null => (None, None),
        Kind::Str | Kind::Code { .. } | Kind::Reasoning => {
            (length(map, "minLength")?, length(map, "maxLength")?)
        }
        Kind::List { .. } | Kind::History | Kind::ToolCalls => {
            (length(map, "minItems")?, length(map, "maxItems")?)
        }
        Kind::Map { .. } | Kind::Object(_) => (length(map, "minProperties")?, length(map, "maxProperties")?),
        // A wrapper's length is of whatever is inside: sayable only when it is the same for all.
        _ => (
            same(map, ["minLength", "minItems", "minProperties"])?,
            same(map, ["maxLength", "maxItems", "maxProperties"])?,
        ),
    };
    let is_text = !matches!(
        kind,
        Kind::Int
            | Kind::Float
            | Kind::Bool
            | Kind::Null
            | Kind::List { .. }
            | Kind::Map { .. }
            | Kind::Object(_)
    );
    if is_text {
        if let Some(pattern) = map.get("pattern") {
            let pattern = pattern.as_str()?;
            regex_lite::Regex::new(pattern).ok()?;
            found.pattern = Some(pattern.to_owned());
        }
        found.format = map.get("format").and_then(Value::as_str).map(str::to_owned);
    }
    Some(found)
}

fn number(map: &Map<String, Value>, key: &str) -> Option<Option<Number>> {
    match map.get(key) {
        None => Some(None),
        Some(Value::Number(n)) => Some(Some(n.clone())),
        Some(_) => None,
    }
}

fn length(map: &Map<String, Value>, key: &str) -> Option<Option<u64>> {
    match map.get(key) {
        None => Some(None),
        Some(value) => value.as_u64().map(Some),
    }
}

fn same(map: &Map<String, Value>, keys: [&str; 3]) -> Option<Option<u64>> {
    let [text, items, entries] = keys.map(|key| map.get(key));
    (text == items && items == entries).then(|| text.and_then(Value::as_u64))
}

/// Adds the bounds that an integer's `format` stands for, where the schema does not say narrower ones.
pub(super) fn add_width(constraints: &mut Constraints, map: &Map<String, Value>) {
    let (min, max): (Number, Option<Number>) = match map.get("format").and_then(Value::as_str) {
        Some("int8") => (i8::MIN.into(), Some(i8::MAX.into())),
        Some("int16") => (i16::MIN.into(), Some(i16::MAX.into())),
        Some("int32") => (i32::MIN.into(), Some(i32::MAX.into())),
        Some("int64" | "int") => (i64::MIN.into(), Some(i64::MAX.into())),
        Some("uint8") => (0.into(), Some(u8::MAX.into())),
        Some("uint16") => (0.into(), Some(u16::MAX.into())),
        Some("uint32") => (0.into(), Some(u32::MAX.into())),
        Some("uint64" | "uint") => (0.into(), Some(u64::MAX.into())),
        // Beyond what a JSON number holds here.
        Some("uint128") => (0.into(), None),
        _ => return,
    };
    let width = Constraints {
        min: Some(min),
        max,
        ..Constraints::default()
    };
    *constraints = constraints.and(&width);
}

/// The key type that a pattern for property names stands for.
pub(super) fn pattern_key(pattern: &str) -> Option<Type> {
    match pattern {
        INTEGER_KEY => Some(Type::int()),
        r"^\d+$" => Some(Type::int().with_constraints(Constraints {
            min: Some(0.into()),
            ..Constraints::default()
        })),
        _ => {
            regex_lite::Regex::new(pattern).ok()?;
            Some(Type::str().with_constraints(Constraints {
                pattern: Some(pattern.to_owned()),
                ..Constraints::default()
            }))
        }
    }
}

/// The schema that all properties share, if they do.
pub(super) fn common_value(properties: &Map<String, Value>) -> Option<&Value> {
    let mut values = properties.values();
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// The value of a keyword, if it is text.
pub(super) fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned)
}
