//! Answers in the form that OpenAI documents for Responses.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Chunk, counts, pieces};
use crate::server::Chat;

fn message(chat: &Chat) -> Value {
    let part = match &chat.refusal {
        Some(refusal) => json!({ "type": "refusal", "refusal": refusal }),
        None => json!({ "type": "output_text", "text": chat.text, "annotations": [], "logprobs": [] }),
    };
    json!({ "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part] })
}

fn payload(chat: &Chat, number: usize, request: &Value) -> Value {
    let [input, cached, output, reasoning] = counts(chat, request);
    let mut items = Vec::new();
    if let Some(reasoning) = &chat.reasoning {
        let summary = json!([{ "type": "summary_text", "text": reasoning }]);
        items.push(json!({ "id": "rs_1", "type": "reasoning", "summary": summary }));
    }
    if chat.text.is_some() || chat.refusal.is_some() {
        items.push(message(chat));
    }
    for (id, name, arguments) in &chat.tool_calls {
        items.push(json!({
            "id": format!("fc_{id}"),
            "type": "function_call",
            "status": "completed",
            "call_id": id,
            "name": name,
            "arguments": arguments,
        }));
    }
    let (status, details) = match chat.finish.as_str() {
        "length" => ("incomplete", json!({ "reason": "max_output_tokens" })),
        _ => ("completed", Value::Null),
    };
    json!({
        "id": format!("resp_{number}"),
        "object": "response",
        "created_at": 1_741_569_952,
        "status": status,
        "error": null,
        "incomplete_details": details,
        "model": super::model(request, "gpt-5-mini"),
        "output": items,
        "store": false,
        "usage": {
            "input_tokens": input,
            "input_tokens_details": { "cached_tokens": cached },
            "output_tokens": output,
            "output_tokens_details": { "reasoning_tokens": reasoning },
            "total_tokens": input + output,
        },
    })
}

pub(super) fn whole(chat: &Chat, number: usize, request: &Value) -> Bytes {
    Bytes::from(payload(chat, number, request).to_string())
}

pub(super) fn chunks(chat: &Chat, number: usize, request: &Value) -> Vec<Chunk> {
    let payload = payload(chat, number, request);
    let mut begun = payload.clone();
    if let Some(begun) = begun.as_object_mut() {
        begun.insert("status".to_owned(), json!("in_progress"));
        begun.insert("output".to_owned(), json!([]));
        begun.insert("usage".to_owned(), Value::Null);
    }
    let mut events = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
    ];
    let items = payload.get("output").and_then(Value::as_array);
    for (at, item) in items.into_iter().flatten().enumerate() {
        let id = item.get("id").cloned().unwrap_or_default();
        let (kind, text) = match item.get("type").and_then(Value::as_str) {
            Some("reasoning") => ("response.reasoning_summary_text.delta", chat.reasoning.as_deref()),
            Some("message") if chat.refusal.is_some() => ("response.refusal.delta", chat.refusal.as_deref()),
            Some("message") => ("response.output_text.delta", chat.text.as_deref()),
            _ => ("", None),
        };
        events
            .push(json!({ "type": "response.output_item.added", "output_index": at, "item": { "id": id } }));
        for piece in pieces(text.unwrap_or_default()) {
            let place = if kind.contains("reasoning") {
                "summary_index"
            } else {
                "content_index"
            };
            events.push(json!({ "type": kind, "item_id": id, "output_index": at, place: 0, "delta": piece }));
        }
        events.push(json!({ "type": "response.output_item.done", "output_index": at, "item": item }));
    }
    let end = if payload.get("status") == Some(&json!("completed")) {
        "response.completed"
    } else {
        "response.incomplete"
    };
    events.push(json!({ "type": end, "response": payload }));
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        if let Some(event) = event.as_object_mut() {
            event.insert("sequence_number".to_owned(), json!(number));
        }
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        Chunk {
            bytes: Bytes::from(format!("event: {kind}\ndata: {event}\n\n")),
            repeatable: true,
        }
    });
    numbered.collect()
}
