//! Reads an answer while it arrives: the text of text fields piece by piece, structured fields as far as they are there,
//! and every field as soon as it is whole.
//!
//! What an answer means is decided by the same parser as without streaming, over the whole text: a late line can change what
//! an early one was (a field given twice, another layout after all). So a scanner per layout hands on early only what an
//! answer in the expected layout can't take back, holds back what may still be structure, and [`FieldReader::finish`] brings
//! what was handed on into agreement with the parser's own reading. Where that reading contradicts the beginning, which
//! takes an answer that breaks its layout, [`FieldEvent::Replaced`] says so.
//!
//! | held back | until |
//! |---|---|
//! | thinking in front of the answer | it ends |
//! | white space | something follows in the same field |
//! | what may become a marker, a tag, an entity or an escape | it is one, or can't be one any more |
//! | a marker inside a line, a tag of another field inside a field | the field ends in a way that tells |
//! | `~~~verbatim` blocks, CDATA sections | they close |
//! | an answer in another layout, or without any | the end |
//!
//! Time: every byte is scanned a bounded number of times. A structured field is read anew when it has grown by a quarter since
//! the last time (beyond 4 KB by a half), so all its readings together cost at most about five times the last one (three times).

mod chat;
mod json;
mod lead;
mod partial;
mod text;
mod xml;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use self::lead::Lead;
use self::partial::Pace;
use self::text::Flow;
use super::{Answer, FailureReason, Layout, fields};
use crate::signature::FieldSpec;
use crate::types::{Kind, Type};

/// What an answer shows of its fields while it arrives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FieldEvent {
    /// The field begins. Comes once, before all else of the field.
    Started {
        /// The field.
        field: Arc<str>,
    },
    /// More text of a text field. All of them, since the last [`FieldEvent::Replaced`] if there is one, make its value.
    Text {
        /// The field.
        field: Arc<str>,
        /// The text that is new.
        text: String,
    },
    /// What can be read so far of a field that is not a number, boolean, choice or plain text. The next one takes its place:
    /// a value may grow, and the last text in it may change. Keys of objects that have not come are not there.
    Partial {
        /// The field.
        field: Arc<str>,
        /// The value so far.
        value: Value,
    },
    /// The field is whole.
    Done {
        /// The field.
        field: Arc<str>,
        /// Its value, of its type, with its constraints kept.
        value: Value,
    },
    /// What was handed on of the field does not hold: forget it. What follows begins anew.
    Replaced {
        /// The field.
        field: Arc<str>,
    },
    /// The field can't be had from this answer.
    Failed {
        /// The field.
        field: Arc<str>,
        /// Why.
        reason: FailureReason,
    },
}

impl FieldEvent {
    /// The field it is about.
    #[must_use]
    pub fn field(&self) -> &Arc<str> {
        match self {
            Self::Started { field }
            | Self::Text { field, .. }
            | Self::Partial { field, .. }
            | Self::Done { field, .. }
            | Self::Replaced { field }
            | Self::Failed { field, .. } => field,
        }
    }
}

/// Reads the output fields of a signature from an answer that arrives in pieces.
///
/// Push the pieces, take the events after each, and finish with the parser's reading of the whole text. How the text is cut
/// into pieces does not change the values or what the texts of a field add up to.
#[derive(Debug)]
pub struct FieldReader {
    layout: Layout,
    outputs: Vec<FieldSpec>,
    fields: Vec<Progress>,
    text: String,
    lead: Lead,
    thinking: String,
    scan: Scan,
    notes: Vec<Note>,
    events: VecDeque<FieldEvent>,
}

/// What is known of a field so far.
#[derive(Debug)]
struct Progress {
    name: Arc<str>,
    /// Its value is text that is handed on as it comes.
    is_text: bool,
    started: bool,
    flow: Flow,
    done: Option<Value>,
    pace: Option<Pace>,
}

/// What a scanner found in the answer.
#[derive(Debug)]
enum Note {
    /// A field begins.
    Open(usize),
    /// Text of a field, decoded.
    Text(usize, String),
    /// A field is whole; it stands, with its header, at this place.
    Close(usize, Range<usize>),
}

