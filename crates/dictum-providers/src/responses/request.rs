//! From a request to the body that is sent.

use dictum_core::lm::{
    LmError, Media, MediaData, Message, Part, Request, ResponseFormat, Role, Settings, ToolChoice,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Items, kept};
use crate::openai::strict;
use crate::refusal::no_form;
use crate::wire::{self, data_url};

/// The body of a call.
pub(crate) type Body<'a> = wire::Body<&'a str, Vec<Item<'a>>>;

/// One item of the input.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Item<'a> {
    Text {
        role: &'static str,
        content: &'a str,
    },
    Parts {
        role: &'static str,
        content: Vec<Content<'a>>,
    },
    Call {
        r#type: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: String,
    },
    Result {
        r#type: &'static str,
        call_id: &'a str,
        output: String,
    },
    /// An item as it came.
    Kept(&'a Value),
}

/// One part of a message.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a> {
    Text { r#type: &'static str, text: &'a str },
    Media(Value),
}

/// The body of a call.
///
/// # Errors
/// [`LmErrorKind::Unsupported`](dictum_core::lm::LmErrorKind::Unsupported) for parts and settings that this dialect has no form for.
pub(super) fn body<'a>(
    dialect: &'a Items,
    request: &'a Request,
    settings: &Settings,
    streams: bool,
) -> Result<Body<'a>, LmError> {
    let mut input = Vec::with_capacity(request.prefix.messages().len() + request.turns.len());
    for message in request.messages() {
        write_message(dialect, message, &mut input)?;
    }
    let mut rest = Map::new();
    // Nothing is to stay with the provider; so its reasoning has to come along to be given back.
    rest.insert("store".to_owned(), json!(false));
    if dialect.reasons {
        rest.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
    }
    if !request.tools.is_empty() {
        rest.insert("tools".to_owned(), tools(request));
        if let Some(choice) = tool_choice(&request.tool_choice) {
            rest.insert("tool_choice".to_owned(), choice);
        }
    }
    if let Some(format) = &request.response_format {
        rest.insert("text".to_owned(), json!({ "format": text_format(format) }));
    }
    if streams {
        rest.insert("stream".to_owned(), json!(true));
    }
    write_settings(dialect, settings, &mut rest)?;
    Ok(Body {
        first: ("model", Some(&dialect.model)),
        second: ("input", Some(input)),
        rest,
    })
}

fn write_settings(
    dialect: &Items,
    settings: &Settings,
    body: &mut Map<String, Value>,
) -> Result<(), LmError> {
    // Names that `extra` gives or takes out are the caller's word on the matter.
    let spoken = |name: &str| settings.extra.contains_key(name);
    if !settings.stop.is_empty() && !spoken("stop") {
        return Err(unsupported("stop texts; cut the answer, or use chat completions"));
    }
    // There is no seed: it is left out, see docs/providers.md.
    if !dialect.reasons {
        for (name, value) in [("temperature", settings.temperature), ("top_p", settings.top_p)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
    }
    if let Some(tokens) = settings.max_tokens {
        body.insert("max_output_tokens".to_owned(), json!(tokens));
    }
    let mut reasoning = Map::new();
    if let Some(effort) = &settings.reasoning_effort {
        reasoning.insert("effort".to_owned(), json!(effort));
    }
    if let Some(summary) = &dialect.summary {
        reasoning.insert("summary".to_owned(), json!(summary));
    }
    if !reasoning.is_empty() {
        body.insert("reasoning".to_owned(), Value::Object(reasoning));
    }
    for (name, value) in &settings.extra {
        match (body.get_mut(name), value) {
            (_, Value::Null) => {
                body.shift_remove(name);
            }
            // `text` holds the answer's form and its verbosity: who sets the one doesn't mean to lose the other.
            (Some(Value::Object(own)), Value::Object(more)) => {
                own.extend(more.clone());
                own.retain(|_, value| !value.is_null());
            }
            (_, value) => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn tools(request: &Request) -> Value {
    request
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                // Left out, it would be taken for strict, and a schema with optional arguments for a mistake.
                "strict": false,
            })
        })
        .collect()
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Tool(name) => Some(json!({ "type": "function", "name": name })),
    }
}

fn text_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({ "type": "json_object" }),
        ResponseFormat::JsonSchema { name, schema } => {
            // A schema that the strict subset can't say is still a good hint.
            let strict = strict(schema);
            json!({
                "type": "json_schema",
                "name": name,
                "strict": strict.is_some(),
                "schema": strict.as_ref().unwrap_or(schema),
            })
        }
    }
}

/// Writes one message as items. What the model said, asked for and thought are items in their order; what it is told is one.
fn write_message<'a>(dialect: &Items, message: &'a Message, out: &mut Vec<Item<'a>>) -> Result<(), LmError> {
    let role = match message.role {
        Role::System if dialect.developer => "developer",
        // Results are items without a role; what else such a message says is the user's side.
        Role::Tool => Role::User.as_str(),
        role => role.as_str(),
    };
    let mut content = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text { text } if message.role == Role::Assistant => {
                out.push(Item::Text { role, content: text });
            }
            Part::Text { text } => content.push(Content::Text {
                r#type: "input_text",
                text,
            }),
            Part::Image { media } => content.push(Content::Media(image(media))),
            Part::File { media } => content.push(Content::Media(file(media))),
            Part::Audio { .. } => {
                return Err(unsupported("audio; chat completions have one"));
            }
            Part::ToolCall { id, name, arguments } => out.push(Item::Call {
                r#type: "function_call",
                call_id: id,
                name,
                // What was no JSON when it came is a string, and goes back as it was.
                arguments: arguments
                    .as_str()
                    .map_or_else(|| arguments.to_string(), str::to_owned),
            }),
            Part::ToolResult {
                id,
                content,
                is_error,
            } => out.push(Item::Result {
                r#type: "function_call_output",
                call_id: id,
                // The dialect has no mark for a failed tool, so the text says it.
                output: if *is_error {
                    format!("Error: {content}")
                } else {
                    content.clone()
                },
            }),
            // What can be read of it is not what is taken back.
            Part::Reasoning { .. } => {}
            Part::Opaque { provider, payload } => {
                out.extend(kept::of_openai(provider, payload).map(Item::Kept));
            }
            other => return Err(unsupported(format!("a message part of a new kind ({other:?})"))),
        }
    }
    if message.role == Role::Assistant && !content.is_empty() {
        return Err(unsupported("images or files in what the model said"));
    }
    match content.as_slice() {
        [] => {}
        [Content::Text { text, .. }] => out.push(Item::Text { role, content: text }),
        _ => out.push(Item::Parts { role, content }),
    }
    Ok(())
}

fn image(media: &Media) -> Value {
    let (name, value) = match &media.data {
        MediaData::Url(url) => ("image_url", url.clone()),
        MediaData::Base64(data) => ("image_url", data_url(media, data, "image/png")),
        MediaData::Id(id) => ("file_id", id.clone()),
    };
    json!({ "type": "input_image", "detail": "auto", name: value })
}

fn file(media: &Media) -> Value {
    match &media.data {
        MediaData::Id(id) => json!({ "type": "input_file", "file_id": id }),
        MediaData::Url(url) => json!({ "type": "input_file", "file_url": url }),
        MediaData::Base64(data) => json!({
            "type": "input_file",
            "filename": media.name.as_deref().unwrap_or("file"),
            "file_data": data_url(media, data, "application/pdf"),
        }),
    }
}

fn unsupported(what: impl std::fmt::Display) -> LmError {
    no_form("OpenAI's Responses", what)
}

#[cfg(test)]
mod tests;
