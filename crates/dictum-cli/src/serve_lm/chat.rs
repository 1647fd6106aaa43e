//! The body of `POST /v1/chat/completions`, read.

use std::sync::Arc;

use dictum_core::lm::{Message, Part, Request, ResponseFormat, Role, Settings};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;

/// More answers to one request are better asked for in several.
const MOST_ANSWERS: u64 = 64;

/// What was asked for.
#[derive(Debug)]
pub struct Chat {
    /// The model's name.
    pub model: String,
    /// The request, for the first answer.
    pub request: Request,
    /// How many answers.
    pub answers: u64,
    /// Whether they come piece by piece.
    pub stream: bool,
    /// Whether a stream ends with the usage.
    pub stream_usage: bool,
}

#[derive(Deserialize)]
struct Body {
    model: String,
    messages: Vec<Spoken>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    stop: Option<OneOrMany>,
    seed: Option<i64>,
    n: Option<u64>,
    reasoning_effort: Option<String>,
    response_format: Option<Format>,
    #[serde(default)]
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct Spoken {
    role: String,
    content: Option<Content>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Map<String, Value>>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    Text,
    JsonObject,
    JsonSchema { json_schema: Schema },
}

#[derive(Deserialize)]
struct Schema {
    name: String,
    schema: Value,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Chat {
    /// Reads a body. What can't be honoured is an error, but for what changes no answer.
    pub fn read(bytes: &[u8]) -> Result<Self, ApiError> {
        let body: Body = super::read(bytes)?;
        for (name, value) in &body.rest {
            if !harmless(name, value) {
                return Err(ApiError::unsupported(
                    name,
                    format!("`{name}` is not supported here; remove it"),
                ));
            }
        }
        let answers = body.n.unwrap_or(1);
        if !(1..=MOST_ANSWERS).contains(&answers) {
            let message = format!("`n` must be from 1 to {MOST_ANSWERS}, not {answers}");
            return Err(ApiError::param("n", message));
        }
        if body.messages.is_empty() {
            return Err(ApiError::param("messages", "`messages` is empty"));
        }
        let messages = body.messages.into_iter().enumerate().map(message);
        let mut request = Request::new(messages.collect::<Result<_, _>>()?);
        request.settings = Settings {
            temperature: body.temperature,
            top_p: body.top_p,
            max_tokens: body.max_completion_tokens.or(body.max_tokens),
            stop: match body.stop {
                None => Vec::new(),
                Some(OneOrMany::One(stop)) => vec![stop],
                Some(OneOrMany::Many(stops)) => stops,
            },
            seed: body.seed.map(i64::cast_unsigned),
            reasoning_effort: body.reasoning_effort,
            ..Settings::default()
        };
        request.response_format = match body.response_format {
            None | Some(Format::Text) => None,
            Some(Format::JsonObject) => Some(Arc::new(ResponseFormat::JsonObject)),
            Some(Format::JsonSchema { json_schema }) => Some(Arc::new(ResponseFormat::JsonSchema {
                name: json_schema.name,
                schema: json_schema.schema,
            })),
        };
        Ok(Self {
            model: body.model,
            request,
            answers,
            stream: body.stream.unwrap_or(false),
            stream_usage: body.stream_options.is_some_and(|options| options.include_usage),
        })
    }
}

/// Parameters that say nothing here: notes of the client's, and such as ask for what is the case anyway.
fn harmless(name: &str, value: &Value) -> bool {
    let empty = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    let notes = ["user", "metadata", "store", "service_tier", "parallel_tool_calls"];
    empty
        || notes.contains(&name)
        || name == "safety_identifier"
        || name == "prompt_cache_key"
        || (name == "tool_choice" && value == "none")
}

fn message((at, spoken): (usize, Spoken)) -> Result<Message, ApiError> {
    let place = format!("messages[{at}]");
    let role = match spoken.role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        role => {
            let message = format!(
                "the role `{role}` is not supported here; there are system, developer, user and assistant"
            );
            return Err(ApiError::unsupported(&format!("{place}.role"), message));
        }
    };
    if spoken
        .rest
        .get("tool_calls")
        .is_some_and(|calls| !harmless("", calls))
    {
        return Err(ApiError::unsupported(
            &format!("{place}.tool_calls"),
            "tool calls are not supported here",
        ));
    }
    let parts = match spoken.content {
        None => Vec::new(),
        Some(Content::Text(text)) => vec![Part::text(text)],
        Some(Content::Parts(parts)) => {
            let read = |(number, part): (usize, Map<String, Value>)| {
                let text = part.get("text").and_then(Value::as_str);
                match (part.get("type").and_then(Value::as_str), text) {
                    (Some("text"), Some(text)) => Ok(Part::text(text)),
                    (kind, _) => {
                        let kind = kind.unwrap_or("without a type");
                        let message =
                            format!("a content part `{kind}` is not supported here; there is only `text`");
                        Err(ApiError::unsupported(
                            &format!("{place}.content[{number}]"),
                            message,
                        ))
                    }
                }
            };
            parts
                .into_iter()
                .enumerate()
                .map(read)
                .collect::<Result<_, _>>()?
        }
    };
    Ok(Message { role, parts })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: Value) -> Result<Chat, Value> {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Chat::read(body.to_string().as_bytes()).map_err(|error| error.body()["error"].clone())
    }

