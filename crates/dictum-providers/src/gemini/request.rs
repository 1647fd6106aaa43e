//! From a request to the body that is sent.

use std::collections::HashMap;

use dictum_core::lm::{
    LmError, LmErrorKind, Media, MediaData, Message, Part, Request, ResponseFormat, Role, Settings,
    ToolChoice,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::response::lone_signature;
use super::schema::narrowed;
use super::{GenerateContent, MADE_UP_ID};
use crate::dialect::Dialect;
use crate::refusal::no_form;
use crate::wire::{self, media_type};

/// The body of a call.
pub(crate) type Body<'a> = wire::Body<Content<'a>, Vec<Content<'a>>>;

#[derive(Debug, Serialize)]
pub(crate) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<WirePart<'a>>,
}

/// A part as it is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePart<'a> {
    #[serde(flatten)]
    content: Held<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

/// What a part holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Held<'a> {
    Text(&'a str),
    InlineData(InlineData<'a>),
    FileData(Value),
    FunctionCall(Value),
    FunctionResponse(Value),
    /// A whole part, as it came.
    #[serde(untagged)]
    AsItCame(&'a Value),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InlineData<'a> {
    mime_type: &'a str,
    data: &'a str,
}

/// The body of a call with these settings.
///
/// # Errors
/// [`LmErrorKind::Unsupported`] for parts that this dialect has no form for, [`LmErrorKind::InvalidRequest`] for a tool result
/// without its call.
pub(super) fn body<'a>(
    model: &GenerateContent,
    request: &'a Request,
    settings: &Settings,
) -> Result<Body<'a>, LmError> {
    let mut system = Vec::new();
    let mut contents: Vec<Content<'a>> = Vec::new();
    let mut called = HashMap::new();
    for message in request.messages() {
        let mut parts = Vec::with_capacity(message.parts.len());
        write_parts(message, &mut called, &mut parts)?;
        let role = match message.role {
            Role::System => {
                system.append(&mut parts);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "model",
        };
        match contents.last_mut() {
            // Turns alternate; and the results of calls made together must come together.
            Some(last) if last.role == Some(role) => last.parts.append(&mut parts),
            _ => contents.push(Content {
                role: Some(role),
                parts,
            }),
        }
    }
    let system_instruction = (!system.is_empty()).then_some(Content {
        role: None,
        parts: system,
    });
    let mut rest = Map::new();
    if !request.tools.is_empty() {
        rest.insert("tools".to_owned(), tools(request));
        if let Some(config) = tool_config(&request.tool_choice) {
            rest.insert("toolConfig".to_owned(), config);
        }
    }
    let mut config = generation_config(model, settings);
    if let Some(format) = &request.response_format {
        config.insert("responseMimeType".to_owned(), json!("application/json"));
        if let ResponseFormat::JsonSchema { schema, .. } = &**format
            && let Some(schema) = narrowed(schema)
        {
            config.insert("responseJsonSchema".to_owned(), schema);
        }
    }
    if !config.is_empty() {
        rest.insert("generationConfig".to_owned(), Value::Object(config));
    }
    merge(&mut rest, settings.extra.clone());
    Ok(Body {
        first: ("systemInstruction", system_instruction),
        second: ("contents", Some(contents)),
        rest,
    })
}

fn generation_config(model: &GenerateContent, settings: &Settings) -> Map<String, Value> {
    let mut config = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    set("temperature", settings.temperature.map(Value::from));
    set("topP", settings.top_p.map(Value::from));
    set("maxOutputTokens", settings.max_tokens.map(Value::from));
    set(
        "stopSequences",
        (!settings.stop.is_empty()).then(|| json!(settings.stop)),
    );
    // The server's seed is a signed number of 32 bits.
    set("seed", settings.seed.map(|seed| Value::from(seed & 0x7fff_ffff)));
    set(
        "thinkingConfig",
        settings
            .reasoning_effort
            .as_deref()
            .map(|effort| thinking(model, effort)),
    );
    config
}

/// How hard to think. The 2.5 models take a number of tokens, for which Google names these; those after them take a word.
fn thinking(model: &GenerateContent, effort: &str) -> Value {
    let budget = match effort {
        "none" => Some(0),
        "minimal" | "low" => Some(1024),
        "medium" => Some(8192),
        "high" => Some(24_576),
        _ => None,
    };
    let thoughts = effort != "none";
    match budget {
        Some(budget) if model.thinks_by_budget() => {
            json!({ "thinkingBudget": budget, "includeThoughts": thoughts })
        }
        _ => json!({ "thinkingLevel": effort, "includeThoughts": thoughts }),
    }
}

/// Merges further parameters: objects field by field, and `null` takes out what is there.
fn merge(into: &mut Map<String, Value>, extra: Map<String, Value>) {
    for (name, value) in extra {
        match (into.get_mut(&name), value) {
            (_, Value::Null) => drop(into.shift_remove(&name)),
            (Some(Value::Object(into)), Value::Object(more)) => merge(into, more),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

fn tools(request: &Request) -> Value {
    let declarations = request.tools.iter().map(|tool| {
        let mut declaration = json!({ "name": tool.name, "description": tool.description });
        // An object without properties is refused; a tool without arguments has no schema instead.
        let properties = tool.parameters.get("properties").and_then(Value::as_object);
        if properties.is_some_and(|properties| !properties.is_empty())
            && let (Some(schema), Some(declaration)) =
                (narrowed(&tool.parameters), declaration.as_object_mut())
        {
            declaration.insert("parametersJsonSchema".to_owned(), schema);
        }
        declaration
    });
    json!([{ "functionDeclarations": declarations.collect::<Value>() }])
}

fn tool_config(choice: &ToolChoice) -> Option<Value> {
    let config = match choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => json!({ "mode": "NONE" }),
        ToolChoice::Required => json!({ "mode": "ANY" }),
        ToolChoice::Tool(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    };
    Some(json!({ "functionCallingConfig": config }))
}

/// Writes a message's parts. `called` are the names of the tools called so far, by id: results go by name here.
fn write_parts<'a>(
    message: &'a Message,
    called: &mut HashMap<&'a str, &'a str>,
    out: &mut Vec<WirePart<'a>>,
) -> Result<(), LmError> {
    // A signature stands before the part it came with, see `response.rs`.
    let mut pending: Option<&'a str> = None;
    for part in &message.parts {
        let content = match part {
            Part::Text { text } => Held::Text(text),
            Part::Image { media } => media_part(media, "image/png"),
            Part::Audio { media } => media_part(media, "audio/wav"),
            Part::File { media } => media_part(media, "application/pdf"),
            Part::ToolCall { id, name, arguments } => {
                called.insert(id, name);
                let mut call = json!({ "name": name, "args": object(arguments, "arguments") });
                add_id(&mut call, id);
                Held::FunctionCall(call)
            }
            Part::ToolResult {
                id,
                content,
                is_error,
            } => {
                let Some(name) = called.get(id.as_str()) else {
                    let message = format!("the tool result `{id}` has no tool call before it");
                    return Err(LmError::new(LmErrorKind::InvalidRequest, message));
                };
                let key = if *is_error { "error" } else { "output" };
                let mut response = json!({ "name": name, "response": { key: content } });
                add_id(&mut response, id);
                Held::FunctionResponse(response)
            }
            Part::Opaque { provider, payload } if provider == GenerateContent::PROVIDER => {
                match lone_signature(payload) {
                    Some(signature) => {
                        pending = Some(signature);
                        continue;
                    }
                    None => Held::AsItCame(payload),
                }
            }
            // Thoughts are not asked back: what the model goes by is in the signatures.
            Part::Reasoning { .. } | Part::Opaque { .. } => continue,
            other => {
                let what = format!("a message part of a new kind ({other:?})");
                return Err(no_form("Gemini's contents", what));
            }
        };
        out.push(WirePart {
            content,
            thought_signature: pending.take(),
        });
    }
    out.extend(pending.map(|signature| WirePart {
        content: Held::Text(""),
        thought_signature: Some(signature),
    }));
    Ok(())
}

/// Adds the id that the server gave a call. One that was made up here is no news to it.
fn add_id(part: &mut Value, id: &str) {
    if !id.is_empty()
        && !id.starts_with(MADE_UP_ID)
        && let Some(part) = part.as_object_mut()
    {
        part.insert("id".to_owned(), json!(id));
    }
}

/// A value where only an object can stand.
fn object(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(_) => value.clone(),
        Value::Null => json!({}),
        other => json!({ name: other }),
    }
}

fn media_part<'a>(media: &'a Media, usual: &'static str) -> Held<'a> {
    let file = |uri: &str| {
        let mut file = json!({ "fileUri": uri });
        if let Some(file) = file.as_object_mut()
            && !media.media_type.is_empty()
        {
            file.insert("mimeType".to_owned(), json!(media.media_type));
        }
        Held::FileData(file)
    };
    match &media.data {
        MediaData::Base64(data) => Held::InlineData(InlineData {
            mime_type: media_type(media, usual),
            data,
        }),
        MediaData::Url(url) => file(url),
        // The Files API names files `files/abc` and wants their address back.
        MediaData::Id(id) if id.contains("://") => file(id),
        MediaData::Id(id) => {
            let id = id.strip_prefix("files/").unwrap_or(id);
            file(&format!("{}/files/{id}", super::OWN_URL))
        }
    }
}

#[cfg(test)]
mod tests;
