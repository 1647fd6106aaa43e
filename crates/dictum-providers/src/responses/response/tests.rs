use serde_json::json;

use super::*;

fn payload(status: &str, output: Value) -> Value {
    json!({
        "id": "resp_1",
        "object": "response",
        "status": status,
        "error": null,
        "incomplete_details": null,
        "model": "gpt-5-mini-2025-08-07",
        "output": output,
        "usage": {
            "input_tokens": 81,
            "input_tokens_details": { "cached_tokens": 64, "cache_write_tokens": 9 },
            "output_tokens": 1035,
            "output_tokens_details": { "reasoning_tokens": 832 },
            "total_tokens": 1116,
        },
    })
}

fn message(content: Value) -> Value {
    json!({ "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content })
}

#[test]
fn an_answer_with_all_it_has() {
    let output = json!([
        {
            "id": "rs_1",
            "type": "reasoning",
            "status": null,
            "summary": [{ "type": "summary_text", "text": "First." }, { "type": "summary_text", "text": "Then." }],
            "encrypted_content": "gAAAAABo",
        },
        { "id": "ws_1", "type": "web_search_call", "status": "completed" },
        message(json!([{ "type": "output_text", "text": "Rain.", "annotations": [], "logprobs": [] }])),
        { "id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "umbrella", "arguments": "{\"take\":true}", "status": "completed" },
        { "id": "fc_2", "type": "function_call", "call_id": "call_2", "name": "boots", "arguments": "", "status": "completed" },
    ]);
    let answer = response(&payload("completed", output.clone())).unwrap();
    // As it came, without what it has no value for.
    let mut kept = output[0].clone();
    kept.as_object_mut().unwrap().remove("status");
    assert_eq!(
        answer.parts,
        [
            Part::Reasoning {
                text: "First.\n\nThen.".to_owned(),
                signature: None,
            },
            kept::opaque(kept),
            kept::opaque(json!({ "id": "ws_1", "type": "web_search_call", "status": "completed" })),
            Part::text("Rain."),
            Part::ToolCall {
                id: "call_1".to_owned(),
                name: "umbrella".to_owned(),
                arguments: json!({ "take": true })
            },
            Part::ToolCall {
                id: "call_2".to_owned(),
                name: "boots".to_owned(),
                arguments: json!({})
            },
        ]
    );
    assert_eq!(answer.finish, FinishReason::ToolCalls);
    assert_eq!(answer.model, "gpt-5-mini-2025-08-07");
    assert_eq!(
        answer.usage,
        Usage {
            input_tokens: Some(81),
            cached_tokens: Some(64),
            cache_write_tokens: Some(9),
            output_tokens: Some(1035),
            reasoning_tokens: Some(832),
            ..Usage::default()
        }
    );
}

#[test]
fn open_models_show_their_reasoning_itself() {
    let output = json!([
        { "id": "rs_1", "type": "reasoning", "summary": [], "content": [{ "type": "reasoning_text", "text": "Hm." }] },
        { "id": "rs_2", "type": "reasoning", "summary": [] },
        message(json!([{ "type": "output_text", "text": "Yes." }])),
    ]);
    let answer = response(&payload("completed", output.clone())).unwrap();
    let thought = Part::Reasoning {
        text: "Hm.".to_owned(),
        signature: None,
    };
    assert_eq!(answer.parts, [thought, Part::text("Yes.")]);
}

#[test]
fn statuses_tell_why_it_stopped() {
    let text = message(json!([{ "type": "output_text", "text": "Half" }]));
    let cut = |reason: &str| {
        let mut payload = payload("incomplete", json!([text]));
        payload["incomplete_details"] = json!({ "reason": reason });
        response(&payload).unwrap().finish
    };
    assert_eq!(cut("max_output_tokens"), FinishReason::Length);
    assert_eq!(cut("content_filter"), FinishReason::ContentFilter);
    assert_eq!(
        cut("max_prompt_tokens"),
        FinishReason::Other("max_prompt_tokens".to_owned())
    );

    let refused = message(json!([{ "type": "refusal", "refusal": "I can't." }]));
    let answer = response(&payload("completed", json!([refused]))).unwrap();
    assert_eq!(
        (answer.finish, answer.parts),
        (FinishReason::ContentFilter, vec![Part::text("I can't.")])
    );

    // Reasoning ate the whole limit: an empty answer, not none.
    let mut empty = payload("incomplete", json!([]));
    empty["incomplete_details"] = json!({ "reason": "max_output_tokens" });
    assert_eq!(response(&empty).unwrap().parts, [Part::text("")]);

    let kind = |status| response(&payload(status, json!([]))).unwrap_err().kind();
    assert_eq!(kind("cancelled"), LmErrorKind::Cancelled);
    assert_eq!(kind("queued"), LmErrorKind::Unsupported);
}

#[test]
fn errors_in_place_of_an_answer() {
    for (code, kind) in [
        ("server_error", LmErrorKind::Server),
        ("rate_limit_exceeded", LmErrorKind::RateLimit),
        ("insufficient_quota", LmErrorKind::Billing),
        ("context_length_exceeded", LmErrorKind::ContextWindow),
        ("invalid_prompt", LmErrorKind::InvalidRequest),
        ("image_too_large", LmErrorKind::InvalidRequest),
        ("image_content_policy_violation", LmErrorKind::ContentFilter),
        ("bio_policy", LmErrorKind::ContentFilter),
        ("vector_store_timeout", LmErrorKind::Timeout),
        ("something_new", LmErrorKind::Server),
    ] {
        let mut failed = payload("failed", json!([]));
        failed["error"] = json!({ "code": code, "message": "It is said why, with sk-abcdefgh12345678." });
        let error = response(&failed).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (kind, "It is said why, with [redacted]."),
            "{code}"
        );
    }
    let kind = |payload: serde_json::Value| response(&payload).unwrap_err().kind();
    assert_eq!(kind(payload("failed", json!([]))), LmErrorKind::Server);
    assert_eq!(
        kind(json!({ "error": { "message": "no upstream", "code": 429 } })),
        LmErrorKind::RateLimit
    );
    assert_eq!(kind(json!({ "choices": [] })), LmErrorKind::Decode);
}
