//! From a request to the body that is sent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dictum_core::lm::{
    LmError, LmErrorKind, Media, MediaData, Message, Part, Request, ResponseFormat, Role, Settings,
    ToolChoice,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::schema::narrowed;
use super::{Messages, PROVIDER};
use crate::refusal::no_form;
use crate::wire::{self, media_type, merge_extra};

/// The body of a call.
pub(crate) type Body<'a> = wire::Body<Vec<Block<'a>>, Vec<WireMessage<'a>>>;

#[derive(Debug, Serialize)]
pub(crate) struct WireMessage<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Block<'a> {
    #[serde(flatten)]
    kind: Kind<'a>,
    /// "Keep everything up to here."
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    #[serde(untagged)]
    Opaque(&'a Value),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'static str, data: String },
    Url { url: &'a str },
    File { file_id: &'a str },
}

/// The body of a call.
///
/// # Errors
/// [`LmErrorKind::Unsupported`] for parts that this dialect has no form for, and for thinking that the token limit leaves no
/// room for.
pub(super) fn body<'a>(
    dialect: &Messages,
    request: &'a Request,
    settings: &Settings,
    streams: bool,
) -> Result<Body<'a>, LmError> {
    let mut conversation = Conversation::default();
    for message in request.prefix.messages() {
        conversation.add(message)?;
    }
    if dialect.caching {
        conversation.mark();
    }
    for message in &request.turns {
        conversation.add(message)?;
    }
    // A conversation that goes on has its last answer in it, and will be sent again with the next one.
    if dialect.caching && request.turns.iter().any(|turn| turn.role == Role::Assistant) {
        conversation.mark();
    }
    let mut rest = Map::new();
    rest.insert("model".to_owned(), json!(dialect.model));
    write_settings(dialect, request, settings, &mut rest)?;
    if !request.tools.is_empty() {
        rest.insert("tools".to_owned(), tools(request));
        if let Some(choice) = tool_choice(&request.tool_choice) {
            rest.insert("tool_choice".to_owned(), choice);
        }
    }
    if streams {
        rest.insert("stream".to_owned(), json!(true));
    }
    merge_extra(&settings.extra, &mut rest);
    let Conversation { system, messages } = conversation;
    Ok(Body {
        first: ("system", (!system.is_empty()).then_some(system)),
        second: ("messages", Some(messages)),
        rest,
    })
}

fn write_settings(
    dialect: &Messages,
    request: &Request,
    settings: &Settings,
    body: &mut Map<String, Value>,
) -> Result<(), LmError> {
    let mut max_tokens = settings.max_tokens.unwrap_or(dialect.facts.max_tokens());
    let mut config = Map::new();
    let mut thinks = false;
    match settings.reasoning_effort.as_deref() {
        None => {}
        Some("none") if dialect.facts.adaptive() => {
            body.insert("thinking".to_owned(), json!({ "type": "disabled" }));
        }
        Some("none") => {}
        Some(effort) if dialect.facts.adaptive() => {
            thinks = true;
            body.insert("thinking".to_owned(), json!({ "type": "adaptive" }));
            config.insert("effort".to_owned(), json!(effort));
        }
        Some(effort) => {
            thinks = true;
            let budget = budget(effort, settings.max_tokens)?;
            if settings.max_tokens.is_none() {
                max_tokens = max_tokens.saturating_add(budget);
            }
            body.insert(
                "thinking".to_owned(),
                json!({ "type": "enabled", "budget_tokens": budget }),
            );
        }
    }
    body.insert("max_tokens".to_owned(), json!(max_tokens));
    if dialect.facts.sampling() && !thinks {
        if let Some(temperature) = settings.temperature {
            body.insert("temperature".to_owned(), json!(temperature));
        }
        if let Some(top_p) = settings.top_p
            && (dialect.facts.both() || settings.temperature.is_none())
        {
            body.insert("top_p".to_owned(), json!(top_p));
        }
    }
    if !settings.stop.is_empty() {
        body.insert("stop_sequences".to_owned(), json!(settings.stop));
    }
    match request.response_format.as_deref() {
        None => {}
        Some(ResponseFormat::JsonObject) => return Err(unsupported("a JSON object without a schema")),
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            if let Some(schema) = narrowed(schema) {
                config.insert(
                    "format".to_owned(),
                    json!({ "type": "json_schema", "schema": schema }),
                );
            }
        }
    }
    if !config.is_empty() {
        body.insert("output_config".to_owned(), Value::Object(config));
    }
    Ok(())
}

/// The tokens a model without adaptive thinking may think for. They count towards the limit, which is the caller's to set: then
/// half of it is the most.
pub(crate) fn budget(effort: &str, max_tokens: Option<u32>) -> Result<u32, LmError> {
    const LEAST: u32 = 1024;
    let wanted = match effort {
        "minimal" => LEAST,
        "low" => 2 * LEAST,
        "medium" => 8 * LEAST,
        "high" => 16 * LEAST,
        other => {
            return Err(unsupported(format!(
                "the reasoning effort `{other}` of this model"
            )));
        }
    };
    let budget = max_tokens.map_or(wanted, |limit| wanted.min(limit / 2));
    if budget < LEAST {
        let message = "this model thinks for at least 1024 tokens: set max_tokens to 2048 or more, or no reasoning effort";
        return Err(LmError::new(LmErrorKind::Unsupported, message));
    }
    Ok(budget)
}

