//! From a request to the body that is sent.

use dictum_core::lm::{LmError, Message, Part, Request, ResponseFormat, Role, Settings, ToolChoice};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Converse, kept, media, settings};
use crate::anthropic::narrowed;
use crate::refusal::no_form;
use crate::wire;

/// The body of a call.
pub(crate) type Body<'a> = wire::Body<Vec<WireMessage<'a>>, Vec<Block<'a>>>;

/// A body in the making.
#[derive(Debug, Default)]
struct Draft<'a> {
    messages: Vec<WireMessage<'a>>,
    system: Vec<Block<'a>>,
    /// All else, by name.
    rest: Map<String, Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct WireMessage<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

/// A block of content: an object with the one member that it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    Text(&'a str),
    Image(Value),
    Document(Value),
    Audio(Value),
    Video(Value),
    ToolUse(Value),
    ToolResult(Value),
    ReasoningContent(Value),
    CachePoint {
        r#type: &'static str,
    },
    /// A block as it came.
    #[serde(untagged)]
    Kept(&'a Value),
}

const CACHE_POINT: Block<'_> = Block::CachePoint { r#type: "default" };

/// The body of a call.
///
/// # Errors
/// [`LmErrorKind::Unsupported`](dictum_core::lm::LmErrorKind::Unsupported) for parts and settings that this dialect has no form for.
pub(super) fn body<'a>(
    dialect: &Converse,
    request: &'a Request,
    settings: &Settings,
) -> Result<Body<'a>, LmError> {
    let mut draft = Draft::default();
    let mut names = media::Names::default();
    for message in request.prefix.messages() {
        draft.message(message, &mut names)?;
    }
    if dialect.cache {
        draft.mark();
    }
    for message in &request.turns {
        draft.message(message, &mut names)?;
    }
    // A conversation that goes on has its last answer in it, and will be sent again with the next one.
    if dialect.cache && request.turns.iter().any(|turn| turn.role == Role::Assistant) {
        draft.mark();
    }
    draft.tools(request)?;
    if let Some(format) = &request.response_format {
        draft.rest.extend(output_config(format)?);
    }
    settings::write(&dialect.model, settings, &mut draft.rest)?;
    let Draft {
        messages,
        system,
        rest,
    } = draft;
    Ok(Body {
        first: ("messages", Some(messages)),
        second: ("system", (!system.is_empty()).then_some(system)),
        rest,
    })
}

impl<'a> Draft<'a> {
    /// Adds a message. Neighbours of one side are one message: most models want the sides to take turns.
    fn message(&mut self, message: &'a Message, names: &mut media::Names) -> Result<(), LmError> {
        let role = match message.role {
            Role::System => return self.system(message),
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let mut blocks = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            blocks.extend(block(part, names)?);
        }
        if blocks.is_empty() {
            // Nothing but blank text, which is refused.
            return Ok(());
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.content.append(&mut blocks),
            _ => self.messages.push(WireMessage {
                role,
                content: blocks,
            }),
        }
        Ok(())
    }

    /// Marks the end of what there is so far to be kept. Instructions come before all messages.
    fn mark(&mut self) {
        let last = self.messages.last_mut().map(|message| &mut message.content);
        let last = last.unwrap_or(&mut self.system);
        if !last.is_empty() {
            last.push(CACHE_POINT);
        }
    }

    fn system(&mut self, message: &'a Message) -> Result<(), LmError> {
        for part in &message.parts {
            let Part::Text { text } = part else {
                return Err(unsupported("anything but text in a system message"));
            };
            if !text.trim().is_empty() {
                self.system.push(Block::Text(text));
            }
        }
        Ok(())
    }

