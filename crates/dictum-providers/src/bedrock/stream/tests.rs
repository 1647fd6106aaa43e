use bytes::Bytes;
use dictum_core::lm::{FinishReason, LmErrorKind, Response};
use serde_json::json;

use super::*;

fn event(name: &str, payload: Value) -> Frame {
    Frame {
        kind: FrameKind::Event(name.to_owned()),
        payload: Bytes::from(payload.to_string()),
    }
}

fn delta(place: u64, delta: Value) -> Frame {
    event(
        "contentBlockDelta",
        json!({ "contentBlockIndex": place, "delta": delta, "p": "abcdefgh" }),
    )
}

fn run(frames: &[Frame]) -> Result<(Vec<StreamEvent>, Response), LmError> {
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    for frame in frames {
        assembler.frame(frame.clone(), &mut out)?;
    }
    if !assembler.is_done() {
        assembler.finish(&mut out)?;
    }
    match out.pop() {
        Some(StreamEvent::Finished(response)) => Ok((out, *response)),
        last => panic!("ends with {last:?}"),
    }
}

fn documented() -> Vec<Frame> {
    let stop = |place: u64| event("contentBlockStop", json!({ "contentBlockIndex": place }));
    let call = json!({ "toolUse": { "toolUseId": "tooluse_1", "name": "umbrella" } });
    let own = json!({ "toolUse": { "toolUseId": "srv_1", "name": "search", "type": "server_tool_use" } });
    let found =
        json!({ "toolResult": { "toolUseId": "srv_1", "type": "search_result", "status": "success" } });
    vec![
        event("messageStart", json!({ "role": "assistant", "p": "abc" })),
        delta(0, json!({ "reasoningContent": { "text": "Rain " } })),
        delta(0, json!({ "reasoningContent": { "text": "likely." } })),
        delta(0, json!({ "reasoningContent": { "signature": "EqQBCgIYAhIk" } })),
        stop(0),
        delta(
            1,
            json!({ "reasoningContent": { "redactedContent": "c2VjcmV0" } }),
        ),
        stop(1),
        delta(2, json!({ "text": "" })),
        delta(2, json!({ "text": "It " })),
        delta(2, json!({ "citation": { "title": "t" } })),
        delta(2, json!({ "text": "rains." })),
        stop(2),
        event(
            "contentBlockStart",
            json!({ "contentBlockIndex": 3, "start": own }),
        ),
        delta(3, json!({ "toolUse": { "input": "{\"q\":1}" } })),
        stop(3),
        event(
            "contentBlockStart",
            json!({ "contentBlockIndex": 5, "start": found }),
        ),
        delta(5, json!({ "toolResult": [{ "text": "Rain" }] })),
        delta(
            5,
            json!({ "toolResult": [{ "text": "y." }, { "json": { "mm": 3 } }] }),
        ),
        stop(5),
        event(
            "contentBlockStart",
            json!({ "contentBlockIndex": 4, "start": call }),
        ),
        delta(4, json!({ "toolUse": { "input": "{\"take\"" } })),
        delta(4, json!({ "toolUse": { "input": ":true}" } })),
        stop(4),
        event("messageStop", json!({ "stopReason": "tool_use" })),
        event(
            "metadata",
            json!({ "usage": { "inputTokens": 10, "outputTokens": 25, "totalTokens": 35 }, "metrics": { "latencyMs": 9 }, "p": "x" }),
        ),
    ]
}

#[test]
fn the_documented_stream_is_the_answer_as_it_would_have_been_whole() {
    let (pieces, answer) = run(&documented()).unwrap();
    let call = StreamEvent::ToolCall {
        id: "tooluse_1".to_owned(),
        name: "umbrella".to_owned(),
        arguments: json!({ "take": true }),
    };
    assert_eq!(
        pieces,
        [
            StreamEvent::Reasoning("Rain ".to_owned()),
            StreamEvent::Reasoning("likely.".to_owned()),
            StreamEvent::Text("It ".to_owned()),
            StreamEvent::Text("rains.".to_owned()),
            call,
        ]
    );
    let whole = response::response(&json!({
        "output": { "message": { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "Rain likely.", "signature": "EqQBCgIYAhIk" } } },
            { "reasoningContent": { "redactedContent": "c2VjcmV0" } },
            { "text": "It rains." },
            { "toolUse": { "toolUseId": "srv_1", "name": "search", "type": "server_tool_use", "input": { "q": 1 } } },
            { "toolUse": { "toolUseId": "tooluse_1", "name": "umbrella", "input": { "take": true } } },
            { "toolResult": { "toolUseId": "srv_1", "type": "search_result", "status": "success", "content": [{ "text": "Rainy." }, { "json": { "mm": 3 } }] } },
        ] } },
        "stopReason": "tool_use",
        "usage": { "inputTokens": 10, "outputTokens": 25, "totalTokens": 35 },
    }))
    .unwrap();
    assert_eq!(
        (&answer.parts, &answer.finish, answer.usage),
        (&whole.parts, &whole.finish, whole.usage)
    );
    assert_eq!(
        answer.raw.unwrap().value(),
        json!({ "stopReason": "tool_use", "usage": { "inputTokens": 10, "outputTokens": 25, "totalTokens": 35 }, "metrics": { "latencyMs": 9 } })
    );
}

#[test]
fn an_end_without_usage_is_an_end_and_none_is_an_error() {
    let mut frames = documented();
    frames.pop();
    let (_, answer) = run(&frames).unwrap();
    assert_eq!(
        (answer.finish, answer.usage.input_tokens),
        (FinishReason::ToolCalls, None)
    );
    frames.pop();
    assert_eq!(run(&frames).unwrap_err().kind(), LmErrorKind::Transport);
}

#[test]
fn an_exception_ends_it() {
    let exception = Frame {
        kind: FrameKind::Exception("throttlingException".to_owned()),
        payload: Bytes::from_static(br#"{"message":"slow down"}"#),
    };
    let mut frames = documented();
    frames.insert(9, exception);
    assert_eq!(run(&frames).unwrap_err().kind(), LmErrorKind::RateLimit);
    let broken = Frame {
        kind: FrameKind::Event("metadata".to_owned()),
        payload: Bytes::from_static(b"{half"),
    };
    assert_eq!(run(&[broken]).unwrap_err().kind(), LmErrorKind::Decode);
}
