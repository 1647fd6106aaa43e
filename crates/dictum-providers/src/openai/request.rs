//! From a request to the body that is sent.

use dictum_core::lm::{
    LmError, LmErrorKind, Media, MediaData, Message, Part, Request, ResponseFormat, Role, Settings,
    ToolChoice,
};
use serde_json::{Map, Value, json};

use super::schema::strict;

/// What decides how a request is written: the model and whose server it is.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    model: String,
    /// OpenAI's own server.
    own: bool,
    /// One of OpenAI's reasoning models.
    reasoning: bool,
}

impl Dialect {
    pub(super) fn new(model: String, own: bool) -> Self {
        let reasoning = is_reasoning_model(&model);
        Self {
            model,
            own,
            reasoning,
        }
    }
}

/// Whether a name is one of OpenAI's reasoning models, `o3-mini` or `gpt-5.1` say, also as routers write it
/// (`openai/o3-mini`). They take other parameters than the rest.
fn is_reasoning_model(model: &str) -> bool {
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

/// The body of a call. `base` are the model's own settings, beneath the request's.
///
/// # Errors
/// [`LmErrorKind::Unsupported`] for parts that this dialect has no form for.
pub(super) fn body(
    dialect: &Dialect,
    request: &Request,
    base: &Settings,
    streams: bool,
) -> Result<Value, LmError> {
    let mut messages = Vec::new();
    for message in request.messages() {
        write_message(dialect, message, &mut messages)?;
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(dialect.model));
    body.insert("messages".to_owned(), Value::Array(messages));
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), tools(request));
        if let Some(choice) = tool_choice(&request.tool_choice) {
            body.insert("tool_choice".to_owned(), choice);
        }
    }
    if let Some(format) = &request.response_format {
        body.insert("response_format".to_owned(), response_format(format));
    }
    if streams {
        body.insert("stream".to_owned(), json!(true));
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    write_settings(dialect, request.settings.over(base), &mut body);
    Ok(Value::Object(body))
}

fn write_settings(dialect: &Dialect, settings: Settings, body: &mut Map<String, Value>) {
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
    set("seed", settings.seed.map(Value::from));
    set("reasoning_effort", settings.reasoning_effort.map(Value::from));
    for (name, value) in settings.extra {
        if value.is_null() {
            body.shift_remove(&name);
        } else {
            body.insert(name, value);
        }
    }
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

/// Writes one message, or several: each tool result is a message of its own.
fn write_message(dialect: &Dialect, message: &Message, out: &mut Vec<Value>) -> Result<(), LmError> {
    let mut content = Vec::new();
    let mut calls = Vec::new();
    let mut reasoning = String::new();
    for part in &message.parts {
        match part {
            Part::Text { text } => content.push(json!({ "type": "text", "text": text })),
            Part::Image { media } => content.push(image(media)?),
            Part::Audio { media } => content.push(audio(media)?),
            Part::File { media } => content.push(file(media)?),
            Part::ToolCall { id, name, arguments } => calls.push(json!({
                "id": id,
                "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            })),
            Part::ToolResult {
                id,
                content,
                is_error,
            } => {
                // The dialect has no mark for a failed tool, so the text says it.
                let content = if *is_error {
                    format!("Error: {content}")
                } else {
                    content.clone()
                };
                out.push(json!({ "role": "tool", "tool_call_id": id, "content": content }));
            }
            Part::Reasoning { text, .. } => reasoning.push_str(text),
            other => return Err(unsupported(format!("a message part of a new kind ({other:?})"))),
        }
    }
    let mut written = Map::new();
    written.insert("role".to_owned(), json!(message.role.as_str()));
    match single_text(&content) {
        Some(text) => {
            written.insert("content".to_owned(), json!(text));
        }
        None if !content.is_empty() => {
            written.insert("content".to_owned(), Value::Array(content));
        }
        None if !calls.is_empty() => {
            written.insert("content".to_owned(), Value::Null);
        }
        // A message of tool results alone has been written.
        None if message
            .parts
            .iter()
            .any(|part| matches!(part, Part::ToolResult { .. })) =>
        {
            return Ok(());
        }
        None => {
            written.insert("content".to_owned(), json!(""));
        }
    }
    if !calls.is_empty() {
        written.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    // OpenAI's server refuses fields it does not know; the others want their reasoning back.
    if !reasoning.is_empty() && message.role == Role::Assistant && !dialect.own {
        written.insert("reasoning_content".to_owned(), json!(reasoning));
    }
    out.push(Value::Object(written));
    Ok(())
}

/// The text of content that is one text: every server takes that as a plain string, not every one takes parts.
fn single_text(content: &[Value]) -> Option<&str> {
    match content {
        [part] => part.get("text")?.as_str(),
        _ => None,
    }
}

fn image(media: &Media) -> Result<Value, LmError> {
    let url = match &media.data {
        MediaData::Url(url) => url.clone(),
        MediaData::Base64(data) => data_url(media, data, "image/png"),
        MediaData::Id(_) => return Err(unsupported("an image by file id; give its content or address")),
    };
    Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
}

fn audio(media: &Media) -> Result<Value, LmError> {
    let MediaData::Base64(data) = &media.data else {
        return Err(unsupported("audio by address or id; give its content"));
    };
    let format = match media.media_type.as_str() {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/wav" | "audio/x-wav" | "audio/wave" | "" => "wav",
        other => other.rsplit('/').next().unwrap_or(other),
    };
    Ok(json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } }))
}

fn file(media: &Media) -> Result<Value, LmError> {
    let file = match &media.data {
        MediaData::Id(id) => json!({ "file_id": id }),
        MediaData::Base64(data) => json!({
            "filename": media.name.as_deref().unwrap_or("file"),
            "file_data": data_url(media, data, "application/pdf"),
        }),
        MediaData::Url(_) => return Err(unsupported("a file by address; give its content or id")),
    };
    Ok(json!({ "type": "file", "file": file }))
}

fn data_url(media: &Media, data: &str, usual: &str) -> String {
    let media_type = if media.media_type.is_empty() {
        usual
    } else {
        &media.media_type
    };
    format!("data:{media_type};base64,{data}")
}

fn unsupported(what: impl std::fmt::Display) -> LmError {
    let message = format!("chat completions have no form for {what}");
    LmError::new(LmErrorKind::Unsupported, message)
}

#[cfg(test)]
mod tests;