#[derive(Debug)]
enum Scan {
    Chat(chat::Scanner),
    Json(json::Scanner),
    Xml(xml::Scanner),
}

impl FieldReader {
    /// A reader of these outputs from an answer in this layout.
    #[must_use]
    pub fn new(layout: Layout, outputs: &[FieldSpec]) -> Self {
        let progress = |spec: &FieldSpec| {
            let ty = spec.schema.resolve(&spec.schema.ty);
            Progress {
                name: spec.name.as_str().into(),
                is_text: ty.is_some_and(|ty| matches!(ty.kind, Kind::Str | Kind::Reasoning)),
                started: false,
                flow: Flow::default(),
                done: None,
                pace: ty.is_some_and(has_parts).then(Pace::default),
            }
        };
        let count = outputs.len();
        Self {
            layout,
            fields: outputs.iter().map(progress).collect(),
            outputs: outputs.to_vec(),
            text: String::new(),
            lead: Lead::default(),
            thinking: String::new(),
            scan: match layout {
                Layout::Chat => Scan::Chat(chat::Scanner::new(count)),
                Layout::Json => Scan::Json(json::Scanner::new(count)),
                Layout::Xml => Scan::Xml(xml::Scanner::new(count)),
            },
            notes: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes the next piece of the answer.
    pub fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        let (text, thinking) = (&self.text, &mut self.thinking);
        let Some(body) = self.lead.body(text, self.layout, &self.outputs, thinking) else {
            return;
        };
        let (text, outputs, notes) = (&self.text, &self.outputs, &mut self.notes);
        let is_text = |field: usize| self.fields.get(field).is_some_and(|field| field.is_text);
        match &mut self.scan {
            Scan::Chat(scan) => scan.scan(text, body, outputs, &is_text, notes),
            Scan::Json(scan) => scan.scan(text, body, outputs, &is_text, notes),
            Scan::Xml(scan) => scan.scan(text, body, outputs, &is_text, notes),
        }
        for note in std::mem::take(&mut self.notes) {
            self.note(note);
        }
        self.partial();
    }

    /// The next event, in order, if there is one.
    pub fn next_event(&mut self) -> Option<FieldEvent> {
        self.events.pop_front()
    }

    /// What is new of the thinking that the model wrote in front of its answer, between tags, if anything is.
    pub fn take_thinking(&mut self) -> Option<String> {
        (!self.thinking.is_empty()).then(|| std::mem::take(&mut self.thinking))
    }

    /// The answer so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a text field handed on so far: what its [`FieldEvent::Text`] events add up to.
    #[must_use]
    pub fn text_of(&self, field: &str) -> Option<&str> {
        let progress = self.fields.iter().find(|progress| &*progress.name == field)?;
        progress.is_text.then(|| progress.flow.sent())
    }

    /// The fields that are done, with their values, in signature order.
    #[must_use]
    pub fn done(&self) -> crate::Record {
        self.fields
            .iter()
            .filter_map(|progress| Some((&*progress.name, progress.done.clone()?)))
            .collect()
    }

    /// Ends the answer: `answer` is the parser's reading of the whole text. Gives the events that are left; after them, what
    /// was handed on is what `answer` holds.
    pub fn finish(mut self, answer: &Answer) -> VecDeque<FieldEvent> {
        for index in 0..self.fields.len() {
            self.settle(index, answer);
        }
        self.events
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Open(field) => self.start(field),
            Note::Text(field, piece) => {
                let trim = self.layout != Layout::Json;
                let Some(progress) = self.fields.get_mut(field) else {
                    return;
                };
                if let Some(text) = progress.flow.push(&piece, trim) {
                    let field = progress.name.clone();
                    self.events.push_back(FieldEvent::Text { field, text });
                }
            }
            Note::Close(field, place) => self.close(field, place),
        }
    }

