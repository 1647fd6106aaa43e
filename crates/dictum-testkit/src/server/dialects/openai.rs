//! Answers in the form that OpenAI documents for chat completions.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Chunk, counts, pieces};
use crate::server::Chat;

/// Seconds since 1970 that every answer says it was made at: answers are the same in every run.
const CREATED: u64 = 1_741_569_952;
const FINGERPRINT: &str = "fp_50cad350e4";

fn usage(chat: &Chat, request: &Value) -> Value {
    let [input, cached, output, reasoning] = counts(chat, request);
    json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
        "prompt_tokens_details": { "cached_tokens": cached, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

fn tool_call((id, name, arguments): &(String, String, String)) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}

/// The whole answer as one body.
pub(super) fn whole(chat: &Chat, number: usize, request: &Value) -> Bytes {
    let mut message = json!({
        "role": "assistant",
        "content": chat.text,
        "refusal": chat.refusal,
        "annotations": [],
    });
    if let Some(entries) = message.as_object_mut() {
        if let Some(reasoning) = &chat.reasoning {
            entries.insert("reasoning_content".to_owned(), json!(reasoning));
        }
        if !chat.tool_calls.is_empty() {
            entries.insert(
                "tool_calls".to_owned(),
                chat.tool_calls.iter().map(tool_call).collect(),
            );
        }
    }
    let body = json!({
        "id": format!("chatcmpl-{number}"),
        "object": "chat.completion",
        "created": CREATED,
        "model": super::model(request, "gpt-5-mini"),
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": chat.finish }],
        "usage": usage(chat, request),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    });
    Bytes::from(body.to_string())
}

/// The answer as an event stream, one chunk of bytes per event: role, pieces, finish, usage if asked for, end mark.
pub(super) fn chunks(chat: &Chat, number: usize, request: &Value) -> Vec<Chunk> {
    let with_usage = request.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let event = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": format!("chatcmpl-{number}"),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": super::model(request, "gpt-5-mini"),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        });
        // With usage asked for, every chunk has the field, and all but the last say null.
        if with_usage && let Some(entries) = chunk.as_object_mut() {
            entries.insert("usage".to_owned(), usage);
        }
        Chunk {
            bytes: Bytes::from(format!("data: {chunk}\n\n")),
            repeatable: true,
        }
    };
    let mark = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        event(json!([choice]), Value::Null)
    };
    let delta = |delta: Value| Chunk {
        repeatable: false,
        ..mark(delta, Value::Null)
    };
    let mut out = vec![mark(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        Value::Null,
    )];
    for (field, text) in [
        ("reasoning_content", &chat.reasoning),
        ("content", &chat.text),
        ("refusal", &chat.refusal),
    ] {
        for piece in pieces(text.as_deref().unwrap_or_default()) {
            out.push(delta(json!({ field: piece })));
        }
    }
    for (index, call @ (_, _, arguments)) in chat.tool_calls.iter().enumerate() {
        let mut first = tool_call(call);
        if let Some(entries) = first.as_object_mut() {
            entries.insert("index".to_owned(), json!(index));
        }
        if let Some(arguments) = first.pointer_mut("/function/arguments") {
            *arguments = json!("");
        }
        out.push(delta(json!({ "tool_calls": [first] })));
        for piece in pieces(arguments) {
            let more = json!({ "index": index, "function": { "arguments": piece } });
            out.push(delta(json!({ "tool_calls": [more] })));
        }
    }
    out.push(mark(json!({}), json!(chat.finish)));
    if with_usage {
        out.push(event(json!([]), usage(chat, request)));
    }
    out.push(Chunk {
        bytes: Bytes::from_static(b"data: [DONE]\n\n"),
        repeatable: true,
    });
    out
}
