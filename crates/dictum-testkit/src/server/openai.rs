//! Answers in the form that OpenAI documents for chat completions.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::Chat;

/// Seconds since 1970 that every answer says it was made at: answers are the same in every run.
const CREATED: u64 = 1_741_569_952;
const FINGERPRINT: &str = "fp_50cad350e4";

fn model(request: &Value) -> &str {
    request
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or("gpt-5-mini")
}

fn usage(chat: &Chat, request: &Value) -> Value {
    let tokens = |text: &str| (text.chars().count() as u64).div_ceil(4);
    let [input, cached, output, reasoning] = chat.usage.unwrap_or_else(|| {
        let asked = request.get("messages").map(Value::to_string).unwrap_or_default();
        let reasoning = tokens(chat.reasoning.as_deref().unwrap_or_default());
        let said = chat
            .text
            .as_deref()
            .or(chat.refusal.as_deref())
            .unwrap_or_default();
        let called: u64 = chat
            .tool_calls
            .iter()
            .map(|(_, name, arguments)| tokens(name) + tokens(arguments))
            .sum();
        [tokens(&asked), 0, tokens(said) + called + reasoning, reasoning]
    });
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
        "model": model(request),
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": chat.finish }],
        "usage": usage(chat, request),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    });
    Bytes::from(body.to_string())
}

/// The answer as an event stream, one chunk of bytes per event: role, pieces, finish, usage if asked for, end mark.
pub(super) fn chunks(chat: &Chat, number: usize, request: &Value) -> Vec<Bytes> {
    let with_usage = request.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let event = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": format!("chatcmpl-{number}"),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model(request),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        });
        // With usage asked for, every chunk has the field, and all but the last say null.
        if with_usage && let Some(entries) = chunk.as_object_mut() {
            entries.insert("usage".to_owned(), usage);
        }
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let delta = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        event(json!([choice]), Value::Null)
    };
    let mut out = vec![delta(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        Value::Null,
    )];
    for (field, text) in [
        ("reasoning_content", &chat.reasoning),
        ("content", &chat.text),
        ("refusal", &chat.refusal),
    ] {
        for piece in pieces(text.as_deref().unwrap_or_default()) {
            out.push(delta(json!({ field: piece }), Value::Null));
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
        out.push(delta(json!({ "tool_calls": [first] }), Value::Null));
        for piece in pieces(arguments) {
            let more = json!({ "index": index, "function": { "arguments": piece } });
            out.push(delta(json!({ "tool_calls": [more] }), Value::Null));
        }
    }
    out.push(delta(json!({}), json!(chat.finish)));
    if with_usage {
        out.push(event(json!([]), usage(chat, request)));
    }
    out.push(Bytes::from_static(b"data: [DONE]\n\n"));
    out
}

/// A text in pieces of about a token.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|piece| piece.iter().collect()).collect()
}
