//! From the body that came to an answer.

use dictum_core::lm::{
    FinishReason, LmError, LmErrorKind, Media, Part, Response, Source, StreamEvent, Usage,
};
use serde_json::{Map, Value, json};

use super::{GenerateContent, MADE_UP_ID, error};
use crate::dialect::Dialect;
use crate::json::Json;

/// Reads a whole answer.
///
/// # Errors
/// The error it holds, that the prompt was blocked, or [`LmErrorKind::Decode`].
pub(super) fn response<J: Json>(payload: &J) -> Result<Response, LmError> {
    let Some(candidate) = payload.get("candidates").and_then(J::first) else {
        return Err(error::in_payload(payload).unwrap_or_else(no_candidate));
    };
    let mut parts = Parts::default();
    for part in content(candidate) {
        parts.add(part, &mut Vec::new());
    }
    let finish = candidate.get("finishReason").and_then(J::as_str);
    let finish = finish.unwrap_or_default().to_owned();
    Ok(parts.response(&finish, payload))
}

pub(super) fn no_candidate() -> LmError {
    LmError::new(LmErrorKind::Decode, "the answer has no `candidates`")
}

/// The parts of a candidate. There is no content at all when a filter stopped it.
pub(super) fn content<J: Json>(candidate: &J) -> impl Iterator<Item = &J> {
    let parts = candidate.at(&["content", "parts"]).and_then(J::as_array);
    parts.into_iter().flatten()
}

/// Puts the parts of an answer together, whether they come at once or in chunks.
///
/// What has to go back but has no part of its own here is an opaque part: a part of a kind that is not known, or signed thoughts,
/// as they came; and a signature that another part had, which stands before that part.
#[derive(Debug, Default)]
pub(super) struct Parts {
    parts: Vec<Part>,
    calls: usize,
}

impl Parts {
    /// Adds a part, or a piece of one, and the event it brings.
    pub(super) fn add<J: Json>(&mut self, part: &J, out: &mut Vec<StreamEvent>) {
        let text_of = |name: &str| part.get(name).and_then(J::as_str);
        let signature = text_of("thoughtSignature").filter(|signature| !signature.is_empty());
        let thought = part.get("thought").and_then(J::as_bool) == Some(true);
        if let Some(text) = text_of("text") {
            if thought {
                self.add_thought(text, signature, out);
            } else {
                self.add_text(text, signature, out);
            }
        } else if let Some(call) = part.get("functionCall") {
            self.mark(signature);
            self.add_call(call, out);
        } else if let Some(data) = part.get("inlineData")
            && !thought
        {
            self.mark(signature);
            self.add_media(data);
        } else if !thought {
            // Code that ran and its result, and what is yet to come.
            self.parts.push(opaque(part.to_value()));
        }
    }

    fn add_thought(&mut self, more: &str, signature: Option<&str>, out: &mut Vec<StreamEvent>) {
        if !more.is_empty() {
            out.push(StreamEvent::Reasoning(more.to_owned()));
            match self.parts.last_mut() {
                Some(Part::Reasoning { text, .. }) => text.push_str(more),
                _ => self.parts.push(Part::Reasoning {
                    text: more.to_owned(),
                    signature: None,
                }),
            }
        }
        if let Some(signature) = signature {
            let text = match self.parts.last() {
                Some(Part::Reasoning { text, .. }) => text.as_str(),
                _ => "",
            };
            let signed = json!({ "text": text, "thought": true, "thoughtSignature": signature });
            self.parts.push(opaque(signed));
        }
    }

    fn add_text(&mut self, more: &str, signature: Option<&str>, out: &mut Vec<StreamEvent>) {
        if !more.is_empty() {
            out.push(StreamEvent::Text(more.to_owned()));
        }
        let at = self.parts.len();
        let is_text = matches!(self.parts.last(), Some(Part::Text { .. }));
        let is_signed = is_text && matches!(self.parts.iter().rev().nth(1), Some(part) if is_mark(part));
        match (signature, is_text) {
            (Some(signature), true) if !is_signed => {
                self.parts.insert(at.saturating_sub(1), mark(signature));
            }
            (Some(_), _) => {
                self.mark(signature);
                if !more.is_empty() {
                    self.parts.push(Part::text(more));
                }
                return;
            }
            (None, false) if more.is_empty() => return,
            (None, false) => {
                self.parts.push(Part::text(more));
                return;
            }
            (None, true) => {}
        }
        if let Some(Part::Text { text }) = self.parts.last_mut() {
            text.push_str(more);
        }
    }

