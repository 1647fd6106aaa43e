//! From the chunks of a stream to its events and the whole answer.

use std::collections::BTreeMap;

use dictum_core::lm::{FinishReason, LmError, Part, Payload, Response, Source, StreamEvent, Usage};
use serde_json::{Map, Value};

use super::{error, response};
use crate::dialect::Assemble;
use crate::json::Json;
use crate::refusal;
use crate::sse::Event;

/// What of a message becomes parts.
const TYPED: &[&str] = &[
    "role",
    "content",
    "refusal",
    "reasoning_content",
    "reasoning",
    "tool_calls",
];

/// Puts an answer together from its chunks.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    text: String,
    reasoning: String,
    refused: bool,
    calls: BTreeMap<u64, PartialCall>,
    finish: Option<FinishReason>,
    usage: Usage,
    /// What the chunks say beside the choices: id, model, fingerprint, usage.
    envelope: Map<String, Value>,
    /// What the choice says beside its message: logprobs, a filter's results.
    choice: Map<String, Value>,
    /// What the message says that has no part: annotations, ids of sounds.
    message: Map<String, Value>,
    done: bool,
}

#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    arguments: String,
}

impl Assemble for Assembler {
    type Frame = Event;

    fn frame(&mut self, event: Event, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        match event.data.trim() {
            "" => Ok(()),
            "[DONE]" => self.end(out),
            data => {
                let chunk = serde_json::from_str(data).map_err(|_| refusal::not_json(data))?;
                self.chunk(chunk, out)
            }
        }
    }

    /// Some servers leave the closing mark out.
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        self.end(out)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Assembler {
    fn chunk(&mut self, chunk: Value, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        if let Some(error) = error::in_payload(&chunk) {
            return Err(error);
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = response::usage(usage);
        }
        if let Some(choice) = chunk.get("choices").and_then(|choices| choices.get(0)) {
            self.choice(choice, out);
            self.keep(choice);
        }
        if let Value::Object(entries) = chunk {
            let kept = entries
                .into_iter()
                .filter(|(key, value)| key != "choices" && !value.is_null());
            self.envelope.extend(kept);
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<StreamEvent>) {
        if let Some(delta) = choice.get("delta") {
            if let Some(more) = response::reasoning_of(delta) {
                self.reasoning.push_str(more);
                out.push(StreamEvent::Reasoning(more.to_owned()));
            }
            let refusal = delta
                .get("refusal")
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty());
            self.refused |= refusal.is_some();
            let more = refusal.map_or_else(|| response::content_text(delta.get("content")), str::to_owned);
            if !more.is_empty() {
                self.text.push_str(&more);
                out.push(StreamEvent::Text(more));
            }
            for (at, call) in delta
                .get("tool_calls")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .enumerate()
            {
                self.call(at as u64, call);
            }
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish = Some(response::finish(Some(reason), self.refused));
        }
    }

    /// Keeps what there is no typed place for, as it would stand in a whole answer.
    fn keep(&mut self, choice: &Value) {
        for (name, value) in choice.as_object().into_iter().flatten() {
            match (name.as_str(), self.choice.get_mut(name)) {
                ("delta", _) => {}
                _ if value.is_null() => {}
                // Each chunk brings those of its own tokens.
                ("logprobs", Some(Value::Object(so_far))) => extend_lists(so_far, value),
                _ => {
                    self.choice.insert(name.clone(), value.clone());
                }
            }
        }
        let delta = choice.get("delta").and_then(Value::as_object);
        for (name, value) in delta.into_iter().flatten() {
            if !TYPED.contains(&name.as_str()) && !value.is_null() {
                self.message.insert(name.clone(), value.clone());
            }
        }
    }

    /// The raw payload, in the form of a whole answer.
    fn payload(&mut self) -> Value {
        let mut payload = std::mem::take(&mut self.envelope);
        let mut choice = std::mem::take(&mut self.choice);
        let message = std::mem::take(&mut self.message);
        if !message.is_empty() {
            choice.insert("message".to_owned(), Value::Object(message));
        }
        payload.insert("choices".to_owned(), Value::Array(vec![Value::Object(choice)]));
        Value::Object(payload)
    }

    fn call(&mut self, at: u64, delta: &Value) {
        let index = delta.get("index").and_then(Value::as_u64).unwrap_or(at);
        let call = self.calls.entry(index).or_default();
        let text = |path: &[&str]| delta.at(path).and_then(Value::as_str).unwrap_or_default();
        // Id and name come whole with the first piece; some servers repeat them with every one.
        if call.id.is_empty() {
            call.id.push_str(text(&["id"]));
        }
        if call.name.is_empty() {
            call.name.push_str(text(&["function", "name"]));
        }
        match delta.at(&["function", "arguments"]) {
            Some(Value::String(more)) => call.arguments.push_str(more),
            // Whole at once, as Ollama has it.
            Some(whole @ Value::Object(_)) => call.arguments = whole.to_string(),
            _ => {}
        }
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let Some(finish) = self.finish.take() else {
            return Err(refusal::cut_off());
        };
        self.done = true;
        let mut parts = Vec::new();
        if !self.reasoning.is_empty() {
            parts.push(response::reasoning(std::mem::take(&mut self.reasoning)));
        }
        if !self.text.is_empty() || self.calls.is_empty() {
            parts.push(Part::text(std::mem::take(&mut self.text)));
        }
        for call in std::mem::take(&mut self.calls).into_values() {
            let part = response::tool_call(&call.id, &call.name, Some(&Value::String(call.arguments)));
            if let Part::ToolCall { id, name, arguments } = part.clone() {
                out.push(StreamEvent::ToolCall { id, name, arguments });
            }
            parts.push(part);
        }
        let model = self
            .envelope
            .get("model")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        out.push(StreamEvent::Finished(Box::new(Response {
            parts,
            finish,
            usage: self.usage,
            model,
            raw: Some(Payload::from(&self.payload())),
            source: Source::Model,
            attempts: 1,
        })));
        Ok(())
    }
}

/// Adds the lists of `more` to those of the same name.
fn extend_lists(so_far: &mut Map<String, Value>, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        match (so_far.get_mut(name), value) {
            (Some(Value::Array(so_far)), Value::Array(more)) => so_far.extend(more.iter().cloned()),
            (Some(Value::Array(_)), _) => {}
            _ => {
                so_far.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
