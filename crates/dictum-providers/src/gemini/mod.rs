//! Google's Gemini API: `generateContent`.
//!
//! What is sent and read, part by part:
//!
//! | Dictum | on the wire |
//! |---|---|
//! | system messages | `systemInstruction`, wherever they stand |
//! | messages of one role that follow each other | one content: the results of calls made together must come together |
//! | image, audio, file, inline | `inlineData` |
//! | image, audio, file, by address or id | `fileData`; an id `files/abc` is the Files API's |
//! | tool calls, tool results | `functionCall`, `functionResponse`, by name; an id is made up where the server gives none |
//! | reasoning | parts marked as thoughts; asked for whenever `reasoning_effort` is set, and not sent back |
//! | [`Part::Opaque`](dictum_core::lm::Part::Opaque) | signatures of thoughts, sent back with the part they came with; parts of other kinds (code that ran) |
//! | [`ResponseFormat`](dictum_core::lm::ResponseFormat) | `responseMimeType`, `responseJsonSchema`; a schema is loosened to what Gemini takes |
//! | `reasoning_effort` | `thinkingLevel`; for the 2.5 models `thinkingBudget` (`none` 0, `minimal` and `low` 1024, `medium` 8192, `high` 24576) |
//! | `seed` | its lower 31 bits |
//! | `extra` | merged into the body last, objects field by field (`generationConfig`); `null` takes a parameter out |
//! | blocked prompt | an error of kind [`ContentFilter`](dictum_core::lm::LmErrorKind::ContentFilter) |

mod builder;
mod error;
mod request;
mod response;
mod schema;
mod stream;

use dictum_core::lm::{Capabilities, LmError, Request, Response, Settings};
use url::Url;

use crate::dialect::Dialect;
use crate::json::Json;
use crate::refusal::Refusal;
use crate::{Remote, Secret, sse};

const OWN_URL: &str = "https://generativelanguage.googleapis.com/v1beta";
/// What ids begin with that were made up because the server gave none.
const MADE_UP_ID: &str = "unnamed-call-";

/// A model behind Google's Gemini API.
pub type Gemini = Remote<GenerateContent>;

/// Sets up a [`Gemini`] model.
pub type Builder = crate::Builder<GenerateContent>;

/// The dialect: a model.
#[derive(Debug, Clone)]
pub struct GenerateContent {
    model: String,
}

impl GenerateContent {
    /// The name without the collection that it may stand in (`models/`, `tunedModels/`).
    fn short_name(&self) -> &str {
        self.model.rsplit('/').next().unwrap_or(&self.model)
    }

    fn thinks_by_budget(&self) -> bool {
        self.short_name().starts_with("gemini-2.5")
    }

    /// One of the open models that the same API serves; it takes less.
    fn is_gemma(&self) -> bool {
        self.short_name().starts_with("gemma")
    }
}

impl Dialect for GenerateContent {
    const PROVIDER: &'static str = "gemini";
    const KEY_VARIABLE: &'static str = "GEMINI_API_KEY";

    type Body<'a> = request::Body<'a>;
    type Framing = sse::Parser;
    type Assembler = stream::Assembler;

    fn model(&self) -> &str {
        &self.model
    }

    fn base_url(&self) -> String {
        OWN_URL.to_owned()
    }

    fn endpoint(&self, mut base: Url, streams: bool) -> Url {
        let (method, query) = if streams {
            ("streamGenerateContent", Some(("alt", "sse")))
        } else {
            ("generateContent", None)
        };
        if let Ok(mut path) = base.path_segments_mut() {
            if !self.model.contains('/') {
                path.push("models");
            }
            path.extend(format!("{}:{method}", self.model).split('/'));
        }
        if let Some((name, value)) = query {
            base.query_pairs_mut().append_pair(name, value);
        }
        base
    }

    fn authorize(key: &Secret) -> (&'static str, Secret) {
        ("x-goog-api-key", key.clone())
    }

    fn capabilities(&self) -> Capabilities {
        let json = !self.is_gemma();
        Capabilities::default().with_json(json, json)
    }

    fn body<'a>(
        &'a self,
        request: &'a Request,
        settings: &Settings,
        _: bool,
    ) -> Result<Self::Body<'a>, LmError> {
        request::body(self, request, settings)
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
