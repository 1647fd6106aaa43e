//! The tolerant parser: reads what models really answer.
//!
//! One engine serves every adapter, streaming, and you: [`value`] reads one value of a [`Schema`], [`fields`] reads the
//! output fields of a signature from an answer in a [`Layout`]. It collects candidate readings, repairs what models
//! commonly get wrong, takes the cheapest reading and says what it repaired. It does not guess: where two readings
//! disagree, or text would have to be ignored inside a number, the result is an error that shows the place.

mod coerce;
mod error;
pub mod escape;
mod fence;
mod fields;
mod json;
mod locate;
mod marker;
mod node;
mod read;
mod repair;
mod sections;
pub mod stream;
mod text;
mod thinking;
mod wanted;
mod xml;

pub use error::{AnswerError, FailureReason, FieldFailure, ParseError, RepairNote};

use serde_json::Value;

use crate::record::Record;
use crate::signature::FieldSpec;
use crate::types::Schema;

/// How the fields of an answer are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `[[ ## name ## ]]` on a line of its own before each value.
    Chat,
    /// One JSON object with a key per field.
    Json,
    /// `<name>value</name>` per field, nested values as nested elements.
    Xml,
}

/// A value read from text.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The value, of the wanted type.
    pub value: Value,
    /// What had to be repaired, in order. Empty when the text was as it should be.
    pub repairs: Vec<RepairNote>,
}

/// The fields read from an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// What could be read, in signature order.
    pub fields: Record,
    /// What could not, or breaks a constraint, in signature order.
    pub failures: Vec<FieldFailure>,
    /// What had to be repaired, in order.
    pub repairs: Vec<RepairNote>,
}

/// Reads one value of any type from whatever surrounds it: prose, a code fence, thinking.
///
/// A text type takes the whole text, white space at the edges aside. Constraints are not checked (see [`fields`]), but
/// for telling whether `42%` is 42 or 0.42.
///
/// # Errors
/// [`ParseError`] when there is no such value, when there are two that disagree, or when reading it would be a guess.
pub fn value(text: &str, schema: &Schema) -> Result<Reading, ParseError> {
    let (body, mut thought) = thinking::strip(text, |_| false, |_| false, |_| false);
    let mut plain = escape::remove_backslashes(body);
    let mut result = text::read_text(&plain, schema);
    // Thinking whose opening tag was part of the prompt; text that is read as it stands may well hold the tag.
    if result.is_err()
        && let Some(rest) = thinking::after_last(body)
    {
        let rest = escape::remove_backslashes(rest);
        if let Ok(got) = text::read_text(&rest, schema) {
            thought = true;
            plain = rest;
            result = Ok(got);
        }
    }
    match result {
        Ok(got) => {
            let mut repairs = got.notes;
            if thought {
                repairs.insert(
                    0,
                    RepairNote {
                        at: String::new(),
                        what: repair::THINKING.what.to_owned(),
                    },
                );
            }
            Ok(Reading {
                value: got.value,
                repairs,
            })
        }
        Err(fail) => {
            let before = (body.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let lines = text.get(..before).unwrap_or_default().matches('\n').count();
            Err(locate::parse_error(&plain, lines, fail))
        }
    }
}

/// Coerces a JSON value that was parsed already, such as the arguments of a tool call.
///
/// # Errors
/// [`ParseError`] when it does not fit. Its excerpt is the value as JSON.
pub fn json_value(value: &Value, schema: &Schema) -> Result<Reading, ParseError> {
    let failed = |fail: coerce::Fail| {
        let shown = value.to_string();
        locate::parse_error(&shown, 0, fail)
    };
    let Some(node) = node::Node::from_json(value, read::MAX_DEPTH) else {
        return Err(failed(coerce::Fail {
            at: String::new(),
            problem: format!("the value is nested deeper than {}", read::MAX_DEPTH),
            offset: 0,
        }));
    };
    let mut cx = coerce::Cx::new(schema, 10_000);
    let got = cx.attempt(|cx| cx.coerce(&node, &schema.ty)).map_err(failed)?;
    Ok(Reading {
        value: got.value,
        repairs: got.notes,
    })
}

/// Reads the output fields of a signature from an answer.
///
/// Constraints are checked at every level. A field that is absent gets what stands for it ([`FieldSpec::when_absent`]).
/// An answer that is clearly in another layout is read in that one, with a repair that says so. With one output and no
/// structure at all, the whole answer is its value. A field given twice with different values can't be read, but for
/// reasoning, whose last is taken.
///
/// The answer may be cut off: what is complete is read, a text that is not has the repair `truncated`, and a number,
/// boolean or choice that ends with the text inside JSON or an unclosed element is not trusted.
#[must_use]
pub fn fields(text: &str, layout: Layout, outputs: &[FieldSpec]) -> Answer {
    fields::read(text, layout, outputs, false)
}

/// Reads the output fields from the beginning of an answer: one that is still coming, or that the token limit cut off.
///
/// As [`fields`], but the last section of the text counts as unfinished: its text has the repair `truncated`, and a
/// number, boolean or choice in it that nothing ends is missing instead of read.
#[must_use]
pub fn partial(text: &str, layout: Layout, outputs: &[FieldSpec]) -> Answer {
    fields::read(text, layout, outputs, true)
}
