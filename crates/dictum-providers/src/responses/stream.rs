//! From the events of a stream to ours and the whole answer.

use std::collections::{BTreeMap, BTreeSet};

use dictum_core::lm::{LmError, LmErrorKind, Part, StreamEvent};
use serde_json::Value;

use super::response::{self, text_of};
use super::{error, kept};
use crate::dialect::Assemble;
use crate::refusal;
use crate::sse::Event;
use crate::wire::with_payload;

/// Puts an answer together from its events.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// The text handed on so far.
    text: String,
    /// The reasoning item that last brought reasoning, and which of its pieces.
    thought: Option<(u64, u64)>,
    /// Items that are whole, by their place.
    items: BTreeMap<u64, Value>,
    /// The calls handed on, by their place.
    called: BTreeSet<u64>,
    /// The number of the last event.
    last: Option<u64>,
    done: bool,
}

impl Assemble for Assembler {
    type Frame = Event;

    fn frame(&mut self, event: Event, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let data = event.data.trim();
        // The end mark of chat completions, which some compatible servers send here too.
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        let event: Value = serde_json::from_str(data).map_err(|_| refusal::not_json(data))?;
        // An event that a proxy sends twice has its number twice.
        if let Some(number) = event.get("sequence_number").and_then(Value::as_u64) {
            if self.last.is_some_and(|last| number <= last) {
                return Ok(());
            }
            self.last = Some(number);
        }
        self.event(event, out)
    }

    fn finish(&mut self, _: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        Err(refusal::cut_off())
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Assembler {
    fn event(&mut self, mut event: Value, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let place = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or_default();
        let delta = text_of(&event, "delta");
        match text_of(&event, "type").unwrap_or_default() {
            "response.output_text.delta" | "response.refusal.delta" => self.say(delta, out),
            "response.reasoning_summary_text.delta" => {
                let at = (place("output_index"), place("summary_index"));
                self.think(at, delta, out);
            }
            "response.reasoning_text.delta" => {
                let at = (place("output_index"), place("content_index"));
                self.think(at, delta, out);
            }
            "response.output_item.done" => {
                let place = place("output_index");
                if let Some(item) = event.get_mut("item").map(Value::take) {
                    self.call(place, &item, out);
                    self.items.insert(place, item);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                let payload = event.get_mut("response").map(Value::take).unwrap_or_default();
                return self.end(payload, out);
            }
            "error" => return Err(error::told(event.get("error").unwrap_or(&event))),
            _ if event.get("type").is_none() && event.get("error").is_some() => {
                return Err(error::told(event.get("error").unwrap_or(&event)));
            }
            // Parts that begin or end, and what the provider's own tools do.
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, more: Option<&str>, out: &mut Vec<StreamEvent>) {
        if let Some(more) = more {
            self.text.push_str(more);
            out.push(StreamEvent::Text(more.to_owned()));
        }
    }

    fn think(&mut self, at: (u64, u64), more: Option<&str>, out: &mut Vec<StreamEvent>) {
        let Some(more) = more else {
            return;
        };
        let next = self.thought.is_some_and(|last| last.0 == at.0 && last.1 != at.1);
        self.thought = Some(at);
        let more = if next {
            format!("{}{more}", kept::BETWEEN)
        } else {
            more.to_owned()
        };
        out.push(StreamEvent::Reasoning(more));
    }

    fn call(&mut self, place: u64, item: &Value, out: &mut Vec<StreamEvent>) {
        if text_of(item, "type") == Some("function_call")
            && self.called.insert(place)
            && let Part::ToolCall { id, name, arguments } = response::call(item)
        {
            out.push(StreamEvent::ToolCall { id, name, arguments });
        }
    }

    fn end(&mut self, mut payload: Value, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        // Some servers leave the output out of the last event: it has been told.
        if let Some(payload) = payload.as_object_mut()
            && payload
                .get("output")
                .and_then(Value::as_array)
                .is_none_or(Vec::is_empty)
        {
            let items = std::mem::take(&mut self.items).into_values().collect();
            payload.insert("output".to_owned(), Value::Array(items));
        }
        for (place, item) in payload
            .get("output")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            self.call(place as u64, item, out);
        }
        let response = with_payload(response::response(&payload)?, &payload);
        let text = response.to_text();
        let Some(rest) = text.strip_prefix(self.text.as_str()) else {
            let message = "the pieces of the stream don't make up the answer that it ends with";
            return Err(LmError::new(LmErrorKind::Decode, message));
        };
        self.say((!rest.is_empty()).then_some(rest), out);
        self.done = true;
        out.push(StreamEvent::Finished(Box::new(response)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
