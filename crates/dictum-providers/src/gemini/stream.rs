//! From the chunks of a stream to its events and the whole answer.

use dictum_core::lm::{LmError, StreamEvent};
use serde_json::{Map, Value, json};

use super::error;
use super::response::{self, Parts};
use crate::dialect::Assemble;
use crate::refusal;
use crate::sse::Event;
use crate::wire::with_payload;

/// Puts an answer together from its chunks, each of which looks like a whole answer with a piece of the content.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    parts: Parts,
    finish: Option<String>,
    /// What the chunks say beside the candidate, later ones over earlier: usage counts all that came so far.
    envelope: Map<String, Value>,
    /// What they say about the candidate beside its content.
    candidate: Map<String, Value>,
    done: bool,
}

impl Assemble for Assembler {
    type Frame = Event;

    fn frame(&mut self, event: Event, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        let chunk: Value = serde_json::from_str(data).map_err(|_| refusal::not_json(data))?;
        if chunk.get("candidates").and_then(|all| all.get(0)).is_none()
            && let Some(error) = error::in_payload(&chunk)
        {
            return Err(error);
        }
        let Value::Object(chunk) = chunk else {
            return Err(response::no_candidate());
        };
        for (key, value) in chunk {
            if key == "candidates" {
                self.candidate(value, out);
            } else {
                self.envelope.insert(key, value);
            }
        }
        Ok(())
    }

    /// There is no closing mark: the answer is whole when the last chunk said why it ended.
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LmError> {
        let Some(finish) = self.finish.take() else {
            return Err(refusal::cut_off());
        };
        self.done = true;
        let mut payload = std::mem::take(&mut self.envelope);
        let candidate = std::mem::take(&mut self.candidate);
        payload.insert("candidates".to_owned(), json!([candidate]));
        let parts = std::mem::take(&mut self.parts);
        let payload = Value::Object(payload);
        let response = with_payload(parts.response(&finish, &payload), &payload);
        out.push(StreamEvent::Finished(Box::new(response)));
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Assembler {
    fn candidate(&mut self, mut candidates: Value, out: &mut Vec<StreamEvent>) {
        let Some(candidate) = candidates.get_mut(0).map(Value::take) else {
            return;
        };
        for part in response::content(&candidate) {
            self.parts.add(part, out);
        }
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            self.finish = Some(reason.to_owned());
        }
        if let Value::Object(candidate) = candidate {
            let about = candidate.into_iter().filter(|(key, _)| key != "content");
            self.candidate.extend(about);
        }
    }
}
