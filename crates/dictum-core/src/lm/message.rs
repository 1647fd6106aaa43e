//! Messages and their parts.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Media;

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions to the model.
    System,
    /// The person or program asking.
    User,
    /// The model.
    Assistant,
    /// Results of tool calls.
    Tool,
}

impl Role {
    /// The role as a word, as most providers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message: a role and its parts, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who it is from.
    pub role: Role,
    /// What it holds.
    pub parts: Vec<Part>,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image {
        /// Its content or where it is.
        media: Media,
    },
    /// A sound.
    Audio {
        /// Its content or where it is.
        media: Media,
    },
    /// A document.
    File {
        /// Its content or where it is.
        media: Media,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Id that the result must carry.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, an object.
        arguments: Value,
    },
    /// What a tool gave.
    ToolResult {
        /// Id of the call it answers.
        id: String,
        /// The result as text.
        content: String,
        /// Whether the tool failed.
        is_error: bool,
    },
    /// The model's reasoning, apart from its answer.
    Reasoning {
        /// The reasoning as text; may be a summary or empty.
        text: String,
        /// The provider's signature or encrypted form, to be sent back unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// Something that only its provider understands (encrypted reasoning, the steps of a tool that runs at the provider), to be
    /// sent back unchanged in its place. Other providers leave it out.
    Opaque {
        /// The provider, the part of a model's name before the slash: `anthropic`.
        provider: String,
        /// What it sent.
        payload: Value,
    },
}

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

impl fmt::Display for Part {
    /// The part for people to read: text as it is, all else in angle brackets, media by their kind and size only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text } => f.write_str(text),
            Self::Image { media } | Self::Audio { media } | Self::File { media } => write!(f, "<{media:?}>"),
            Self::ToolCall { name, arguments, .. } => write!(f, "<calls {name}{arguments}>"),
            Self::ToolResult { content, .. } => write!(f, "<tool gave {content}>"),
            Self::Reasoning { text, .. } => write!(f, "<reasoning: {text}>"),
            Self::Opaque { provider, .. } => write!(f, "<something for {provider}>"),
        }
    }
}

impl Message {
    /// A message of one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            parts: vec![Part::text(text)],
        }
    }

    /// A system message.
    pub fn system(text: impl Into<String>) -> Self {
        Self::text(Role::System, text)
    }

    /// A user message.
    pub fn user(text: impl Into<String>) -> Self {
        Self::text(Role::User, text)
    }

    /// An assistant message.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::text(Role::Assistant, text)
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