    fn start(&mut self, field: usize) {
        if let Some(progress) = self.fields.get_mut(field)
            && !progress.started
        {
            progress.started = true;
            let field = progress.name.clone();
            self.events.push_back(FieldEvent::Started { field });
        }
    }

    /// A field by itself is read as it is in the whole answer; where it can't be, the whole answer has the last word.
    fn close(&mut self, field: usize, place: Range<usize>) {
        let Some(spec) = self.outputs.get(field) else {
            return;
        };
        let alone = standing_alone(&self.text, place, self.layout);
        let mut answer = fields(&alone, self.layout, std::slice::from_ref(spec));
        if let Some(value) = answer.fields.remove(&spec.name)
            && answer.failures.is_empty()
        {
            self.complete(field, value);
        }
    }

    /// Hands on the rest of a field, if its value goes on from what was handed on.
    fn complete(&mut self, field: usize, value: Value) {
        let Some(progress) = self.fields.get_mut(field) else {
            return;
        };
        let name = progress.name.clone();
        if progress.is_text {
            match value.as_str().and_then(|text| progress.flow.rest(text)) {
                Some("") => {}
                Some(rest) => {
                    let text = rest.to_owned();
                    progress.flow.sent_also(&text);
                    let field = name.clone();
                    self.events.push_back(FieldEvent::Text { field, text });
                }
                None => return,
            }
        }
        progress.done = Some(value.clone());
        self.events.push_back(FieldEvent::Done { field: name, value });
    }

    fn settle(&mut self, index: usize, answer: &Answer) {
        let Some(progress) = self.fields.get_mut(index) else {
            return;
        };
        let field = progress.name.clone();
        let value = answer.fields.get(&field);
        if value.is_some() && progress.done.as_ref() == value {
            return;
        }
        let goes_on = match value {
            Some(Value::String(text)) if progress.is_text => progress.flow.rest(text).is_some(),
            _ => true,
        };
        let failure = answer.failures.iter().find(|failure| failure.field == *field);
        if progress.done.take().is_some() || (failure.is_none() && !goes_on) {
            progress.flow = Flow::default();
            self.events
                .push_back(FieldEvent::Replaced { field: field.clone() });
        }
        if let Some(failure) = failure {
            let reason = failure.reason.clone();
            self.events.push_back(FieldEvent::Failed { field, reason });
        } else if let Some(value) = value {
            self.start(index);
            self.complete(index, value.clone());
        }
    }

    /// Reads the structured field that is under way, when it has grown enough.
    fn partial(&mut self) {
        let open = match &self.scan {
            Scan::Chat(scan) => scan.open(),
            Scan::Json(scan) => scan.open(),
            Scan::Xml(scan) => scan.open(),
        };
        let Some((index, from)) = open else { return };
        let Some(progress) = self.fields.get_mut(index) else {
            return;
        };
        let (Some(spec), Some(pace)) = (self.outputs.get(index), &mut progress.pace) else {
            return;
        };
        let length = self.text.len().saturating_sub(from);
        if progress.done.is_some() || !pace.is_due(length) {
            return;
        }
        let alone = self.text.get(from..).unwrap_or_default();
        if let Some(value) = pace.read(alone, self.layout, spec) {
            let field = progress.name.clone();
            self.events.push_back(FieldEvent::Partial { field, value });
        }
    }
}

/// The text of a field with its header, as an answer of one field.
fn standing_alone(text: &str, place: Range<usize>, layout: Layout) -> std::borrow::Cow<'_, str> {
    let alone = text.get(place).unwrap_or_default();
    match layout {
        Layout::Json => format!("{{{alone}}}").into(),
        _ => alone.into(),
    }
}

/// Whether a part of a value of this type is worth showing.
fn has_parts(ty: &Type) -> bool {
    !matches!(
        ty.kind,
        Kind::Str
            | Kind::Reasoning
            | Kind::Null
            | Kind::Int
            | Kind::Float
            | Kind::Bool
            | Kind::Literal(_)
            | Kind::Enum(_)
            | Kind::Image
            | Kind::Audio
            | Kind::File
    )
}
