use serde_json::json;

use super::*;

#[test]
fn what_has_no_part_is_kept_as_a_whole_answer_has_it() {
    let chunk = |delta: Value, more: Value| {
        let mut choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
        for (name, value) in more.as_object().unwrap() {
            choice[name] = value.clone();
        }
        json!({ "id": "chatcmpl-1", "choices": [choice], "usage": null }).to_string()
    };
    let logprobs = |token: &str| json!({ "content": [{ "token": token, "logprob": -0.1 }], "refusal": null });
    let events = [
        chunk(
            json!({ "role": "assistant", "content": "" }),
            json!({ "logprobs": null }),
        ),
        chunk(
            json!({ "content": "It " }),
            json!({ "logprobs": logprobs("It ") }),
        ),
        chunk(
            json!({ "content": "rains" }),
            json!({ "logprobs": logprobs("rains") }),
        ),
        chunk(
            json!({ "annotations": ["a"] }),
            json!({ "content_filter_results": { "hate": { "filtered": false } } }),
        ),
        chunk(json!({}), json!({ "finish_reason": "stop" })),
        "[DONE]".to_owned(),
    ];
    let mut out = Vec::new();
    let mut assembler = Assembler::default();
    for data in events {
        let event = Event {
            data,
            ..Event::default()
        };
        assembler.frame(event, &mut out).unwrap();
    }
    let Some(StreamEvent::Finished(answer)) = out.pop() else {
        panic!("no end");
    };
    assert_eq!(answer.to_text(), "It rains");
    assert_eq!(
        answer.raw.unwrap().value(),
        json!({
            "id": "chatcmpl-1",
            "choices": [{
                "index": 0,
                "logprobs": {
                    "content": [{ "token": "It ", "logprob": -0.1 }, { "token": "rains", "logprob": -0.1 }],
                    "refusal": null,
                },
                "content_filter_results": { "hate": { "filtered": false } },
                "finish_reason": "stop",
                "message": { "annotations": ["a"] },
            }],
        })
    );
}
