//! From messages to the model's tokens, by the model's own chat template.

use std::sync::Arc;

use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use llama_cpp_2::token::LlamaToken;

use crate::error::EngineError;

/// One message for the chat template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text. Whatever it contains, it is text: a special token's name in it is not that token.
    pub content: String,
}

impl ChatMessage {
    /// A message of `role` with `content`.
    #[must_use]
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// A tokenized prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub(crate) tokens: Vec<LlamaToken>,
    pub(crate) shared: Option<usize>,
}

impl Prompt {
    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is not a single token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

/// The model's chat template and tokenizer.
#[derive(Debug)]
pub(crate) struct Chat {
    model: Arc<LlamaModel>,
    template: LlamaChatTemplate,
}

impl Chat {
    pub(crate) fn new(model: &Arc<LlamaModel>) -> Result<Self, EngineError> {
        let template = model.chat_template(None).map_err(template_error)?;
        Ok(Self {
            model: Arc::clone(model),
            template,
        })
    }

    /// Renders and tokenizes. `shared` says how many of the messages at the beginning other calls are expected to begin with too.
    pub(crate) fn prompt(
        &self,
        messages: &[ChatMessage],
        shared: Option<usize>,
    ) -> Result<Prompt, EngineError> {
        // The template is applied to stand-ins, so that only the template's own text can become special tokens. A stand-in has
        // no spaces at its ends, so templates that trim leave it alone.
        let stand_ins: Vec<String> = (0..messages.len())
            .map(|at| format!("\u{E000}{at}\u{E001}"))
            .collect();
        let chat = messages
            .iter()
            .zip(&stand_ins)
            .map(|(message, stand_in)| LlamaChatMessage::new(message.role.clone(), stand_in.clone()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(template_error)?;
        let rendered = self
            .model
            .apply_chat_template(&self.template, &chat, true)
            .map_err(template_error)?;

        let vocab = self.model.vocab();
        let mut tokens: Vec<LlamaToken> = Vec::new();
        let mut shared_tokens = None;
        let mut rest = rendered.as_str();
        for (at, (message, stand_in)) in messages.iter().zip(&stand_ins).enumerate() {
            let Some((before, after)) = rest.split_once(stand_in.as_str()) else {
                let cause = format!("it leaves out message {} (role {:?})", at + 1, message.role);
                return Err(EngineError::ChatTemplate { cause });
            };
            // The first piece also gets the begin-of-text token, if the model wants one and the template didn't write it.
            tokens.extend(vocab.tokenize(before.as_bytes(), at == 0, true));
            if shared == Some(at) {
                shared_tokens = Some(tokens.len());
            }
            tokens.extend(vocab.tokenize(message.content.as_bytes(), false, false));
            rest = after;
        }
        tokens.extend(vocab.tokenize(rest.as_bytes(), messages.is_empty(), true));
        if let [first, second, ..] = tokens.as_slice()
            && first == second
            && *first == vocab.bos()
        {
            tokens.remove(0);
            shared_tokens = shared_tokens.map(|count| count - 1);
        }
        Ok(Prompt {
            tokens,
            shared: shared_tokens,
        })
    }
}

fn template_error(error: impl std::fmt::Display) -> EngineError {
    EngineError::ChatTemplate {
        cause: error.to_string(),
    }
}
