//! OpenAI's `/embeddings`, and what is compatible with it.

use dictum_core::embed::{BatchLimit, Embeddings};
use dictum_core::lm::LmError;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{EmbedDialect, Wanted, read, usage};
use crate::dialect::Dialect;
use crate::openai::Chat;
use crate::refusal::Refusal;

/// OpenAI's `/embeddings`.
#[derive(Debug, Clone, Copy)]
pub struct OpenAi;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Entry {
    embedding: Vec<f32>,
    #[serde(default)]
    index: usize,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl EmbedDialect for OpenAi {
    const PROVIDER: &'static str = "openai";
    const KEY_VARIABLE: &'static str = "OPENAI_API_KEY";
    const BASE_URL: &'static str = "https://api.openai.com/v1";
    // A request may have 300,000 tokens in all, and no text has more tokens than bytes.
    const LIMIT: BatchLimit = BatchLimit {
        texts: 2048,
        bytes: 300_000,
    };

    fn endpoint(_: &str, mut base: Url) -> Url {
        if !base.path().ends_with("/embeddings")
            && let Ok(mut path) = base.path_segments_mut()
        {
            path.push("embeddings");
        }
        base
    }

    fn body(wanted: &Wanted, texts: &[String]) -> Value {
        let mut body = json!({ "model": wanted.model, "input": texts, "encoding_format": "float" });
        if let Some(body) = body.as_object_mut() {
            if let Some(dimensions) = wanted.dimensions {
                body.insert("dimensions".to_owned(), json!(dimensions));
            }
            body.extend(wanted.extra.clone());
        }
        body
    }

    fn answer(bytes: &[u8]) -> Result<Embeddings, LmError> {
        let mut answer: Answer = read(bytes)?;
        // In the order of the texts already, unless a server's is another; a stable sort keeps those without indices.
        answer.data.sort_by_key(|entry| entry.index);
        let tokens = answer
            .usage
            .and_then(|usage| usage.prompt_tokens.or(usage.total_tokens));
        Ok(Embeddings {
            vectors: answer.data.into_iter().map(|entry| entry.embedding).collect(),
            usage: usage(tokens),
        })
    }

    fn refused(refusal: &Refusal) -> LmError {
        Chat::refused(refusal)
    }
}
