//! Answers in the forms that providers document, one file per dialect.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;
mod responses;

use axum::body::Bytes;
use serde_json::Value;

use super::Chat;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Responses,
    Anthropic,
    Gemini,
    Bedrock,
}

/// One event of a stream.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    /// Whether a proxy could send it twice and a reader still tell what is meant: it brings no text, or has a number.
    pub(super) repeatable: bool,
}

impl Dialect {
    /// The dialect that is spoken at this path.
    pub(super) fn of(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        if path.ends_with("/messages") {
            Self::Anthropic
        } else if path.ends_with("/responses") {
            Self::Responses
        } else if path.ends_with("enerateContent") {
            Self::Gemini
        } else if path.ends_with("/converse") || path.ends_with("/converse-stream") {
            Self::Bedrock
        } else {
            Self::OpenAi
        }
    }

    /// Whether a stream is asked for.
    pub(super) fn streams(self, path: &str, request: &Value) -> bool {
        match self {
            Self::Gemini => path.contains(":streamGenerateContent"),
            Self::Bedrock => path.ends_with("/converse-stream"),
            _ => request.get("stream") == Some(&Value::Bool(true)),
        }
    }

    /// The whole answer as one body.
    pub(super) fn whole(self, chat: &Chat, number: usize, request: &Value) -> Bytes {
        match self {
            Self::OpenAi => openai::whole(chat, number, request),
            Self::Responses => responses::whole(chat, number, request),
            Self::Anthropic => anthropic::whole(chat, number, request),
            Self::Gemini => gemini::whole(chat, number, request),
            Self::Bedrock => bedrock::whole(chat, request),
        }
    }

    /// The answer as an event stream.
    pub(super) fn chunks(self, chat: &Chat, number: usize, request: &Value) -> Vec<Chunk> {
        match self {
            Self::OpenAi => openai::chunks(chat, number, request),
            Self::Responses => responses::chunks(chat, number, request),
            Self::Anthropic => anthropic::chunks(chat, number, request),
            Self::Gemini => gemini::chunks(chat, number, request),
            Self::Bedrock => bedrock::chunks(chat, request),
        }
    }

    /// The media type of a stream.
    pub(super) fn stream_type(self) -> &'static str {
        match self {
            Self::Bedrock => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        }
    }
}

fn model<'a>(request: &'a Value, default: &'a str) -> &'a str {
    request.get("model").and_then(Value::as_str).unwrap_or(default)
}

/// Tokens in, of them cached, out, of them reasoning: as told, or counted with four characters to a token.
fn counts(chat: &Chat, request: &Value) -> [u64; 4] {
    let tokens = |text: &str| (text.chars().count() as u64).div_ceil(4);
    chat.usage.unwrap_or_else(|| {
        let asked = request
            .get("messages")
            .or_else(|| request.get("input"))
            .or_else(|| request.get("contents"))
            .map(Value::to_string)
            .unwrap_or_default();
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
    })
}

/// A text in pieces of about a token.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|piece| piece.iter().collect()).collect()
}

/// A tool call's arguments as a value.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
