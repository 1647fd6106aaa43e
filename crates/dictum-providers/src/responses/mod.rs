//! OpenAI's Responses, and the servers that speak it too (Azure, vLLM, OpenRouter and others).
//!
//! What is sent and read, part by part:
//!
//! | Dictum | on the wire |
//! |---|---|
//! | text, image (inline, address or id), file (inline, address or id) | `input_text`, `input_image`, `input_file` |
//! | audio | refused: the dialect has no form for it; chat completions have one |
//! | tool calls, tool results | items `function_call`, `function_call_output` |
//! | reasoning | the summary of `reasoning` items; the items themselves, encrypted, are [`Part::Opaque`](dictum_core::lm::Part::Opaque), both ways |
//! | tools that run at the provider | [`Part::Opaque`](dictum_core::lm::Part::Opaque), both ways |
//! | [`ResponseFormat`](dictum_core::lm::ResponseFormat) | `text.format`; a schema is narrowed to the strict subset where it can be |
//! | `reasoning_effort` | `reasoning.effort` |
//! | `max_tokens` | `max_output_tokens` |
//! | `temperature`, `top_p` | left out for OpenAI's reasoning models, which refuse them |
//! | `seed` | left out: there is none |
//! | `stop` | refused: the dialect has no form for it |
//! | `extra` | merged into the body last; objects by name; `null` takes a parameter out |
//!
//! Nothing is stored with the provider (`store: false`): a conversation is what its request says, also its reasoning.

mod builder;
mod error;
mod kept;
mod request;
mod response;
mod stream;

use dictum_core::lm::{Capabilities, LmError, Request, Response, Settings};
use serde_json::{Value, json};
use url::Url;

use crate::dialect::Dialect;
use crate::json::Json;
use crate::refusal::Refusal;
use crate::{Remote, openai, sse};

/// A model behind OpenAI's Responses.
pub type Responses = Remote<Items>;

/// Sets up a [`Responses`] model.
pub type Builder = crate::Builder<Items>;

/// The dialect: a model and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Items {
    model: String,
    /// OpenAI's own server, or Azure's.
    own: bool,
    /// The model reasons: it refuses sampling parameters, and its reasoning can be had encrypted.
    reasons: bool,
    /// Instructions go out as the developer's, not the system's.
    developer: bool,
    /// The summary of its reasoning to ask for: `auto`, `concise` or `detailed`.
    summary: Option<String>,
    azure: bool,
}

impl Dialect for Items {
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
        json!({ "reasons": self.reasons, "developer": self.developer, "summary": self.summary })
    }

    fn at(&mut self, base: &Url) {
        self.own = self.azure || base.host_str() == Some("api.openai.com");
    }

    fn endpoint(&self, base: Url, _: bool) -> Url {
        openai::endpoint(base, &["responses"])
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
        openai::refused(refusal)
    }

    fn assembler(&self) -> Self::Assembler {
        stream::Assembler::default()
    }
}
