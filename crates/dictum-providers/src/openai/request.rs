//! From a request to the body that is sent.

use std::borrow::Cow;
use std::sync::Arc;

use dictum_core::lm::{
    LmError, Media, MediaData, Message, Part, Request, ResponseFormat, Role, Settings, ToolChoice,
};
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Chat;
use super::schema::strict;
use crate::refusal::no_form;
use crate::wire::{self, data_url, merge_extra};

/// Whether a name is one of OpenAI's reasoning models, `o3-mini` or `gpt-5.1` say, also as routers write it
/// (`openai/o3-mini`). They take other parameters than the rest.
pub(crate) fn is_reasoning_model(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let ends = |rest: &str| rest.is_empty() || rest.starts_with('-');
    if let Some(rest) = name.strip_prefix("gpt-5") {
        let rest = rest.strip_prefix('.').map_or(rest, |minor| {
            minor.trim_start_matches(|c: char| c.is_ascii_digit())
        });
        return ends(rest) && !rest.starts_with("-chat");
    }
    name.strip_prefix('o').is_some_and(|rest| {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        after.len() < rest.len() && ends(after)
    })
}

/// The body of a call.
pub(crate) type Body<'a> = wire::Body<&'a str, Messages<'a>>;

/// The messages of a call. Those of the prefix are the same in every call and were written before; it may be nearly all of a
/// prompt.
#[derive(Debug)]
pub(crate) struct Messages<'a> {
    prefix: Arc<Written>,
    turns: Vec<WireMessage<'a>>,
}

/// Messages of this dialect as JSON.
#[derive(Debug)]
struct Written(Vec<Box<RawValue>>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.prefix.0.len() + self.turns.len()))?;
        for message in &self.prefix.0 {
            all.serialize_element(message)?;
        }
        for message in &self.turns {
            all.serialize_element(message)?;
        }
        all.end()
    }
}

/// The body of a call.
///
/// # Errors
/// [`LmErrorKind::Unsupported`](dictum_core::lm::LmErrorKind::Unsupported) for parts that this dialect has no form for.
pub(super) fn body<'a>(
    dialect: &'a Chat,
    request: &'a Request,
    settings: &Settings,
    streams: bool,
) -> Result<Body<'a>, LmError> {
    // All of the dialect that `write_message` looks at.
    let key = [dialect.developer, dialect.own, dialect.strict_fields];
    let key = key.iter().fold(0, |key, flag| key << 1 | u64::from(*flag));
    let prefix = request.prefix.written(key, |messages| {
        let written = write_messages(dialect, messages)?;
        let raw = written.iter().map(serde_json::value::to_raw_value);
        raw.collect::<Result<_, _>>()
            .map(Written)
            .map_err(wire::unwritable)
    })?;
    let turns = write_messages(dialect, &request.turns)?;
    let mut rest = Map::new();
    if !request.tools.is_empty() {
        rest.insert("tools".to_owned(), tools(request));
        if let Some(choice) = tool_choice(&request.tool_choice) {
            rest.insert("tool_choice".to_owned(), choice);
        }
    }
    if let Some(format) = &request.response_format {
        rest.insert("response_format".to_owned(), response_format(format));
    }
    if streams {
        rest.insert("stream".to_owned(), json!(true));
        // Where it is refused, usage comes with the last chunk anyway.
        if !dialect.strict_fields {
            rest.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
    }
    write_settings(dialect, settings, &mut rest);
    Ok(Body {
        first: ("model", Some(&dialect.model)),
        second: ("messages", Some(Messages { prefix, turns })),
        rest,
    })
}

fn write_settings(dialect: &Chat, settings: &Settings, body: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    if !dialect.reasoning {
        set("temperature", settings.temperature.map(Value::from));
        set("top_p", settings.top_p.map(Value::from));
    }
    let limit = if dialect.reasoning {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    set(limit, settings.max_tokens.map(Value::from));
    set("stop", (!settings.stop.is_empty()).then(|| json!(settings.stop)));
    let seed = if dialect.strict_fields {
        "random_seed"
    } else {
        "seed"
    };
    set(seed, settings.seed.map(Value::from));
    set(
        "reasoning_effort",
        settings.reasoning_effort.as_deref().map(Value::from),
    );
    merge_extra(&settings.extra, body);
}

fn tools(request: &Request) -> Value {
    request
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function",
                "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters },
            })
        })
        .collect()
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Tool(name) => Some(json!({ "type": "function", "function": { "name": name } })),
    }
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({ "type": "json_object" }),
        ResponseFormat::JsonSchema { name, schema } => {
            // A schema that the strict subset can't say is still a good hint.
            let strict = strict(schema);
            json!({
                "type": "json_schema",
                "json_schema": { "name": name, "strict": strict.is_some(), "schema": strict.as_ref().unwrap_or(schema) },
            })
        }
    }
}