    fn tools(&mut self, request: &Request) -> Result<(), LmError> {
        if request.tools.is_empty() {
            return Ok(());
        }
        let choice = match &request.tool_choice {
            ToolChoice::Auto => None,
            ToolChoice::Required => Some(json!({ "any": {} })),
            ToolChoice::Tool(name) => Some(json!({ "tool": { "name": name } })),
            // There is no "none". Tools that are not told can't be called; but with calls in the messages, they must be.
            ToolChoice::None if self.has_calls() => {
                return Err(unsupported(
                    "tools that must not be called once some have been; let the model choose",
                ));
            }
            ToolChoice::None => return Ok(()),
        };
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                let mut spec = json!({ "name": tool.name, "inputSchema": { "json": tool.parameters } });
                // An empty description is refused.
                if let (false, Some(spec)) = (tool.description.is_empty(), spec.as_object_mut()) {
                    spec.insert("description".to_owned(), json!(tool.description));
                }
                json!({ "toolSpec": spec })
            })
            .collect();
        let mut config = Map::new();
        config.insert("tools".to_owned(), Value::Array(tools));
        config.extend(choice.map(|choice| ("toolChoice".to_owned(), choice)));
        self.rest.insert("toolConfig".to_owned(), Value::Object(config));
        Ok(())
    }

    fn has_calls(&self) -> bool {
        let mut blocks = self.messages.iter().flat_map(|message| &message.content);
        blocks.any(|block| matches!(block, Block::ToolUse(_) | Block::ToolResult(_)))
    }
}

/// The block that a part is, if any.
fn block<'a>(part: &'a Part, names: &mut media::Names) -> Result<Option<Block<'a>>, LmError> {
    Ok(Some(match part {
        // Blank text is refused wherever it stands, and says nothing.
        Part::Text { text } if text.trim().is_empty() => return Ok(None),
        Part::Text { text } => Block::Text(text),
        Part::Image { media } => Block::Image(media::image(media)?),
        Part::Audio { media } => Block::Audio(media::audio(media)?),
        Part::File { media } if media.media_type.starts_with("video/") => Block::Video(media::video(media)?),
        Part::File { media } => Block::Document(media::document(media, names)?),
        Part::ToolCall { id, name, arguments } => Block::ToolUse(json!({
            "toolUseId": id,
            "name": name,
            // Only objects are taken; what was none when the model gave it is shown in one.
            "input": if arguments.is_object() { arguments.clone() } else { json!({ "arguments": arguments }) },
        })),
        Part::ToolResult {
            id,
            content,
            is_error,
        } => {
            let mut result = json!({ "toolUseId": id, "content": [{ "text": content }] });
            // Not every model takes a status, and success is what it is without one.
            if let (true, Some(result)) = (*is_error, result.as_object_mut()) {
                result.insert("status".to_owned(), json!("error"));
            }
            Block::ToolResult(result)
        }
        Part::Reasoning { text, signature } => match kept::signed(text, signature.as_deref()) {
            Some(block) => Block::ReasoningContent(block),
            None => return Ok(None),
        },
        Part::Opaque { provider, payload } => {
            return Ok(kept::of_bedrock(provider, payload).map(Block::Kept));
        }
        other => return Err(unsupported(format!("a message part of a new kind ({other:?})"))),
    }))
}

/// The member that holds the answer to a schema. One beyond the subset is not sent: the prompt describes the layout anyway.
fn output_config(format: &ResponseFormat) -> Result<Option<(String, Value)>, LmError> {
    let ResponseFormat::JsonSchema { name, schema } = format else {
        return Err(unsupported("an answer that is some JSON object; give a schema"));
    };
    let config = narrowed(schema).map(|schema| {
        json!({
            "textFormat": {
                "type": "json_schema",
                // The schema goes as text.
                "structure": { "jsonSchema": { "name": name, "schema": schema.to_string() } },
            },
        })
    });
    Ok(config.map(|config| ("outputConfig".to_owned(), config)))
}

pub(super) fn unsupported(what: impl std::fmt::Display) -> LmError {
    no_form("Bedrock's Converse calls", what)
}

#[cfg(test)]
mod tests;
