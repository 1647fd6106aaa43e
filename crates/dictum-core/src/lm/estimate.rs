//! How many tokens a text will be, before anyone counted.

use super::{Message, Part, Request};

/// Bytes of a token, about: English prose has 4 to 5, code and JSON 3 to 4, scripts outside ASCII 3 for a character.
const BYTES_PER_TOKEN: usize = 4;
/// What an image or a page of a file costs, about. Their size in bytes says little about it.
const MEDIA_TOKENS: u64 = 1000;
/// Role and marks around a message.
const MESSAGE_TOKENS: u64 = 4;

/// About how many tokens a text is.
pub(crate) fn text_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

impl Request {
    /// About how many tokens the messages of this request are: four bytes are taken for one, a picture for a thousand. Good
    /// enough to share out a limit or to choose a model by its context window; what was used is in
    /// [`Usage`](super::Usage).
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        self.messages().map(message_tokens).sum()
    }
}

fn message_tokens(message: &Message) -> u64 {
    message.parts.iter().map(part_tokens).sum::<u64>() + MESSAGE_TOKENS
}

fn part_tokens(part: &Part) -> u64 {
    match part {
        Part::Text { text } | Part::Reasoning { text, .. } => text_tokens(text.len()),
        Part::ToolCall { name, arguments, .. } => text_tokens(name.len() + arguments.to_string().len()),
        Part::ToolResult { content, .. } => text_tokens(content.len()),
        _ => MEDIA_TOKENS,
    }
}
