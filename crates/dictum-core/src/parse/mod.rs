//! The tolerant parser: reads what models really answer.
//!
//! One engine serves every adapter, streaming, and you: [`value`] reads one value of a [`Schema`], [`fields`] reads the
//! output fields of a signature from an answer in a [`Layout`]. It collects candidate readings, repairs what models
//! commonly get wrong, takes the cheapest reading and says what it repaired. It does not guess: where two readings
//! disagree, or text would have to be ignored inside a number, the result is an error that shows the place.

mod error;

pub use error::{AnswerError, FailureReason, FieldFailure, ParseError, RepairNote};

use serde_json::Value;

use crate::record::Record;

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

pub use crate::shim::{escape, fields, value};