    fn add_call<J: Json>(&mut self, call: &J, out: &mut Vec<StreamEvent>) {
        let text_of = |name: &str| call.get(name).and_then(J::as_str).unwrap_or_default();
        let id = match text_of("id") {
            // Older models give none; a result must find its call all the same.
            "" => format!("{MADE_UP_ID}{}", self.calls),
            id => id.to_owned(),
        };
        self.calls += 1;
        let name = text_of("name").to_owned();
        let arguments = call
            .get("args")
            .map_or_else(|| Value::Object(Map::new()), J::to_value);
        out.push(StreamEvent::ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
        });
        self.parts.push(Part::ToolCall { id, name, arguments });
    }

    fn add_media<J: Json>(&mut self, data: &J) {
        let text_of = |name: &str| data.get(name).and_then(J::as_str).unwrap_or_default();
        let kind = text_of("mimeType");
        let media = Media::base64(kind, text_of("data"));
        self.parts.push(match kind.split_once('/') {
            Some(("image", _)) => Part::Image { media },
            Some(("audio", _)) => Part::Audio { media },
            _ => Part::File { media },
        });
    }

    fn mark(&mut self, signature: Option<&str>) {
        self.parts.extend(signature.map(mark));
    }

    /// The answer that these parts make, with what the rest of the payload says.
    pub(super) fn response<J: Json>(mut self, finish: &str, payload: &J) -> Response {
        let silent = |part: &Part| matches!(part, Part::Reasoning { .. } | Part::Opaque { .. });
        // A silent answer has an empty text.
        if self.parts.iter().all(silent) {
            self.parts.push(Part::text(""));
        }
        Response {
            parts: self.parts,
            finish: finish_reason(finish, self.calls > 0),
            usage: payload.get("usageMetadata").map(usage).unwrap_or_default(),
            model: payload
                .get("modelVersion")
                .and_then(J::as_str)
                .unwrap_or_default()
                .to_owned(),
            raw: None,
            source: Source::Model,
            attempts: 1,
        }
    }
}

fn opaque(payload: Value) -> Part {
    Part::Opaque {
        provider: GenerateContent::PROVIDER.to_owned(),
        payload,
    }
}

fn mark(signature: &str) -> Part {
    opaque(json!({ "thoughtSignature": signature }))
}

fn is_mark(part: &Part) -> bool {
    matches!(part, Part::Opaque { payload, .. } if lone_signature(payload).is_some())
}

/// The signature of the part that follows, if that is what an opaque part holds.
pub(super) fn lone_signature(payload: &Value) -> Option<&str> {
    let payload = payload.as_object().filter(|payload| payload.len() == 1)?;
    payload.get("thoughtSignature")?.as_str()
}

fn finish_reason(reason: &str, calls: bool) -> FinishReason {
    match reason {
        // The model's word for the end of a turn, also one of tool calls.
        "STOP" if calls => FinishReason::ToolCalls,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    }
}

pub(super) fn usage<J: Json>(usage: &J) -> Usage {
    let count = |name: &str| usage.get(name).and_then(J::as_u64);
    let sum = |first: Option<u64>, more: Option<u64>| match (first, more) {
        (None, None) => None,
        (first, more) => Some(first.unwrap_or(0).saturating_add(more.unwrap_or(0))),
    };
    let audio = |name: &str| {
        let mut kinds = usage.get(name)?.as_array()?.iter();
        let audio = kinds.find(|kind| kind.get("modality").and_then(J::as_str) == Some("AUDIO"))?;
        audio.get("tokenCount")?.as_u64()
    };
    let thoughts = count("thoughtsTokenCount");
    let mut output = sum(count("candidatesTokenCount"), thoughts);
    if output.is_none() && count("promptTokenCount").is_some() && count("totalTokenCount").is_some() {
        // Counts of nothing are left out.
        output = Some(0);
    }
    Usage {
        // What tools of the server's own added to the prompt is charged like it.
        input_tokens: sum(count("promptTokenCount"), count("toolUsePromptTokenCount")),
        cached_tokens: count("cachedContentTokenCount"),
        output_tokens: output,
        reasoning_tokens: thoughts,
        audio_tokens: sum(audio("promptTokensDetails"), audio("toolUsePromptTokensDetails")),
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests;
