//! Anthropic's messages, and what calls itself compatible with them.
//!
//! What is sent and read, part by part:
//!
//! | Dictum | on the wire |
//! |---|---|
//! | system messages | `system`, wherever they stand |
//! | text, image (inline, address, file id), file (PDF and plain text inline, PDF by address, file id) | `text`, `image`, `document` blocks |
//! | audio | refused: there is no form for it |
//! | tool calls, tool results | `tool_use` blocks, `tool_result` blocks in a user message |
//! | reasoning with its signature | `thinking` blocks; reasoning without one is another model's and is not sent |
//! | encrypted reasoning, blocks of unknown kinds | [`Part::Opaque`](dictum_core::lm::Part::Opaque), both ways |
//! | [`ResponseFormat::JsonSchema`](dictum_core::lm::ResponseFormat) | `output_config.format`, narrowed; one that can't be narrowed is not sent, the prompt describes the layout anyway |
//! | `max_tokens` | the API needs one: 16,000 when not given, 8,192 for Claude 3.5 and 4,096 for what was before |
//! | `reasoning_effort` | from Claude 4.6: `thinking` adaptive and `output_config.effort`, `none` for no thinking; before: a thinking budget of 2,048 (`low`), 8,192 (`medium`) or 16,384 (`high`) tokens that `max_tokens` makes room for, or half of a `max_tokens` that was given |
//! | `temperature`, `top_p` | left out from Claude 4.7 and with thinking, which refuse them; of both, only the temperature from Claude 4.1 |
//! | `seed` | left out: there is none |
//! | prompt caching | the end of the request's prefix is marked, and the end of a conversation that goes on |
//! | `extra` | merged into the body last; `null` takes a parameter out |
//!
//! Calls name API version 2023-06-01, the last that takes a temperature; `.header("anthropic-version", ..)` names another.

mod builder;
mod error;
mod model;
mod request;
mod response;
mod schema;
mod stream;

use dictum_core::lm::{Capabilities, LmError, Request, Response, Settings};
use url::Url;

pub(crate) use self::model::Facts;
pub(crate) use self::request::budget;
pub(crate) use self::schema::narrowed;
use crate::dialect::Dialect;
use crate::json::Json;
use crate::refusal::Refusal;
use crate::{Remote, Secret, sse};

/// A model behind Anthropic's messages or what is compatible with them.
pub type Anthropic = Remote<Messages>;

/// Sets up an [`Anthropic`] model.
pub type Builder = crate::Builder<Messages>;

/// The dialect: a model and what is known of it.
#[derive(Debug, Clone)]
pub struct Messages {
    model: String,
    facts: Facts,
    /// Anthropic's own server.
    own: bool,
    /// Whether prefixes are marked for prompt caching.
    caching: bool,
}

const PROVIDER: &str = "anthropic";

impl Dialect for Messages {
    const PROVIDER: &'static str = PROVIDER;
    const KEY_VARIABLE: &'static str = "ANTHROPIC_API_KEY";
    const HEADERS: &'static [(&'static str, &'static str)] = &[("anthropic-version", "2023-06-01")];

    type Body<'a> = request::Body<'a>;
    type Framing = sse::Parser;
    type Assembler = stream::Assembler;

    fn model(&self) -> &str {
        &self.model
    }

    fn base_url(&self) -> String {
        "https://api.anthropic.com/v1".to_owned()
    }

    fn at(&mut self, base: &Url) {
        self.own = base.host_str() == Some("api.anthropic.com");
    }

    fn endpoint(&self, mut base: Url, _: bool) -> Url {
        // Anthropic's own tools want addresses without the version, others with it.
        let path = base.path().to_owned();
        if let Ok(mut segments) = base.path_segments_mut()
            && !path.ends_with("/messages")
        {
            if !path.ends_with("/v1") {
                segments.push("v1");
            }
            segments.push("messages");
        }
        base
    }

    fn authorize(key: &Secret) -> (&'static str, Secret) {
        ("x-api-key", key.clone())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_json(false, self.own && self.facts.schemas())
    }

    fn body<'a>(
        &'a self,
        request: &'a Request,
        settings: &Settings,
        streams: bool,
    ) -> Result<Self::Body<'a>, LmError> {
        request::body(self, request, settings, streams)
    }

    fn response<J: Json>(&self, payload: &J) -> Result<Response, LmError> {
        response::response(payload)
    }

    fn refused(refusal: &Refusal) -> LmError {
        error::refused(refusal)
    }

    fn assembler(&self) -> Self::Assembler {
        stream::Assembler::default()
    }
}