    #[test]
    fn what_is_asked_for_is_what_the_model_is_given() {
        let chat = read(json!({
            "messages": [
                {"role": "developer", "content": "Be short."},
                {"role": "user", "content": [{"type": "text", "text": "Say "}, {"type": "text", "text": "hi."}]},
                {"role": "assistant", "content": "Hi.", "tool_calls": []},
            ],
            "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 7, "max_tokens": 9, "stop": "\n", "seed": 3, "n": 2,
            "stream": true, "stream_options": {"include_usage": true},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}, "strict": true}},
            "user": "someone", "frequency_penalty": 0, "tools": [], "logprobs": false,
        }))
        .unwrap();
        let said: Vec<_> = chat
            .request
            .messages()
            .map(|message| (message.role, message.to_text()))
            .collect();
        assert_eq!(
            said,
            [
                (Role::System, "Be short.".to_owned()),
                (Role::User, "Say hi.".to_owned()),
                (Role::Assistant, "Hi.".to_owned())
            ]
        );
        let settings = &chat.request.settings;
        assert_eq!((settings.temperature, settings.top_p), (Some(0.5), Some(0.9)));
        assert_eq!(
            (settings.max_tokens, settings.seed, &settings.stop[..]),
            (Some(7), Some(3), &["\n".to_owned()][..])
        );
        assert_eq!((chat.answers, chat.stream, chat.stream_usage), (2, true, true));
        let format = ResponseFormat::JsonSchema {
            name: "n".to_owned(),
            schema: json!({"type": "integer"}),
        };
        assert_eq!(chat.request.response_format.as_deref(), Some(&format));
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        for (more, param) in [
            (json!({"frequency_penalty": 0.5}), "frequency_penalty"),
            (json!({"logprobs": true}), "logprobs"),
            (json!({"tools": [{"type": "function"}]}), "tools"),
            (json!({"n": 0}), "n"),
            (json!({"messages": []}), "messages"),
            (
                json!({"messages": [{"role": "tool", "content": "x"}]}),
                "messages[0].role",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
                "messages[0].content[0]",
            ),
            (
                json!({"messages": [{"role": "assistant", "tool_calls": [{}]}]}),
                "messages[0].tool_calls",
            ),
        ] {
            let error = read(more.clone()).unwrap_err();
            assert_eq!(error["param"], param, "{more}: {error}");
            assert_eq!(error["type"], "invalid_request_error");
        }
        let error = read(json!({"temperature": "hot"})).unwrap_err();
        assert!(error["message"].as_str().unwrap().contains("hot"), "{error}");
    }
}
