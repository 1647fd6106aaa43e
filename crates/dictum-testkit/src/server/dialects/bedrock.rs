//! Answers in the form that AWS documents for Bedrock's `Converse` and `ConverseStream`.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Chunk, arguments, counts, pieces};
use crate::server::{Chat, event_frame};

fn usage(chat: &Chat, request: &Value) -> Value {
    let [input, cached, output, _] = counts(chat, request);
    // What was read from the cache is not among the tokens of the input.
    json!({
        "inputTokens": input.saturating_sub(cached),
        "cacheReadInputTokens": cached,
        "outputTokens": output,
        "totalTokens": input + output,
    })
}

fn stop(chat: &Chat) -> &str {
    match chat.finish.as_str() {
        _ if chat.refusal.is_some() => "guardrail_intervened",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "stop" => "end_turn",
        other => other,
    }
}

fn said(chat: &Chat) -> &str {
    chat.text
        .as_deref()
        .or(chat.refusal.as_deref())
        .unwrap_or_default()
}

pub(super) fn whole(chat: &Chat, request: &Value) -> Bytes {
    let mut content = Vec::new();
    if let Some(reasoning) = &chat.reasoning {
        content.push(json!({ "reasoningContent": { "reasoningText": { "text": reasoning } } }));
    }
    if !said(chat).is_empty() {
        content.push(json!({ "text": said(chat) }));
    }
    for (id, name, input) in &chat.tool_calls {
        content.push(json!({ "toolUse": { "toolUseId": id, "name": name, "input": arguments(input) } }));
    }
    let body = json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop(chat),
        "usage": usage(chat, request),
        "metrics": { "latencyMs": 1 },
    });
    Bytes::from(body.to_string())
}

pub(super) fn chunks(chat: &Chat, request: &Value) -> Vec<Chunk> {
    let mut out = Vec::new();
    let mut send = |kind: &str, payload: &Value, repeatable: bool| {
        out.push(Chunk {
            bytes: event_frame(kind, payload),
            repeatable,
        });
    };
    send("messageStart", &json!({ "role": "assistant" }), true);
    let mut place = 0_u64;
    let texts = [(chat.reasoning.as_deref(), true), (Some(said(chat)), false)];
    for (text, reasoning) in texts {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            continue;
        };
        for piece in pieces(text) {
            let delta = if reasoning {
                json!({ "reasoningContent": { "text": piece } })
            } else {
                json!({ "text": piece })
            };
            let payload = json!({ "contentBlockIndex": place, "delta": delta });
            send("contentBlockDelta", &payload, false);
        }
        send("contentBlockStop", &json!({ "contentBlockIndex": place }), true);
        place += 1;
    }
    for (id, name, input) in &chat.tool_calls {
        let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
        send(
            "contentBlockStart",
            &json!({ "contentBlockIndex": place, "start": start }),
            false,
        );
        for piece in pieces(input) {
            let delta = json!({ "toolUse": { "input": piece } });
            let payload = json!({ "contentBlockIndex": place, "delta": delta });
            send("contentBlockDelta", &payload, false);
        }
        send("contentBlockStop", &json!({ "contentBlockIndex": place }), true);
        place += 1;
    }
    send("messageStop", &json!({ "stopReason": stop(chat) }), true);
    let metadata = json!({ "usage": usage(chat, request), "metrics": { "latencyMs": 1 } });
    send("metadata", &metadata, true);
    out
}
