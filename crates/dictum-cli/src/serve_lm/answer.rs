//! Answers as OpenAI's API writes them.

use dictum_core::lm::{FinishReason, Response, Usage};
use serde_json::{Value, json};

/// What all pieces of an answer say about it.
#[derive(Debug, Clone)]
pub struct Head {
    /// Tells answers apart.
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model's name, as it was asked for.
    pub model: String,
}

impl Head {
    fn with(&self, object: &str, choices: Vec<Value>, usage: Option<Value>) -> Value {
        let mut whole = json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": concat!("dictum-", env!("CARGO_PKG_VERSION")),
            "choices": choices,
        });
        if let (Some(usage), Some(whole)) = (usage, whole.as_object_mut()) {
            whole.insert("usage".to_owned(), usage);
        }
        whole
    }

    /// The whole of it.
    pub fn whole(&self, answers: &[Response]) -> Value {
        let choice = |(index, answer): (usize, &Response)| {
            let text = answer.to_text();
            let message = json!({"role": "assistant", "content": text, "refusal": null});
            json!({"index": index, "message": message, "logprobs": null, "finish_reason": reason(&answer.finish)})
        };
        let usage = usage(answers.iter().map(|answer| &answer.usage));
        let choices = answers.iter().enumerate().map(choice).collect();
        self.with("chat.completion", choices, Some(usage))
    }

    /// A piece: how one answer begins, goes on or ends.
    pub fn piece(&self, index: u64, delta: Value, finish: Option<&FinishReason>) -> Value {
        let choice =
            json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish.map(reason)});
        self.with("chat.completion.chunk", vec![choice], None)
    }

    /// The last piece, where it was asked for.
    pub fn total<'a>(&self, usages: impl Iterator<Item = &'a Usage>) -> Value {
        self.with("chat.completion.chunk", Vec::new(), Some(usage(usages)))
    }
}

fn reason(finish: &FinishReason) -> &str {
    match finish {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(reason) => reason,
    }
}

/// Several answers to one prompt are one prompt, as OpenAI counts.
fn usage<'a>(usages: impl Iterator<Item = &'a Usage>) -> Value {
    let (mut prompt, mut cached, mut completion) = (0, 0, 0);
    for usage in usages {
        prompt = prompt.max(usage.input_tokens.unwrap_or(0));
        cached = cached.max(usage.cached_tokens.unwrap_or(0));
        completion += usage.output_tokens.unwrap_or(0);
    }
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    })
}
