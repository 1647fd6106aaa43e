//! What was said, as the conventions write it: JSON text of messages with typed parts.

use serde_json::{Value, json};

use crate::lm::{Media, MediaData, Message, Part, Request, Role};

/// The messages of a request, in at most about `max` bytes of content. The latest are kept first: they are what differs.
pub(super) fn input(request: &Request, max: usize) -> String {
    let messages: Vec<&Message> = request.messages().collect();
    let mut room = Room(max);
    let mut written = Vec::new();
    for (index, message) in messages.iter().enumerate().rev() {
        if room.0 == 0 {
            let note = format!("({} earlier messages left out)", index + 1);
            written.push(json!({"role": "system", "parts": [{"type": "text", "content": note}]}));
            break;
        }
        written.push(json!({"role": message.role.as_str(), "parts": parts(&message.parts, &mut room)}));
    }
    written.reverse();
    Value::Array(written).to_string()
}

/// An answer, in at most about `max` bytes of content.
pub(super) fn output(answer: &[Part], finish: &str, max: usize) -> String {
    let parts = parts(answer, &mut Room(max));
    json!([{"role": Role::Assistant.as_str(), "parts": parts, "finish_reason": finish}]).to_string()
}

/// How many bytes of content may still be written.
struct Room(usize);

impl Room {
    fn take(&mut self, text: &str) -> String {
        let kept = text.get(..text.floor_char_boundary(self.0)).unwrap_or_default();
        self.0 -= kept.len();
        match text.len() - kept.len() {
            0 => text.to_owned(),
            cut => format!("{kept}... ({cut} bytes left out)"),
        }
    }
}

fn parts(parts: &[Part], room: &mut Room) -> Vec<Value> {
    parts.iter().map(|part| one(part, room)).collect()
}

fn one(part: &Part, room: &mut Room) -> Value {
    match part {
        Part::Text { text } => json!({"type": "text", "content": room.take(text)}),
        Part::Reasoning { text, .. } => json!({"type": "reasoning", "content": room.take(text)}),
        Part::Image { media: file } => media(file, "image", room),
        Part::Audio { media: file } => media(file, "audio", room),
        Part::File { media: file } => media(file, "document", room),
        Part::ToolCall { id, name, arguments } => {
            let text = arguments.to_string();
            let arguments = if text.len() <= room.0 {
                room.0 -= text.len();
                arguments.clone()
            } else {
                Value::String(room.take(&text))
            };
            json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments})
        }
        Part::ToolResult { id, content, .. } => {
            json!({"type": "tool_call_response", "id": id, "response": room.take(content)})
        }
        // Only its provider can read it.
        Part::Opaque { provider, .. } => json!({"type": "opaque", "provider": provider}),
    }
}

/// Media by kind and size: their bytes are no business of a span.
fn media(media: &Media, modality: &str, room: &mut Room) -> Value {
    let mut value = match &media.data {
        MediaData::Base64(data) => json!({"type": "blob", "bytes": data.len() / 4 * 3}),
        MediaData::Url(url) => json!({"type": "uri", "uri": room.take(url)}),
        MediaData::Id(id) => json!({"type": "file", "file_id": id}),
    };
    if let Value::Object(fields) = &mut value {
        fields.insert("modality".into(), modality.into());
        if !media.media_type.is_empty() {
            fields.insert("mime_type".into(), media.media_type.as_str().into());
        }
    }
    value
}