fn tools(request: &Request) -> Value {
    request
        .tools
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters }))
        .collect()
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!({ "type": "none" })),
        ToolChoice::Required => Some(json!({ "type": "any" })),
        ToolChoice::Tool(name) => Some(json!({ "type": "tool", "name": name })),
    }
}

/// The messages as they are sent.
#[derive(Default)]
struct Conversation<'a> {
    system: Vec<Block<'a>>,
    messages: Vec<WireMessage<'a>>,
}

impl<'a> Conversation<'a> {
    fn add(&mut self, message: &'a Message) -> Result<(), LmError> {
        let role = match message.role {
            Role::System => {
                for part in &message.parts {
                    if let Some(block) = block(part, message.role)? {
                        self.system.push(block);
                    }
                }
                return Ok(());
            }
            // The results of tools are told by the user, and all those of one answer in one message.
            Role::User | Role::Tool => Role::User.as_str(),
            Role::Assistant => Role::Assistant.as_str(),
        };
        let mut content = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            content.extend(block(part, message.role)?);
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ if content.is_empty() => {}
            _ => self.messages.push(WireMessage { role, content }),
        }
        Ok(())
    }

    /// Marks the end of what was added so far. The server allows four marks; there are never more than two.
    fn mark(&mut self) {
        let content = self
            .messages
            .last_mut()
            .map_or(&mut self.system, |last| &mut last.content);
        let can_be_marked =
            |block: &&mut Block<'_>| !matches!(block.kind, Kind::Thinking { .. } | Kind::Opaque(_));
        if let Some(block) = content.iter_mut().rev().find(can_be_marked) {
            block.cache_control = Some(json!({ "type": "ephemeral" }));
        }
    }
}

/// The block of a part; `None` for an empty text, which the server refuses, and for what is another model's.
fn block<'a>(part: &'a Part, role: Role) -> Result<Option<Block<'a>>, LmError> {
    let kind = match part {
        Part::Text { text } if text.is_empty() => return Ok(None),
        Part::Text { text } => Kind::Text { text },
        Part::Image { media } => Kind::Image { source: image(media) },
        Part::Audio { .. } => return Err(unsupported("audio")),
        Part::File { media } => Kind::Document {
            source: document(media)?,
            title: media.name.as_deref(),
        },
        Part::ToolCall { id, name, arguments } => Kind::ToolUse {
            id,
            name,
            // Arguments that were not JSON have no other way back.
            input: if arguments.is_object() {
                arguments.clone()
            } else {
                json!({ "arguments": arguments })
            },
        },
        Part::ToolResult {
            id,
            content,
            is_error,
        } => Kind::ToolResult {
            tool_use_id: id,
            content,
            is_error: *is_error,
        },
        Part::Reasoning {
            text,
            signature: Some(signature),
        } if role == Role::Assistant => Kind::Thinking {
            thinking: text,
            signature,
        },
        Part::Opaque { provider, payload } if provider == PROVIDER => Kind::Opaque(payload),
        Part::Reasoning { .. } | Part::Opaque { .. } => return Ok(None),
        other => return Err(unsupported(format!("a message part of a new kind ({other:?})"))),
    };
    Ok(Some(Block {
        kind,
        cache_control: None,
    }))
}

fn image(media: &Media) -> Source<'_> {
    match &media.data {
        MediaData::Base64(data) => Source::Base64 {
            media_type: media_type(media, "image/png"),
            data,
        },
        MediaData::Url(url) => Source::Url { url },
        MediaData::Id(id) => Source::File { file_id: id },
    }
}

fn document(media: &Media) -> Result<Source<'_>, LmError> {
    Ok(match &media.data {
        MediaData::Url(url) => Source::Url { url },
        MediaData::Id(id) => Source::File { file_id: id },
        MediaData::Base64(data) => match media.media_type.as_str() {
            "" | "application/pdf" => Source::Base64 {
                media_type: "application/pdf",
                data,
            },
            // Text goes as text.
            text if text.starts_with("text/") => {
                let bytes = BASE64_STANDARD.decode(data.as_bytes()).ok();
                let Some(data) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
                    let message = "a text file must be UTF-8, given as base64";
                    return Err(LmError::new(LmErrorKind::InvalidRequest, message));
                };
                Source::Text {
                    media_type: "text/plain",
                    data,
                }
            }
            other => return Err(unsupported(format!("a file of type {other}; give a PDF or text"))),
        },
    })
}

fn unsupported(what: impl std::fmt::Display) -> LmError {
    no_form("Anthropic's messages", what)
}

#[cfg(test)]
mod tests;
