//! What can go wrong when a model runs in process, each with what to do about it.

use std::path::PathBuf;

/// An error of the local engine or of loading its model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The model file is not where it should be.
    #[error("no model file at {path}; fetch it with `dictum models fetch {name}`", path = path.display())]
    ModelMissing {
        /// Name in the table of models, or the file's name for a model of the user's own.
        name: String,
        /// Where the file was looked for.
        path: PathBuf,
    },
    /// The file is there but llama.cpp could not load it.
    #[error("could not load the model {path}: {cause}", path = path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What llama.cpp said.
        cause: String,
    },
    /// The model carries no chat template, or one that llama.cpp does not know.
    #[error("the model's chat template can't be applied: {cause}")]
    ChatTemplate {
        /// What was wrong.
        cause: String,
    },
    /// Prompt and answer together don't fit the context.
    #[error(
        "the prompt has {prompt} tokens and up to {max_tokens} more are asked for, but the context holds \
         {context}; shorten the prompt, lower max_tokens, or build the model with a larger context"
    )]
    ContextOverflow {
        /// Tokens of the rendered prompt.
        prompt: usize,
        /// Tokens asked for.
        max_tokens: usize,
        /// Tokens the context can hold.
        context: usize,
    },
    /// A text is longer than the embedding model reads.
    #[error(
        "the text has {tokens} tokens, but the embedding model reads {limit}; split the text, or build the embedder with \
         `truncate()` to use its beginning"
    )]
    TextTooLong {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens the model reads.
        limit: usize,
    },
    /// The answer's layout could not be made into a grammar.
    #[error("the answer's layout can't be made into a grammar: {cause}")]
    Grammar {
        /// What the grammar compiler said.
        cause: String,
    },
    /// A setting is out of its range.
    #[error("invalid setting {name}: {cause}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What was wrong.
        cause: String,
    },
    /// llama.cpp failed while computing.
    #[error("the engine failed while computing: {cause}")]
    Compute {
        /// What llama.cpp said.
        cause: String,
    },
    /// The request's deadline has passed.
    #[error("no answer by the deadline")]
    Deadline,
    /// The engine's thread has ended.
    #[error("the local engine has stopped")]
    Stopped,
}
