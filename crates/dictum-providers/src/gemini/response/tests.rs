use serde_json::json;

use super::*;

fn read(parts: Value, finish: &str) -> Response {
    response(&json!({ "candidates": [{ "content": { "parts": parts, "role": "model" }, "finishReason": finish, "index": 0 }] }))
        .unwrap()
}

fn opaque_of(payload: Value) -> Part {
    Part::Opaque {
        provider: "gemini".to_owned(),
        payload,
    }
}

fn mark_of(signature: &str) -> Part {
    opaque_of(json!({ "thoughtSignature": signature }))
}

fn call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
    }
}

#[test]
fn why_an_answer_ended() {
    let table = [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        ("RECITATION", FinishReason::ContentFilter),
        ("BLOCKLIST", FinishReason::ContentFilter),
        ("PROHIBITED_CONTENT", FinishReason::ContentFilter),
        ("SPII", FinishReason::ContentFilter),
        (
            "MALFORMED_FUNCTION_CALL",
            FinishReason::Other("MALFORMED_FUNCTION_CALL".to_owned()),
        ),
        ("LANGUAGE", FinishReason::Other("LANGUAGE".to_owned())),
        ("SOMETHING_NEW", FinishReason::Other("SOMETHING_NEW".to_owned())),
    ];
    for (reason, expected) in table {
        assert_eq!(read(json!([{ "text": "x" }]), reason).finish, expected);
    }
    let called = json!([{ "functionCall": { "name": "clock" } }]);
    assert_eq!(read(called.clone(), "STOP").finish, FinishReason::ToolCalls);
    assert_eq!(read(called, "MAX_TOKENS").finish, FinishReason::Length);
}

#[test]
fn calls_have_ids_also_where_the_server_gives_none() {
    let parts = read(
        json!([
            { "functionCall": { "name": "weather", "args": { "city": "Ulm" } }, "thoughtSignature": "s1" },
            { "functionCall": { "id": "abc", "name": "clock" } },
            { "functionCall": { "name": "weather", "args": { "city": "Bonn" } } },
        ]),
        "STOP",
    )
    .parts;
    assert_eq!(
        parts,
        [
            mark_of("s1"),
            call("unnamed-call-0", "weather", json!({ "city": "Ulm" })),
            call("abc", "clock", json!({})),
            call("unnamed-call-2", "weather", json!({ "city": "Bonn" })),
        ]
    );
}

#[test]
fn thoughts_texts_and_media_keep_their_order() {
    let parts = read(
        json!([
            { "text": "Let me ", "thought": true },
            { "text": "draw.", "thought": true },
            { "text": "Here " },
            { "text": "it is:", "thoughtSignature": "s" },
            { "inlineData": { "mimeType": "image/png", "data": "UE5H" } },
            { "executableCode": { "language": "PYTHON", "code": "1" } },
            { "somethingNew": {} },
        ]),
        "STOP",
    )
    .parts;
    assert_eq!(
        parts,
        [
            Part::Reasoning {
                text: "Let me draw.".to_owned(),
                signature: None
            },
            mark_of("s"),
            Part::text("Here it is:"),
            Part::Image {
                media: Media::base64("image/png", "UE5H")
            },
            opaque_of(json!({ "executableCode": { "language": "PYTHON", "code": "1" } })),
            opaque_of(json!({ "somethingNew": {} })),
        ]
    );
}

#[test]
fn a_silent_answer_has_an_empty_text() {
    let silent =
        response(&json!({ "candidates": [{ "finishReason": "SAFETY", "safetyRatings": [] }] })).unwrap();
    assert_eq!(silent.parts, [Part::text("")]);
    let thought = read(json!([{ "text": "hm", "thought": true }]), "MAX_TOKENS");
    assert_eq!(thought.to_text(), "");
    assert_eq!(thought.parts.len(), 2);
}

#[test]
fn tokens_are_summed_as_they_are_charged() {
    let counts = json!({
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 20,
        "cachedContentTokenCount": 64,
        "candidatesTokenCount": 30,
        "thoughtsTokenCount": 50,
        "totalTokenCount": 200,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 60 }, { "modality": "AUDIO", "tokenCount": 40 }],
        "toolUsePromptTokensDetails": [{ "modality": "AUDIO", "tokenCount": 5 }],
    });
    assert_eq!(
        usage(&counts),
        Usage {
            input_tokens: Some(120),
            cached_tokens: Some(64),
            cache_write_tokens: None,
            output_tokens: Some(80),
            reasoning_tokens: Some(50),
            audio_tokens: Some(45),
            ..Usage::default()
        }
    );
    let silent = usage(&json!({ "promptTokenCount": 7, "totalTokenCount": 7 }));
    assert_eq!((silent.input_tokens, silent.output_tokens), (Some(7), Some(0)));
    assert_eq!(usage(&json!({})), Usage::default());
}

#[test]
fn what_is_no_answer_is_an_error() {
    let kind = |payload: Value| response(&payload).unwrap_err().kind();
    assert_eq!(
        kind(json!({ "promptFeedback": { "blockReason": "SAFETY" } })),
        LmErrorKind::ContentFilter
    );
    assert_eq!(
        kind(json!({ "error": { "code": 503, "status": "UNAVAILABLE", "message": "later" } })),
        LmErrorKind::Server
    );
    assert_eq!(kind(json!({ "usageMetadata": {} })), LmErrorKind::Decode);
    assert_eq!(kind(json!([])), LmErrorKind::Decode);
}

#[test]
fn signed_thoughts_are_read_and_kept_as_they_came() {
    let signed = json!({ "text": "Hm.", "thought": true, "thoughtSignature": "s" });
    let thought = Part::Reasoning {
        text: "Hm.".to_owned(),
        signature: None,
    };
    let parts = read(json!([signed, { "text": "42" }]), "STOP").parts;
    assert_eq!(parts, [thought, opaque_of(signed), Part::text("42")]);
}
