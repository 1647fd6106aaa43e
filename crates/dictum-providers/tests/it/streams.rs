use dictum_core::lm::{LmErrorKind, StreamEvent};
use dictum_testkit::{Chat, FakeServer, Fault, Reply};
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::json;

use crate::{ask, call, chunked, lm, read};

fn chunk(delta: &serde_json::Value, finish: &serde_json::Value) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    format!(
        "data: {}\n\n",
        json!({ "id": "1", "model": "m", "choices": [choice] })
    )
}

#[tokio::test]
async fn pieces_come_in_order_and_as_they_are() {
    let server = FakeServer::scripted([Chat {
        reasoning: Some("hmm".to_owned()),
        ..Chat::text("one two three")
    }
    .into()]);
    let (events, _) = read(lm(&server).stream(&ask("x"), &Default::default()).await)
        .await
        .unwrap();
    let text = |text: &str| StreamEvent::Text(text.to_owned());
    assert_eq!(
        events,
        [
            StreamEvent::Reasoning("hmm".to_owned()),
            text("one "),
            text("two "),
            text("thre"),
            text("e")
        ]
    );
}

#[tokio::test]
async fn servers_that_are_only_nearly_compatible() {
    // No end mark; comments as heartbeats; carriage returns; usage with the last choice; a tool call whole at once.
    let arguments = json!({ "city": "Ulm" });
    let call_delta =
        json!({ "tool_calls": [{ "id": "a", "function": { "name": "weather", "arguments": arguments } }] });
    let last = json!({
        "choices": [{ "delta": {}, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 4 },
    });
    let text = format!(
        ": processing\r\n\r\n{}{}data: {last}",
        chunk(
            &json!({ "role": "assistant", "content": null, "reasoning": "hm" }),
            &json!(null)
        )
        .replace('\n', "\r\n"),
        chunk(&call_delta, &json!(null)),
    );
    let server = FakeServer::scripted([Reply::chunks([text])]);
    let (events, response) = read(lm(&server).stream(&ask("x"), &Default::default()).await)
        .await
        .unwrap();
    assert_eq!(events.len(), 2);
    assert!(
        matches!(&events[1], StreamEvent::ToolCall { name, arguments, .. } if name == "weather" && arguments["city"] == "Ulm")
    );
    assert_eq!(
        (response.usage.total_tokens(), response.parts.len()),
        (Some(7), 2)
    );
}

#[tokio::test]
async fn the_end_mark_is_the_end_though_the_connection_stays_open() {
    let text = format!(
        "{}data: [DONE]\n\n",
        chunk(&json!({ "content": "hi" }), &json!("stop"))
    );
    let server = FakeServer::scripted([Reply::chunks([text, String::new()]).broken(Fault::Stall(1))]);
    assert_eq!(call(&lm(&server), true, &ask("x")).await.unwrap().to_text(), "hi");
}

#[tokio::test]
async fn a_stream_cut_off_is_an_error_after_what_came() {
    for fault in [Some(Fault::Reset(2)), None] {
        let whole = [
            chunk(&json!({ "content": "hal" }), &json!(null)),
            chunk(&json!({ "content": "f" }), &json!(null)),
            "x".to_owned(),
        ];
        let reply = match fault {
            Some(fault) => Reply::chunks(whole).broken(fault),
            None => Reply::chunks(whole.into_iter().take(2)),
        };
        let server = FakeServer::scripted([reply]);
        let mut stream = lm(&server).stream(&ask("x"), &Default::default()).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event);
        }
        let last = events.pop().unwrap().unwrap_err();
        assert_eq!((events.len(), last.kind()), (2, LmErrorKind::Transport), "{last}");
    }
}

#[tokio::test]
async fn what_came_before_a_fault_is_not_lost_with_it() {
    let good = chunk(&json!({ "content": "half" }), &json!(null));
    for (fault, kind) in [
        ("data: {broken\n\n", LmErrorKind::Decode),
        (
            "data: \u{fffd}\n\ndata: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n",
            LmErrorKind::Decode,
        ),
        (
            "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n",
            LmErrorKind::Server,
        ),
    ] {
        let server = FakeServer::scripted([Reply::chunks([format!("{good}{fault}")])]);
        let mut stream = lm(&server).stream(&ask("x"), &Default::default()).await.unwrap();
        assert_eq!(
            stream.next().await.unwrap().unwrap(),
            StreamEvent::Text("half".to_owned())
        );
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), kind);
        assert!(stream.next().await.is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing(text in "\\PC{1,40}", cuts in prop::collection::vec(0usize..2000, 0..12)) {
        let whole = format!(
            "{}{}data: [DONE]\n\n",
            chunk(&json!({ "content": text }), &json!(null)),
            chunk(&json!({}), &json!("stop")),
        );
        let chunks = chunked(&whole, cuts);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let server = FakeServer::scripted([Reply::chunks(chunks)]);
            call(&lm(&server), true, &ask("x")).await.unwrap().to_text()
        });
        prop_assert_eq!(answer, text);
    }
}
