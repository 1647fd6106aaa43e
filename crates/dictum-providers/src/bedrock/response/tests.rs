use serde_json::json;

use super::*;

#[test]
fn an_answer_with_all_it_has() {
    let payload = json!({
        "output": { "message": { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "Rain likely.", "signature": "EqQBCgIYAhIk" } } },
            { "reasoningContent": { "redactedContent": "c2VjcmV0" } },
            { "text": "Let me look." },
            { "citationsContent": { "content": [{ "text": " It " }, { "text": "rains." }], "citations": [] } },
            { "toolUse": { "toolUseId": "srv_1", "name": "search", "input": {}, "type": "server_tool_use" } },
            { "toolUse": { "toolUseId": "tooluse_1", "name": "umbrella", "input": { "take": true } } },
        ] } },
        "stopReason": "tool_use",
        "usage": { "inputTokens": 10, "outputTokens": 25, "totalTokens": 135, "cacheReadInputTokens": 80, "cacheWriteInputTokens": 20 },
        "metrics": { "latencyMs": 1275 },
        "trace": { "promptRouter": { "invokedModelId": "arn:aws:bedrock:us-east-1::foundation-model/x" } },
    });
    let answer = response(&payload).unwrap();
    let thought = |text: &str, signature: &str| Part::Reasoning {
        text: text.to_owned(),
        signature: Some(signature.to_owned()),
    };
    assert_eq!(
        answer.parts,
        [
            thought("Rain likely.", "EqQBCgIYAhIk"),
            kept::redacted("c2VjcmV0"),
            Part::text("Let me look."),
            Part::text(" It rains."),
            kept::opaque(
                json!({ "toolUse": { "toolUseId": "srv_1", "name": "search", "input": {}, "type": "server_tool_use" } })
            ),
            Part::ToolCall {
                id: "tooluse_1".to_owned(),
                name: "umbrella".to_owned(),
                arguments: json!({ "take": true })
            },
        ]
    );
    assert_eq!(answer.finish, FinishReason::ToolCalls);
    assert_eq!(answer.model, "arn:aws:bedrock:us-east-1::foundation-model/x");
    assert_eq!(
        answer.usage,
        Usage {
            input_tokens: Some(110),
            cached_tokens: Some(80),
            cache_write_tokens: Some(20),
            output_tokens: Some(25),
            ..Usage::default()
        }
    );
}

#[test]
fn reasons_to_stop() {
    for (reason, finish) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("guardrail_intervened", FinishReason::ContentFilter),
        ("content_filtered", FinishReason::ContentFilter),
        (
            "malformed_tool_use",
            FinishReason::Other("malformed_tool_use".to_owned()),
        ),
    ] {
        let payload =
            json!({ "output": { "message": { "role": "assistant", "content": [] } }, "stopReason": reason });
        let answer = response(&payload).unwrap();
        assert_eq!((answer.finish, answer.parts), (finish, vec![Part::text("")]));
    }
    assert_eq!(
        response(&json!({ "output": {} })).unwrap_err().kind(),
        LmErrorKind::Decode
    );
}