/// A message as it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct WireMessage<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Value },
    InputAudio { input_audio: Value },
    File { file: Value },
}

fn write_messages<'a>(dialect: &Chat, messages: &'a [Message]) -> Result<Vec<WireMessage<'a>>, LmError> {
    let mut written = Vec::with_capacity(messages.len());
    for message in messages {
        write_message(dialect, message, &mut written)?;
    }
    Ok(written)
}

/// Writes one message, or several: each tool result is a message of its own.
fn write_message<'a>(
    dialect: &Chat,
    message: &'a Message,
    out: &mut Vec<WireMessage<'a>>,
) -> Result<(), LmError> {
    let plain = |content| WireMessage {
        role: match message.role {
            Role::System if dialect.developer => "developer",
            role => role.as_str(),
        },
        tool_call_id: None,
        content,
        tool_calls: Vec::new(),
        reasoning_content: String::new(),
    };
    // Every server takes one text as a plain string; not every one takes parts.
    if let [Part::Text { text }] = message.parts.as_slice() {
        out.push(plain(Some(Content::Text(text.into()))));
        return Ok(());
    }
    let mut content = Vec::new();
    let mut written = plain(None);
    let mut results = false;
    for part in &message.parts {
        match part {
            Part::Text { text } => content.push(WirePart::Text { text }),
            Part::Image { media } => content.push(image(media)?),
            Part::Audio { media } => content.push(audio(media)?),
            Part::File { media } => content.push(file(media)?),
            Part::ToolCall { id, name, arguments } => written.tool_calls.push(json!({
                "id": id,
                "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            })),
            Part::ToolResult {
                id,
                content,
                is_error,
            } => {
                results = true;
                // The dialect has no mark for a failed tool, so the text says it.
                let content = if *is_error {
                    format!("Error: {content}").into()
                } else {
                    content.into()
                };
                out.push(WireMessage {
                    role: Role::Tool.as_str(),
                    tool_call_id: Some(id),
                    ..plain(Some(Content::Text(content)))
                });
            }
            // OpenAI's server and Mistral's refuse fields they do not know; the others want their reasoning back.
            Part::Reasoning { text, .. }
                if message.role == Role::Assistant && !dialect.own && !dialect.strict_fields =>
            {
                written.reasoning_content.push_str(text);
            }
            Part::Reasoning { .. } | Part::Opaque { .. } => {}
            other => return Err(unsupported(format!("a message part of a new kind ({other:?})"))),
        }
    }
    written.content = match content.as_slice() {
        [WirePart::Text { text }] => Some(Content::Text((*text).into())),
        [] if !written.tool_calls.is_empty() => None,
        // A message of tool results alone has been written.
        [] if results => return Ok(()),
        [] => Some(Content::Text("".into())),
        _ => Some(Content::Parts(content)),
    };
    out.push(written);
    Ok(())
}

fn image<'a>(media: &Media) -> Result<WirePart<'a>, LmError> {
    let url = match &media.data {
        MediaData::Url(url) => url.clone(),
        MediaData::Base64(data) => data_url(media, data, "image/png"),
        MediaData::Id(_) => return Err(unsupported("an image by file id; give its content or address")),
    };
    Ok(WirePart::ImageUrl {
        image_url: json!({ "url": url }),
    })
}

fn audio<'a>(media: &Media) -> Result<WirePart<'a>, LmError> {
    let MediaData::Base64(data) = &media.data else {
        return Err(unsupported("audio by address or id; give its content"));
    };
    let format = match media.media_type.as_str() {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/wav" | "audio/x-wav" | "audio/wave" | "" => "wav",
        other => other.rsplit('/').next().unwrap_or(other),
    };
    Ok(WirePart::InputAudio {
        input_audio: json!({ "data": data, "format": format }),
    })
}

fn file<'a>(media: &Media) -> Result<WirePart<'a>, LmError> {
    let file = match &media.data {
        MediaData::Id(id) => json!({ "file_id": id }),
        MediaData::Base64(data) => json!({
            "filename": media.name.as_deref().unwrap_or("file"),
            "file_data": data_url(media, data, "application/pdf"),
        }),
        MediaData::Url(_) => return Err(unsupported("a file by address; give its content or id")),
    };
    Ok(WirePart::File { file })
}

fn unsupported(what: impl std::fmt::Display) -> LmError {
    no_form("chat completions", what)
}

#[cfg(test)]
mod tests;
