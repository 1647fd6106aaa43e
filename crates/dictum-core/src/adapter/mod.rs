//! Adapters: from a signature, its state and an input to messages, and from the model's answer back to values.
//!
//! An adapter is pure: no I/O, no clock, no randomness. It supplies the layout (how inputs and answers are written); what
//! all adapters share (the system message, demonstrations, conversation history, media, re-asking) is in [`Adapter`]'s
//! provided methods. The words are data, in [`Wording`].

mod chat;
mod demos;
mod json;
mod shape;
mod system;
mod turns;
mod values;
mod wording;
mod xml;

pub use chat::ChatAdapter;
pub use json::JsonAdapter;
pub use wording::Wording;
pub use xml::XmlAdapter;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::lm::{Capabilities, Message, OutputShape, Part, Prefix, ResponseFormat};
use crate::parse::{self, Answer, FieldFailure, Layout};
use crate::program::PredictorState;
use crate::record::Record;
use crate::signature::{FieldSpec, SignatureSpec};

/// Writes calls for a model and reads its answers.
///
/// A new adapter is one file that implements the required methods; see `CONTRIBUTING.md`.
pub trait Adapter: Send + Sync + fmt::Debug {
    /// Its name, one lower-case word.
    fn name(&self) -> &'static str;

    /// Its words.
    fn wording(&self) -> &Wording;

    /// The layout its answers are read in.
    fn layout(&self) -> Layout;

    /// What the model must know of the layout, for the system message.
    fn describe_layout(&self, spec: &SignatureSpec) -> String;

    /// Writes the inputs of one turn. `values` holds those that are there, in signature order.
    fn write_inputs(&self, values: &[(&FieldSpec, &Value)]) -> Vec<Part>;

    /// Writes an answer as the model should have written it. A missing value is written as the given text.
    fn write_answer(&self, values: &[(&FieldSpec, Option<&Value>)], missing: &str) -> String;

    /// The sentence at the end of a turn that says how to answer.
    fn reminder(&self, spec: &SignatureSpec) -> String;

    /// The layout of the answer for engines that decode under a grammar.
    fn output_shape(&self, spec: &SignatureSpec) -> OutputShape;

    /// The structured output to ask for, where the model can be held to it.
    fn response_format(&self, spec: &SignatureSpec, capabilities: Capabilities) -> Option<ResponseFormat> {
        let _ = (spec, capabilities);
        None
    }

    /// All that is the same for every call of a predictor: done once, then shared.
    fn prepare(&self, spec: &SignatureSpec, state: &PredictorState, capabilities: Capabilities) -> Prepared {
        let instructions = match &state.instructions {
            Some(text) => text.as_str().into(),
            None => spec.instructions(),
        };
        let mut messages = vec![Message::system(system::message(self, spec, &instructions))];
        demos::write(self, spec, &state.demos, &mut messages);
        Prepared {
            prefix: Arc::new(Prefix::new(messages)),
            expects: self.expects(spec, capabilities),
        }
    }

    /// What the answer to a call must look like.
    fn expects(&self, spec: &SignatureSpec, capabilities: Capabilities) -> Expects {
        Expects {
            response_format: self.response_format(spec, capabilities).map(Arc::new),
            output: capabilities
                .output_shape
                .then(|| Arc::new(self.output_shape(spec))),
            // A grammar holds the model to the layout; the reminder would only cost tokens.
            reminder: (!capabilities.output_shape).then(|| self.reminder(spec)),
        }
    }

    /// The messages of one call after the prefix: earlier turns of a conversation, then the input.
    fn turns(&self, spec: &SignatureSpec, input: &Record, reminder: Option<&str>) -> Vec<Message> {
        turns::write(self, spec, input, reminder)
    }

    /// The messages that ask again for the outputs of `missing`, after the answer that failed.
    ///
    /// `missing` is the signature cut down to the failing outputs.
    fn ask_again(&self, missing: &SignatureSpec, answer: &str, failures: &[FieldFailure]) -> [Message; 2] {
        turns::ask_again(self, missing, answer, failures)
    }

    /// Reads the outputs from an answer.
    fn parse(&self, spec: &SignatureSpec, text: &str) -> Answer {
        parse::fields(text, self.layout(), spec.outputs())
    }
}

/// What is the same for every call of a predictor in one state.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// System message and demonstrations.
    pub prefix: Arc<Prefix>,
    /// What the answer must look like.
    pub expects: Expects,
}

/// What the answer to a call must look like.
#[derive(Debug, Clone, Default)]
pub struct Expects {
    /// Structured output to ask the provider for.
    pub response_format: Option<Arc<ResponseFormat>>,
    /// The layout for engines that decode under a grammar.
    pub output: Option<Arc<OutputShape>>,
    /// The sentence that says how to answer, where it is needed.
    pub reminder: Option<String>,
}

/// The adapter of this name: `chat`, `json` or `xml`.
#[must_use]
pub fn by_name(name: &str) -> Option<Arc<dyn Adapter>> {
    match name {
        "chat" => Some(Arc::new(ChatAdapter::default())),
        "json" => Some(Arc::new(JsonAdapter::default())),
        "xml" => Some(Arc::new(XmlAdapter::default())),
        _ => None,
    }
}

/// The names [`by_name`] knows.
pub const NAMES: [&str; 3] = ["chat", "json", "xml"];
