//! OpenAI's chat completions, and what calls itself compatible with them.
//!
//! What is sent and read, part by part:
//!
//! | Dictum | on the wire |
//! |---|---|
//! | text, image (inline or address), audio (inline), file (inline or id) | content parts |
//! | tool calls, tool results | `tool_calls`, messages of role `tool` |
//! | reasoning | `reasoning_content` or `reasoning` is read; sent back to servers other than OpenAI's own, which refuses it |
//! | [`ResponseFormat`](dictum_core::lm::ResponseFormat) | `response_format`; a schema is narrowed to the strict subset where it can be |
//! | logprobs (asked for in `extra`), annotations, results of filters | kept in the raw payload, streamed or not |
//! | `max_tokens` | `max_completion_tokens` for OpenAI's reasoning models |
//! | `temperature`, `top_p` | left out for OpenAI's reasoning models, which refuse them |
//! | `extra` | merged into the body last; `null` takes a parameter out |

mod azure;
mod builder;
mod error;
mod request;
mod response;
mod schema;
mod stream;

pub(crate) use azure::{at_azure, endpoint};
pub(crate) use error::{in_payload, refused};
pub(crate) use request::is_reasoning_model;
pub(crate) use response::tool_call;
pub(crate) use schema::strict;

use dictum_core::lm::{Capabilities, LmError, Request, Response, Settings};
use serde_json::{Value, json};
use url::Url;

use crate::dialect::Dialect;
use crate::json::Json;
use crate::refusal::Refusal;
use crate::{Remote, sse};

/// A model behind OpenAI's chat completions or what is compatible with them.
pub type OpenAi = Remote<Chat>;

/// Sets up an [`OpenAi`] model.
pub type Builder = crate::Builder<Chat>;

/// The dialect: a model and whose server it is.
#[derive(Debug, Clone)]
pub struct Chat {
    model: String,
    /// OpenAI's own server, or Azure's.
    own: bool,
    /// One of OpenAI's reasoning models.
    reasoning: bool,
    /// Instructions go out as the developer's, not the system's.
    developer: bool,
    azure: bool,
    /// Mistral's server: it refuses fields it does not know and has its own name for the seed.
    strict_fields: bool,
}

impl Dialect for Chat {
    const PROVIDER: &'static str = "openai";
    const KEY_VARIABLE: &'static str = "OPENAI_API_KEY";

    type Body<'a> = request::Body<'a>;
    type Framing = sse::Parser;
    type Assembler = stream::Assembler;

    fn model(&self) -> &str {
        &self.model
    }

    fn base_url(&self) -> String {
        "https://api.openai.com/v1".to_owned()
    }

    fn options(&self) -> Value {
        json!({ "reasoning": self.reasoning, "developer": self.developer })
    }

    fn at(&mut self, base: &Url) {
        self.own = self.azure || base.host_str() == Some("api.openai.com");
    }

    fn endpoint(&self, base: Url, _: bool) -> Url {
        endpoint(base, &["chat", "completions"])
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_json(self.own, self.own)
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
