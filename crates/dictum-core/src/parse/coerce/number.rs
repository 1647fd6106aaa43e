//! Whole numbers and numbers.

use serde_json::{Number, Value};

use super::number_text::{self, Written};
use super::{Cx, Fail};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::types::Type;

/// Largest float below which every whole number is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number that fits 64 bits. One that doesn't is an error; it never saturates or loses digits.
pub(super) fn int(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    let written = written(cx, node, ty)?;
    if written.per_cent {
        cx.note(repair::PERCENT);
    }
    whole(cx, &written.digits).map_err(|problem| cx.fail(node, problem))
}

/// A number. One written as a whole number stays one.
pub(super) fn float(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Value, Fail> {
    let written = written(cx, node, ty)?;
    let value = real(&written.digits).map_err(|problem| cx.fail(node, problem))?;
    if !written.per_cent {
        return Ok(value);
    }
    // `42%` is 42 or 0.42. Only the bounds of the field can tell.
    let fraction = value
        .as_f64()
        .and_then(|v| Number::from_f64(v / 100.0))
        .map(Value::Number);
    let bounds = &ty.constraints;
    let fits = |value: &Value| bounds.check(value).is_empty();
    let bounded = bounds.max.is_some() || bounds.exclusive_max.is_some() || bounds.min.is_some();
    match fraction {
        Some(fraction) if bounded && fits(&fraction) && !fits(&value) => {
            cx.note(repair::PERCENT);
            Ok(fraction)
        }
        Some(fraction) if bounded && fits(&value) && !fits(&fraction) => {
            cx.note(repair::PERCENT);
            Ok(value)
        }
        Some(fraction) => Err(cx.fail(
            node,
            format!(
                "{}% could be {value} or {fraction}: write the number without a per cent sign",
                written.digits
            ),
        )),
        None => Err(cx.mismatch(node, ty)),
    }
}

fn written(cx: &mut Cx<'_>, node: &Node, ty: &Type) -> Result<Written, Fail> {
    match &node.kind {
        NodeKind::Number(raw) => Ok(Written {
            digits: raw.clone(),
            per_cent: false,
        }),
        NodeKind::Str(text) | NodeKind::Bare(text) => {
            if matches!(node.kind, NodeKind::Str(_)) {
                cx.note(repair::QUOTED_NUMBER);
            }
            match number_text::read(text) {
                Ok((written, repairs)) => {
                    for repair in repairs {
                        cx.note(repair);
                    }
                    Ok(written)
                }
                Err((offset, reason)) => {
                    let mut fail = cx.mismatch(node, ty);
                    if let Some(reason) = reason {
                        fail.problem = format!("{}: {reason}", fail.problem);
                    }
                    if matches!(node.kind, NodeKind::Bare(_)) && node.end - node.start == text.len() {
                        fail.offset = node.start + offset;
                    }
                    Err(fail)
                }
            }
        }
        _ => match super::only_inside(node) {
            Some(inner) => {
                cx.note(repair::WRAPPED);
                written(cx, inner, ty)
            }
            None => Err(cx.mismatch(node, ty)),
        },
    }
}

/// The whole number that JSON digits say.
fn whole(cx: &mut Cx<'_>, digits: &str) -> Result<Value, String> {
    if !digits.contains(['.', 'e', 'E']) {
        if let Ok(value) = digits.parse::<i64>() {
            return Ok(Value::from(value));
        }
        if let Ok(value) = digits.parse::<u64>() {
            return Ok(Value::from(value));
        }
        return Err(format!("{digits} is too large for a whole number of 64 bits"));
    }
    let value: f64 = digits.parse().map_err(|_| format!("{digits} is not a number"))?;
    if !value.is_finite() || value.abs() > EXACT {
        return Err(format!(
            "{digits} is too large to be read as a whole number exactly"
        ));
    }
    if value.fract() != 0.0 || has_fraction(digits) {
        return Err(format!("wanted a whole number, found {digits}"));
    }
    cx.note(repair::WHOLE_FLOAT);
    #[allow(clippy::cast_possible_truncation)] // Whole and within 53 bits.
    Ok(Value::from(value as i64))
}

/// Whether digits behind the point other than 0 were lost to rounding: `1.00000000000000000001`.
fn has_fraction(digits: &str) -> bool {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, ""));
    exponent.is_empty()
        && mantissa
            .split_once('.')
            .is_some_and(|(_, fraction)| fraction.bytes().any(|b| b != b'0'))
}

fn real(digits: &str) -> Result<Value, String> {
    if !digits.contains(['.', 'e', 'E']) && digits != "-0" {
        if let Ok(value) = digits.parse::<i64>() {
            return Ok(Value::from(value));
        }
        if let Ok(value) = digits.parse::<u64>() {
            return Ok(Value::from(value));
        }
    }
    let value: f64 = digits.parse().map_err(|_| format!("{digits} is not a number"))?;
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| format!("{digits} is too large for a number"))
}
