//! Answers in the form that Anthropic documents for messages.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Chunk, arguments, counts, pieces};
use crate::server::Chat;

fn usage(chat: &Chat, request: &Value) -> Value {
    let [input, cached, output, _] = counts(chat, request);
    json!({
        "input_tokens": input.saturating_sub(cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn message(chat: &Chat, number: usize, request: &Value) -> Value {
    let mut content = Vec::new();
    if let Some(reasoning) = &chat.reasoning {
        content.push(json!({ "type": "thinking", "thinking": reasoning, "signature": "c2lnbmF0dXJl" }));
    }
    if let Some(text) = chat.text.as_ref().or(chat.refusal.as_ref()) {
        content.push(json!({ "type": "text", "text": text }));
    }
    for (id, name, input) in &chat.tool_calls {
        content.push(json!({ "type": "tool_use", "id": id, "name": name, "input": arguments(input) }));
    }
    let reason = match chat.finish.as_str() {
        _ if chat.refusal.is_some() => "refusal",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ => "end_turn",
    };
    json!({
        "id": format!("msg_{number}"),
        "type": "message",
        "role": "assistant",
        "model": super::model(request, "claude-sonnet-4-5"),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": null,
        "usage": usage(chat, request),
    })
}

pub(super) fn whole(chat: &Chat, number: usize, request: &Value) -> Bytes {
    Bytes::from(message(chat, number, request).to_string())
}

pub(super) fn chunks(chat: &Chat, number: usize, request: &Value) -> Vec<Chunk> {
    let event = |kind: &str, mut data: Value| {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), json!(kind));
        }
        Chunk {
            bytes: Bytes::from(format!("event: {kind}\ndata: {data}\n\n")),
            repeatable: kind != "content_block_delta",
        }
    };
    let mut message = message(chat, number, request);
    let content = message.get_mut("content").map(Value::take).unwrap_or_default();
    let reason = message
        .get_mut("stop_reason")
        .map(Value::take)
        .unwrap_or_default();
    if let Some(message) = message.as_object_mut() {
        message.insert("content".to_owned(), json!([]));
    }
    let mut out = vec![
        event("message_start", json!({ "message": message })),
        event("ping", json!({})),
    ];
    for (index, block) in content.as_array().into_iter().flatten().enumerate() {
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        let (begun, deltas): (Value, Vec<Value>) = match text("type") {
            "text" => (
                json!({ "type": "text", "text": "" }),
                pieces(text("text"))
                    .iter()
                    .map(|piece| json!({ "type": "text_delta", "text": piece }))
                    .collect(),
            ),
            "thinking" => {
                let mut deltas: Vec<Value> = pieces(text("thinking"))
                    .iter()
                    .map(|piece| json!({ "type": "thinking_delta", "thinking": piece }))
                    .collect();
                deltas.push(json!({ "type": "signature_delta", "signature": text("signature") }));
                (
                    json!({ "type": "thinking", "thinking": "", "signature": "" }),
                    deltas,
                )
            }
            _ => {
                let input = block.get("input").map(Value::to_string).unwrap_or_default();
                (
                    json!({ "type": "tool_use", "id": text("id"), "name": text("name"), "input": {} }),
                    pieces(&input)
                        .iter()
                        .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
                        .collect(),
                )
            }
        };
        out.push(event(
            "content_block_start",
            json!({ "index": index, "content_block": begun }),
        ));
        for delta in deltas {
            out.push(event(
                "content_block_delta",
                json!({ "index": index, "delta": delta }),
            ));
        }
        out.push(event("content_block_stop", json!({ "index": index })));
    }
    let end =
        json!({ "delta": { "stop_reason": reason, "stop_sequence": null }, "usage": usage(chat, request) });
    out.push(event("message_delta", end));
    out.push(event("message_stop", json!({})));
    out
}
