//! From the frames of a stream to its events and the whole answer.

use std::collections::BTreeMap;

use dictum_core::lm::{LmError, Part, StreamEvent};
use serde_json::{Map, Value, json};

use super::event_stream::{Frame, FrameKind};
use super::{error, kept, response};
use crate::dialect::Assemble;
use crate::openai::tool_call;
use crate::refusal;
use crate::wire::with_payload;

/// Puts an answer together from its frames.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The blocks of the answer, by their place.
    blocks: BTreeMap<u64, Block>,
    /// The payload as it would have been whole, but for the message.
    payload: Map<String, Value>,
    stopped: bool,
    done: bool,
}

/// A block being built.
#[derive(Debug)]
enum Block {
    Text(String),
    Reasoning {
        text: String,
        signature: String,
    },
    Redacted(String),
    Call {
        id: String,
        name: String,
        input: String,
    },
    /// A tool that runs at the provider: how its block began, and its input.
    TheirCall {
        start: Value,
        input: String,
    },
    /// What it gave: how its block began, and its content.
    TheirResult {
        start: Value,
        content: Vec<Value>,
    },
}

impl Assemble for Assembler {
    type Frame = Frame;

    fn frame(&mut self, frame: Frame, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        if let Some(error) = error::in_stream(&frame) {
            return Err(error);
        }
        let FrameKind::Event(name) = &frame.kind else {
            return Ok(());
        };
        let event: Value = serde_json::from_slice(&frame.payload)
            .map_err(|_| refusal::not_json(&String::from_utf8_lossy(&frame.payload)))?;
        let place = event
            .get("contentBlockIndex")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        match name.as_str() {
            "contentBlockStart" => self.start(place, &event),
            "contentBlockDelta" => {
                if let Some(delta) = event.get("delta") {
                    self.delta(place, delta, out);
                }
            }
            "contentBlockStop" => self.stop(place, out),
            "messageStop" => {
                self.stopped = true;
                self.keep(event);
            }
            "metadata" => {
                self.keep(event);
                self.end(out)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The usage comes last; an answer without it is still one.
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        self.end(out)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Assembler {
    fn start(&mut self, place: u64, event: &Value) {
        let text = |path: &str| {
            event
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let block = if let Some(result) = event.pointer("/start/toolResult") {
            Block::TheirResult {
                start: result.clone(),
                content: Vec::new(),
            }
        } else if let Some(call) = event.pointer("/start/toolUse") {
            let input = String::new();
            // The provider's own tools are not for the caller to run.
            if call.get("type").is_some() {
                Block::TheirCall {
                    start: call.clone(),
                    input,
                }
            } else {
                let (id, name) = (text("/start/toolUse/toolUseId"), text("/start/toolUse/name"));
                Block::Call { id, name, input }
            }
        } else {
            return;
        };
        self.blocks.insert(place, block);
    }

    fn delta(&mut self, place: u64, delta: &Value, out: &mut Vec<StreamEvent>) {
        let piece = |path: &str| delta.pointer(path).and_then(Value::as_str);
        if let Some(more) = piece("/text").filter(|more| !more.is_empty()) {
            let block = self
                .blocks
                .entry(place)
                .or_insert_with(|| Block::Text(String::new()));
            if let Block::Text(text) = block {
                text.push_str(more);
                out.push(StreamEvent::Text(more.to_owned()));
            }
        } else if let Some(more) = piece("/toolUse/input") {
            let block = self.blocks.get_mut(&place);
            if let Some(Block::Call { input, .. } | Block::TheirCall { input, .. }) = block {
                input.push_str(more);
            }
        } else if let Some(Value::Array(more)) = delta.get("toolResult") {
            if let Some(Block::TheirResult { content, .. }) = self.blocks.get_mut(&place) {
                add_content(content, more);
            }
        } else if let Some(more) = piece("/reasoningContent/redactedContent") {
            let block = self
                .blocks
                .entry(place)
                .or_insert_with(|| Block::Redacted(String::new()));
            if let Block::Redacted(data) = block {
                data.push_str(more);
            }
        } else if delta.get("reasoningContent").is_some() {
            let block = self.blocks.entry(place).or_insert_with(|| Block::Reasoning {
                text: String::new(),
                signature: String::new(),
            });
            if let Block::Reasoning { text, signature } = block {
                signature.push_str(piece("/reasoningContent/signature").unwrap_or_default());
                if let Some(more) = piece("/reasoningContent/text").filter(|more| !more.is_empty()) {
                    text.push_str(more);
                    out.push(StreamEvent::Reasoning(more.to_owned()));
                }
            }
        }
    }

    fn stop(&self, place: u64, out: &mut Vec<StreamEvent>) {
        if let Some(block @ Block::Call { .. }) = self.blocks.get(&place)
            && let Some(Part::ToolCall { id, name, arguments }) = part(block)
        {
            out.push(StreamEvent::ToolCall { id, name, arguments });
        }
    }

    /// Keeps what an event says for the raw payload.
    fn keep(&mut self, event: Value) {
        if let Value::Object(entries) = event {
            // `p` is padding, against guesses by length.
            self.payload
                .extend(entries.into_iter().filter(|(name, _)| name != "p"));
        }
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        if !self.stopped {
            return Err(refusal::cut_off());
        }
        self.done = true;
        let parts = std::mem::take(&mut self.blocks)
            .values()
            .filter_map(part)
            .collect();
        let payload = Value::Object(std::mem::take(&mut self.payload));
        let answer = with_payload(response::answer(parts, &payload), &payload);
        out.push(StreamEvent::Finished(Box::new(answer)));
        Ok(())
    }
}

/// The part that a whole block is.
fn part(block: &Block) -> Option<Part> {
    Some(match block {
        Block::Text(text) => Part::text(text.as_str()),
        Block::Reasoning { text, signature } => Part::Reasoning {
            text: text.clone(),
            signature: (!signature.is_empty()).then(|| signature.clone()),
        },
        Block::Redacted(data) => kept::redacted(data),
        Block::Call { id, name, input } => tool_call(id, name, Some(&Value::String(input.clone()))),
        Block::TheirCall { start, input } => {
            let input = serde_json::from_str(input).unwrap_or_else(|_| json!({}));
            kept::opaque(json!({ "toolUse": with(start, "input", input) }))
        }
        Block::TheirResult { start, content } => {
            let content = Value::Array(content.clone());
            kept::opaque(json!({ "toolResult": with(start, "content", content) }))
        }
    })
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    if let Some(entries) = object.as_object_mut() {
        entries.insert(name.to_owned(), value);
    }
    object
}

/// Adds pieces of a result; text goes on where it left off.
fn add_content(content: &mut Vec<Value>, more: &[Value]) {
    for piece in more {
        let text = piece.get("text").and_then(Value::as_str);
        match (content.last_mut().and_then(|last| last.get_mut("text")), text) {
            (Some(Value::String(so_far)), Some(text)) => so_far.push_str(text),
            _ => content.push(piece.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
