//! What happens in a program while it runs.

use std::sync::Arc;

use serde_json::Value;

use crate::lm::{FinishReason, Source, Usage};
use crate::parse::stream::FieldEvent;
use crate::program::Purpose;

/// What a streamed call gives: events, then its output. A failed call ends with an error in place of the output.
#[derive(Debug, Clone, PartialEq)]
pub enum Streamed<O> {
    /// Something happened.
    Event(Event),
    /// The call is over, and this is what came out. Always the last item.
    Finished(O),
}

/// Something that happened in a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Where: the path of a predictor, or what [`Context::status`](crate::program::Context::status) was given.
    pub path: Arc<str>,
    /// Which call of a predictor in this stream, from 0 in the order they began: tells calls of one predictor that run at once
    /// apart. 0 for status events.
    pub call: u64,
    /// What.
    pub kind: EventKind,
}

impl Event {
    /// The new text of this text field, at any path, if that is what happened.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        match &self.kind {
            EventKind::Field(FieldEvent::Text { field, text }) if **field == *name => Some(text),
            _ => None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The model is asked: for the first time, or again because its answer could not be used. Fields that are asked for again
    /// and have begun already come as [`FieldEvent::Replaced`] right after.
    Asked {
        /// Why.
        purpose: Purpose,
        /// The adapter.
        adapter: &'static str,
    },
    /// An output field of the predictor: it began, has more text, is done.
    Field(FieldEvent),
    /// More of the reasoning that the model gives apart from its answer.
    Reasoning {
        /// The text that is new.
        text: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Id that the result must carry.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, an object.
        arguments: Value,
    },
    /// The model has answered.
    Usage {
        /// Tokens and money of this call of the model, as far as known.
        usage: Usage,
        /// Where the answer came from.
        source: Source,
        /// Why the model stopped.
        finish: FinishReason,
    },
    /// What a module or tool says it does.
    Status {
        /// In words.
        message: String,
    },
}
