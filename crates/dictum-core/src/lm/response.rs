//! What a model answers.

use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LmError, Part, Payload};

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Text, reasoning and tool calls, in the order the model gave them.
    pub parts: Vec<Part>,
    /// Why the model stopped.
    pub finish: FinishReason,
    /// Tokens and money, as far as known.
    pub usage: Usage,
    /// The model that answered, in the provider's words; empty when it didn't say.
    #[serde(default)]
    pub model: String,
    /// The provider's payload, for what the typed form has no place for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Payload>,
    /// Where the answer came from.
    #[serde(skip)]
    pub source: Source,
    /// How many times the model was asked for it (1 without retries, 0 when it came from a cache).
    #[serde(skip)]
    pub attempts: u32,
}

impl Response {
    /// An answer of one text, that ended by itself.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            parts: vec![Part::text(text)],
            finish: FinishReason::Stop,
            usage: Usage::default(),
            model: String::new(),
            raw: None,
            source: Source::Model,
            attempts: 1,
        }
    }

    /// The text parts, one after the other.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was done, or met a stop text.
    Stop,
    /// The token limit cut it off.
    Length,
    /// It asks for tools.
    ToolCalls,
    /// A filter of the provider stopped it.
    ContentFilter,
    /// Another reason, in the provider's words.
    Other(String),
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The model was called for it.
    #[default]
    Model,
    /// A cache had it.
    Cache,
    /// A cassette or journal had it.
    Replay,
    /// An identical call was in flight and its answer was shared.
    Shared,
}

/// Tokens and money of one call or of many. What is not known is `None`, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request.
    pub input_tokens: Option<u64>,
    /// Of these, tokens the provider or engine had kept from before.
    pub cached_tokens: Option<u64>,
    /// Also of these, tokens the provider keeps from now on and charges for keeping.
    pub cache_write_tokens: Option<u64>,
    /// Of those kept from now on, tokens kept for an hour rather than the provider's usual short time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_hour_tokens: Option<u64>,
    /// Of the request's tokens, those of audio, which some providers charge more for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: Option<u64>,
    /// Of these, tokens of reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Price in US dollars.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Tokens in and out, as far as known.
    #[must_use]
    pub fn total_tokens(&self) -> Option<u64> {
        match (self.input_tokens, self.output_tokens) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        fn add(a: &mut Option<u64>, b: Option<u64>) {
            *a = match (*a, b) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
            };
        }
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.cached_tokens, other.cached_tokens);
        add(&mut self.cache_write_tokens, other.cache_write_tokens);
        add(&mut self.cache_write_hour_tokens, other.cache_write_hour_tokens);
        add(&mut self.audio_tokens, other.audio_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        add(&mut self.reasoning_tokens, other.reasoning_tokens);
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        };
    }
}

/// A piece of an answer as it arrives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// More text.
    Text(String),
    /// More reasoning.
    Reasoning(String),
    /// A whole tool call.
    ToolCall {
        /// Id that the result must carry.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, an object.
        arguments: Value,
    },
    /// The end: the whole answer. Always the last event.
    Finished(Box<Response>),
}

/// An answer as it arrives. Dropping it cancels the call.
pub type ResponseStream = BoxStream<'static, Result<StreamEvent, LmError>>;

/// A finished answer as a stream.
pub(crate) fn replayed(response: Response) -> ResponseStream {
    let mut events: Vec<Result<StreamEvent, LmError>> = response
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(StreamEvent::Text(text.clone())),
            Part::Reasoning { text, .. } => Some(StreamEvent::Reasoning(text.clone())),
            Part::ToolCall { id, name, arguments } => Some(StreamEvent::ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
            }),
            _ => None,
        })
        .map(Ok)
        .collect();
    events.push(Ok(StreamEvent::Finished(Box::new(response))));
    Box::pin(futures_util::stream::iter(events))
}
