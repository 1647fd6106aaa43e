use dictum_core::lm::{FinishReason, Response};
use serde_json::json;

use super::*;
use crate::wire::with_payload;

fn run(events: &[Value]) -> Result<(Vec<StreamEvent>, Response), LmError> {
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    for event in events {
        let data = event.to_string();
        let event = Event {
            data,
            ..Event::default()
        };
        if !assembler.is_done() {
            assembler.frame(event, &mut out)?;
        }
    }
    if !assembler.is_done() {
        assembler.finish(&mut out)?;
    }
    match out.pop() {
        Some(StreamEvent::Finished(response)) => Ok((out, *response)),
        last => panic!("ends with {last:?}"),
    }
}

fn text(text: &str) -> StreamEvent {
    StreamEvent::Text(text.to_owned())
}

fn thought(text: &str) -> StreamEvent {
    StreamEvent::Reasoning(text.to_owned())
}

/// A stream as documented: reasoning in two summaries, text in two pieces, a call.
fn documented() -> Vec<Value> {
    let reasoning = json!({
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{ "type": "summary_text", "text": "First." }, { "type": "summary_text", "text": "Then." }],
        "encrypted_content": "gAAAAABo",
    });
    let message = json!({
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{ "type": "output_text", "text": "It rains.", "annotations": [] }],
    });
    let call = json!({
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_1",
        "name": "umbrella",
        "arguments": "{\"take\":true}",
    });
    let response = json!({
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": null,
        "model": "gpt-5-mini-2025-08-07",
        "output": [reasoning, message, call],
        "usage": { "input_tokens": 10, "output_tokens": 20, "total_tokens": 30 },
    });
    let mut events = vec![
        json!({ "type": "response.created", "response": { "id": "resp_1", "status": "in_progress", "output": [] } }),
        json!({ "type": "response.in_progress", "response": { "id": "resp_1", "status": "in_progress", "output": [] } }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "id": "rs_1", "type": "reasoning", "summary": [] } }),
        json!({ "type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0, "part": { "type": "summary_text", "text": "" } }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "Fir" }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "st." }),
        json!({ "type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "First." }),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "Then." }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": reasoning }),
        json!({ "type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": { "type": "output_text", "text": "" } }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "It " }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "rains." }),
        json!({ "type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "It rains." }),
        json!({ "type": "response.output_item.done", "output_index": 1, "item": message }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"take\":" }),
        json!({ "type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"take\":true}" }),
        json!({ "type": "response.output_item.done", "output_index": 2, "item": call }),
        json!({ "type": "response.completed", "response": response }),
    ];
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

#[test]
fn the_documented_stream_is_the_answer_it_ends_with() {
    let events = documented();
    let (pieces, answer) = run(&events).unwrap();
    let call = StreamEvent::ToolCall {
        id: "call_1".to_owned(),
        name: "umbrella".to_owned(),
        arguments: json!({ "take": true }),
    };
    assert_eq!(
        pieces,
        [
            thought("Fir"),
            thought("st."),
            thought("\n\nThen."),
            text("It "),
            text("rains."),
            call
        ]
    );
    let whole = events.last().unwrap()["response"].clone();
    assert_eq!(answer, with_payload(response::response(&whole).unwrap(), &whole));
    assert!(matches!(&answer.parts[0], Part::Reasoning { text, .. } if text == "First.\n\nThen."));
}

#[test]
fn events_that_come_twice_count_once() {
    let events = documented();
    let twice: Vec<Value> = events
        .iter()
        .flat_map(|event| [event.clone(), event.clone()])
        .collect();
    assert_eq!(run(&twice).unwrap(), run(&events).unwrap());
}

#[test]
fn an_end_without_its_output_is_made_up_for() {
    let mut events = documented();
    let expected = run(&events).unwrap();
    events.last_mut().unwrap()["response"]["output"] = json!([]);
    let (pieces, answer) = run(&events).unwrap();
    assert_eq!((pieces, answer.parts), (expected.0, expected.1.parts));
}

#[test]
fn an_end_that_says_more_than_the_pieces_is_handed_on() {
    let events: Vec<Value> = documented()
        .into_iter()
        .filter(|event| {
            !["response.output_item.done", "response.output_text.delta"]
                .contains(&event["type"].as_str().unwrap())
        })
        .collect();
    let (pieces, _) = run(&events).unwrap();
    assert!(
        matches!(&pieces[3..], [StreamEvent::ToolCall { .. }, StreamEvent::Text(text)] if text == "It rains.")
    );

    let mut events = documented();
    events[10]["delta"] = json!("Sun ");
    assert_eq!(run(&events).unwrap_err().kind(), LmErrorKind::Decode);
}

#[test]
fn errors_and_ends_of_every_kind() {
    let kind = |events: &[Value]| run(events).unwrap_err().kind();
    let failed = json!({ "type": "response.failed", "response": {
        "status": "failed",
        "output": [],
        "error": { "code": "rate_limit_exceeded", "message": "slow down" },
    } });
    assert_eq!(kind(&[failed]), LmErrorKind::RateLimit);
    let error = json!({ "type": "error", "code": "server_error", "message": "it broke", "param": null, "sequence_number": 1 });
    assert_eq!(kind(&[error]), LmErrorKind::Server);
    assert_eq!(
        kind(&[json!({ "error": { "message": "overloaded", "code": 503 } })]),
        LmErrorKind::Server
    );
    assert_eq!(kind(&documented()[..12]), LmErrorKind::Transport);

    let incomplete = json!({ "type": "response.incomplete", "response": {
        "status": "incomplete",
        "incomplete_details": { "reason": "max_output_tokens" },
        "output": [],
    } });
    let (_, answer) = run(&[incomplete]).unwrap();
    assert_eq!(
        (answer.finish, answer.parts),
        (FinishReason::Length, vec![Part::text("")])
    );

    let said = |delta: &str| json!({ "type": "response.refusal.delta", "output_index": 0, "delta": delta });
    let item = json!({ "type": "message", "content": [{ "type": "refusal", "refusal": "I can't." }] });
    let ended =
        json!({ "type": "response.completed", "response": { "status": "completed", "output": [item] } });
    let (pieces, answer) = run(&[said("I "), said("can't."), ended]).unwrap();
    assert_eq!(pieces, [text("I "), text("can't.")]);
    assert_eq!(answer.finish, FinishReason::ContentFilter);
}
