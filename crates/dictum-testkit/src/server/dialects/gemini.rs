//! Answers in the form that Google documents for Gemini's `generateContent`.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Chunk, arguments, counts, pieces};
use crate::server::Chat;

fn usage(chat: &Chat, request: &Value) -> Value {
    let [input, cached, output, reasoning] = counts(chat, request);
    json!({
        "promptTokenCount": input,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": output.saturating_sub(reasoning),
        "thoughtsTokenCount": reasoning,
        "totalTokenCount": input + output,
    })
}

fn finish(chat: &Chat) -> &'static str {
    match chat.finish.as_str() {
        _ if chat.refusal.is_some() => "SAFETY",
        "length" => "MAX_TOKENS",
        _ => "STOP",
    }
}

fn body(number: usize, parts: &[Value], finish: Option<&str>, usage: Option<Value>) -> String {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let (Some(candidate), Some(finish)) = (candidate.as_object_mut(), finish) {
        candidate.insert("finishReason".to_owned(), json!(finish));
    }
    let mut body = json!({
        "candidates": [candidate],
        "modelVersion": "gemini-2.5-flash",
        "responseId": format!("resp-{number}"),
    });
    if let (Some(body), Some(usage)) = (body.as_object_mut(), usage) {
        body.insert("usageMetadata".to_owned(), usage);
    }
    body.to_string()
}

fn calls(chat: &Chat) -> impl Iterator<Item = Value> {
    chat.tool_calls
        .iter()
        .map(|(_, name, args)| json!({ "functionCall": { "name": name, "args": arguments(args) } }))
}

fn said(chat: &Chat) -> &str {
    chat.text
        .as_deref()
        .or(chat.refusal.as_deref())
        .unwrap_or_default()
}

pub(super) fn whole(chat: &Chat, number: usize, request: &Value) -> Bytes {
    let mut parts = Vec::new();
    if let Some(reasoning) = &chat.reasoning {
        parts.push(json!({ "text": reasoning, "thought": true }));
    }
    if !said(chat).is_empty() {
        parts.push(json!({ "text": said(chat) }));
    }
    parts.extend(calls(chat));
    Bytes::from(body(
        number,
        &parts,
        Some(finish(chat)),
        Some(usage(chat, request)),
    ))
}

pub(super) fn chunks(chat: &Chat, number: usize, request: &Value) -> Vec<Chunk> {
    let event = |body: String, repeatable: bool| Chunk {
        bytes: Bytes::from(format!("data: {body}\r\n\r\n")),
        repeatable,
    };
    let mut out = Vec::new();
    for piece in pieces(chat.reasoning.as_deref().unwrap_or_default()) {
        let part = json!({ "text": piece, "thought": true });
        out.push(event(body(number, &[part], None, None), false));
    }
    for piece in pieces(said(chat)) {
        out.push(event(
            body(number, &[json!({ "text": piece })], None, None),
            false,
        ));
    }
    for call in calls(chat) {
        out.push(event(body(number, &[call], None, None), false));
    }
    let end = body(
        number,
        &[json!({ "text": "" })],
        Some(finish(chat)),
        Some(usage(chat, request)),
    );
    out.push(event(end, true));
    out
}
