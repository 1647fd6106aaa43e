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
    /// Where: the path of a predictor or module, or what [`Context::status`](crate::program::Context::status) was given.
    pub path: Arc<str>,
    /// Which call of a predictor in this stream, from 0 in the order they began: tells calls of one predictor that run at once
    /// apart. 0 for status and module events.
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

    /// The value of this field as a Rust type, at any path, if it is done with this event. The type is that of the field in the
    /// signature's output.
    ///
    /// # Errors
    /// When the value is not one of the type.
    pub fn done<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<Result<T, serde_json::Error>> {
        match &self.kind {
            EventKind::Field(FieldEvent::Done { field, value }) if **field == *name => {
                Some(serde_json::from_value(value.clone()))
            }
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
    /// More of the reasoning that the model gives apart from its answer, or in front of it between tags such as `<think>`.
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
    /// A module inside the program begins. Told of modules that stand in the program under a path of their own and have
    /// predictors inside: the program itself begins with the stream, and a predictor, alone or as `ChainOfThought`, with
    /// [`EventKind::Asked`].
    ModuleStarted {
        /// The name of its type.
        module: &'static str,
    },
    /// It has ended.
    ModuleEnded {
        /// The name of its type.
        module: &'static str,
        /// Where it failed, the kind of error in a word ([`crate::Error::cause`]).
        failed: Option<&'static str>,
    },
    /// What a module or tool says it does.
    Status {
        /// In words.
        message: String,
    },
}
