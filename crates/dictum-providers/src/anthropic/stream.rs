//! From the events of a stream to Dictum's events and the whole answer.

use std::collections::BTreeMap;

use dictum_core::lm::{LmError, LmErrorKind, Part, StreamEvent};
use serde_json::{Map, Value};

use super::{error, response};
use crate::dialect::Assemble;
use crate::sse::Event;
use crate::{refusal, wire};

/// Puts the message together as it would have come whole.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    message: Map<String, Value>,
    blocks: BTreeMap<u64, Building>,
    has_text: bool,
    done: bool,
}

/// A block of the message.
#[derive(Debug)]
struct Building {
    block: Value,
    /// The pieces of its input so far, JSON in all.
    input: String,
    open: bool,
}

impl Assemble for Assembler {
    type Frame = Event;

    fn frame(&mut self, event: Event, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        if event.data.trim().is_empty() {
            return Ok(());
        }
        let mut event: Value =
            serde_json::from_str(&event.data).map_err(|_| refusal::not_json(&event.data))?;
        if let Some(error) = error::in_payload(&event) {
            return Err(error);
        }
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(0);
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => {
                if let Some(Value::Object(message)) = event.get_mut("message").map(Value::take) {
                    self.message = message;
                }
            }
            "content_block_start" => {
                let block = event
                    .get_mut("content_block")
                    .map(Value::take)
                    .unwrap_or_default();
                self.start(index, block, out);
            }
            "content_block_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                self.delta(index, delta, out)?;
            }
            "content_block_stop" => {
                if let Some(building) = self.blocks.get_mut(&index) {
                    building.close(out);
                }
            }
            "message_delta" => self.message_delta(&event),
            "message_stop" => self.end(out)?,
            // `ping`, and what is to come.
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let stopped = self.message.get("stop_reason").is_some_and(Value::is_string);
        if stopped {
            self.end(out)
        } else {
            Err(refusal::cut_off())
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Assembler {
    fn start(&mut self, index: u64, block: Value, out: &mut Vec<StreamEvent>) {
        for (field, event) in [
            ("text", StreamEvent::Text as fn(String) -> StreamEvent),
            ("thinking", StreamEvent::Reasoning),
        ] {
            let text = block.get(field).and_then(Value::as_str).unwrap_or_default();
            if block.get("type").is_some_and(|kind| kind == field) && !text.is_empty() {
                self.has_text |= field == "text";
                out.push(event(text.to_owned()));
            }
        }
        let building = Building {
            block,
            input: String::new(),
            open: true,
        };
        self.blocks.insert(index, building);
    }

    fn delta(&mut self, index: u64, delta: &Value, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let Some(building) = self.blocks.get_mut(&index) else {
            let message = "the stream goes on with a block that was not begun";
            return Err(LmError::new(LmErrorKind::Decode, message));
        };
        let more = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match more("type") {
            "text_delta" if !more("text").is_empty() => {
                building.append("text", more("text"));
                self.has_text = true;
                out.push(StreamEvent::Text(more("text").to_owned()));
            }
            "thinking_delta" if !more("thinking").is_empty() => {
                building.append("thinking", more("thinking"));
                out.push(StreamEvent::Reasoning(more("thinking").to_owned()));
            }
            "signature_delta" => building.append("signature", more("signature")),
            "input_json_delta" => building.input.push_str(more("partial_json")),
            "citations_delta" => {
                if let (Some(block), Some(citation)) = (building.block.as_object_mut(), delta.get("citation"))
                {
                    let all = block
                        .entry("citations")
                        .or_insert_with(|| Value::Array(Vec::new()));
                    if all.is_null() {
                        *all = Value::Array(Vec::new());
                    }
                    if let Value::Array(all) = all {
                        all.push(citation.clone());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The end of the message: why it stopped, and counts that stand over the first ones.
    fn message_delta(&mut self, event: &Value) {
        if let Some(Value::Object(delta)) = event.get("delta") {
            self.message.extend(delta.clone());
        }
        if let Some(Value::Object(counts)) = event.get("usage") {
            let usage = self
                .message
                .entry("usage")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(usage) = usage {
                let known = counts.iter().filter(|(_, count)| !count.is_null());
                usage.extend(known.map(|(name, count)| (name.clone(), count.clone())));
            }
        }
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        self.done = true;
        for building in self.blocks.values_mut() {
            building.close(out);
        }
        let blocks = std::mem::take(&mut self.blocks);
        let content = blocks.into_values().map(|building| building.block).collect();
        let mut message = std::mem::take(&mut self.message);
        message.insert("content".to_owned(), content);
        let payload = Value::Object(message);
        let response = wire::with_payload(response::response(&payload)?, &payload);
        // Words that were in no block: why it refused.
        let text = response.to_text();
        if !self.has_text && !text.is_empty() {
            out.push(StreamEvent::Text(text));
        }
        out.push(StreamEvent::Finished(Box::new(response)));
        Ok(())
    }
}

impl Building {
    fn append(&mut self, field: &str, more: &str) {
        let Some(block) = self.block.as_object_mut() else {
            return;
        };
        match block.get_mut(field) {
            Some(Value::String(text)) => text.push_str(more),
            _ => {
                block.insert(field.to_owned(), Value::String(more.to_owned()));
            }
        }
    }

    /// The block has ended: its input is whole.
    fn close(&mut self, out: &mut Vec<StreamEvent>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let Some(block) = self.block.as_object_mut() else {
            return;
        };
        if !self.input.is_empty() {
            block.insert(
                "input".to_owned(),
                wire::arguments(&std::mem::take(&mut self.input)),
            );
        }
        if block.get("type").is_some_and(|kind| kind == "tool_use")
            && let Part::ToolCall { id, name, arguments } = response::tool_call(&self.block)
        {
            out.push(StreamEvent::ToolCall { id, name, arguments });
        }
    }
}
