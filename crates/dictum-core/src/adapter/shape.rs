//! Which piece of an [`crate::lm::OutputShape`] a field's value is.

use serde_json::Value;

use crate::lm::Piece;
use crate::signature::FieldSpec;
use crate::types::{Constraints, Kind};

/// The piece of a value that stands under a header or in a tag, outside JSON. `write` writes one choice as the layout does.
pub(super) fn piece(field: &FieldSpec, write: impl Fn(&Value) -> String) -> Piece {
    let ty = &field.schema.ty;
    match &ty.kind {
        Kind::Str | Kind::Code { .. } | Kind::Reasoning => Piece::Free,
        Kind::Bool => Piece::Choice(vec!["true".into(), "false".into()]),
        Kind::Int => int(&ty.constraints).unwrap_or_else(|| Piece::Json(field.schema.to_json_schema())),
        Kind::Float if ty.constraints.is_empty() => Piece::Float,
        Kind::Literal(values) => Piece::Choice(values.iter().map(write).collect()),
        Kind::Enum(members) => Piece::Choice(
            members
                .members
                .iter()
                .map(|member| write(&member.value))
                .collect(),
        ),
        Kind::Optional(inner) if inner.is_text() => Piece::Free,
        _ => Piece::Json(field.schema.to_json_schema()),
    }
}

/// Whole bounds as an integer piece; `None` where a constraint says more than bounds.
fn int(constraints: &Constraints) -> Option<Piece> {
    if constraints.multiple_of.is_some() {
        return None;
    }
    // Bounds beyond 64 bits hold for every integer a model will write.
    let inclusive = |bound: &Option<serde_json::Number>| bound.as_ref().and_then(serde_json::Number::as_i64);
    let exclusive = |bound: &Option<serde_json::Number>, step: i64| {
        inclusive(bound).and_then(|bound| bound.checked_add(step))
    };
    let min = [
        inclusive(&constraints.min),
        exclusive(&constraints.exclusive_min, 1),
    ]
    .into_iter()
    .flatten()
    .max();
    let max = [
        inclusive(&constraints.max),
        exclusive(&constraints.exclusive_max, -1),
    ]
    .into_iter()
    .flatten()
    .min();
    Some(Piece::Int { min, max })
}
