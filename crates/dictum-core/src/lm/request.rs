//! What is sent to a model.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Digest, Message, OutputShape};

/// One request: messages, settings, and what the answer must look like.
///
/// The messages come in two parts. The [`Prefix`] (system message and demonstrations) is the same for every example of a
/// predictor: it is rendered and hashed once and shared, and tells providers and the local engine what to keep.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The messages shared by all calls of a predictor.
    pub prefix: Arc<Prefix>,
    /// The messages of this call, after the prefix.
    pub turns: Vec<Message>,
    /// Sampling and limits.
    pub settings: Settings,
    /// Structured output to ask the provider for.
    pub response_format: Option<Arc<ResponseFormat>>,
    /// The layout of the answer, for engines that decode under a grammar.
    pub output: Option<Arc<OutputShape>>,
    /// Tools the model may call.
    pub tools: Arc<[ToolSpec]>,
    /// Whether and which tool must be called.
    pub tool_choice: ToolChoice,
    /// Which sample of the same request this is, from 0: part of its identity, never sent. Caches keep each sample apart.
    pub sample: u64,
}

impl Request {
    /// A request of these messages and nothing else.
    #[must_use]
    pub fn new(turns: Vec<Message>) -> Self {
        Self {
            turns,
            ..Self::default()
        }
    }

    /// All messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.prefix.messages().iter().chain(&self.turns)
    }
}

/// Messages shared by many requests.
#[derive(Debug, Default)]
pub struct Prefix {
    messages: Vec<Message>,
    digest: OnceLock<Digest>,
    written: OnceLock<(u64, Arc<dyn Any + Send + Sync>)>,
}

impl Prefix {
    /// A prefix of these messages.
    #[must_use]
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    /// The messages.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Hash of the messages, computed once.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(&self.messages))
    }

    /// What a model makes of these messages before it sends them, its dialect's JSON say: made once and kept as long as the
    /// prefix is. `key` stands for all that `write` depends on beside the messages and the type.
    ///
    /// One form is kept, the first one: of several models with the same prefix, all those that write it as the first does have
    /// it for nothing. A form that can't be made is not kept.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn written<T: Any + Send + Sync, E>(
        &self,
        key: u64,
        write: impl FnOnce(&[Message]) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some((kept, form)) = self.written.get()
            && *kept == key
            && let Ok(form) = Arc::clone(form).downcast()
        {
            return Ok(form);
        }
        let form = Arc::new(write(&self.messages)?);
        // Another one may be there by now, which is as good.
        let _ = self.written.set((key, form.clone()));
        Ok(form)
    }
}

/// Sampling and limits of a call. What is `None` is left to the model or the LM's own defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Randomness, from 0 (always the likeliest token).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Share of probability mass to sample from, in (0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Most tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Texts that end an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Seed of the sampling, where the model takes one; else it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How hard a reasoning model should think, in the provider's words (`low`, `medium`, `high`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// Further parameters, handed to the provider as they are.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl Settings {
    /// These settings where they say something, else `base`'s. `extra` is merged by key.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut extra = base.extra.clone();
        extra.extend(self.extra.iter().map(|(key, value)| (key.clone(), value.clone())));
        Self {
            temperature: self.temperature.or(base.temperature),
            top_p: self.top_p.or(base.top_p),
            max_tokens: self.max_tokens.or(base.max_tokens),
            stop: if self.stop.is_empty() {
                base.stop.clone()
            } else {
                self.stop.clone()
            },
            seed: self.seed.or(base.seed),
            reasoning_effort: self
                .reasoning_effort
                .clone()
                .or_else(|| base.reasoning_effort.clone()),
            extra,
        }
    }
}

/// Structured output a provider can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Some JSON object.
    JsonObject,
    /// A JSON value of this schema.
    JsonSchema {
        /// A name for it, letters, digits, `_` and `-`.
        name: String,
        /// The JSON Schema, draft 2020-12; providers narrow it to what they take.
        schema: Value,
    },
}

/// A tool the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name, letters, digits, `_` and `-`.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// Whether and which tool must be called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}
