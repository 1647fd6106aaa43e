//! Cohere's embedders.

use dictum_core::embed::{BatchLimit, Embeddings};
use dictum_core::lm::LmError;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{EmbedDialect, Purpose, Wanted, read, usage};
use crate::dialect::Dialect;
use crate::openai::Chat;
use crate::refusal::Refusal;

/// Cohere's `/embed`, version 2.
#[derive(Debug, Clone, Copy)]
pub struct Cohere;

#[derive(Deserialize)]
struct Answer {
    embeddings: ByType,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct ByType {
    float: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<Units>,
}

#[derive(Deserialize)]
struct Units {
    // A count, though some answers write it as `5.0`.
    input_tokens: Option<f64>,
}

impl EmbedDialect for Cohere {
    const PROVIDER: &'static str = "cohere";
    const KEY_VARIABLE: &'static str = "COHERE_API_KEY";
    const BASE_URL: &'static str = "https://api.cohere.com/v2";
    const LIMIT: BatchLimit = BatchLimit {
        texts: 96,
        bytes: usize::MAX,
    };

    fn endpoint(_: &str, mut base: Url) -> Url {
        if !base.path().ends_with("/embed")
            && let Ok(mut path) = base.path_segments_mut()
        {
            path.push("embed");
        }
        base
    }

    fn body(wanted: &Wanted, texts: &[String]) -> Value {
        // The purpose must be said.
        let purpose = match wanted.purpose.unwrap_or_default() {
            Purpose::Document | Purpose::Similarity => "search_document",
            Purpose::Query => "search_query",
            Purpose::Classification => "classification",
            Purpose::Clustering => "clustering",
        };
        let mut body = json!({
            "model": wanted.model,
            "texts": texts,
            "input_type": purpose,
            "embedding_types": ["float"],
        });
        if let Some(body) = body.as_object_mut() {
            if let Some(dimensions) = wanted.dimensions {
                body.insert("output_dimension".to_owned(), json!(dimensions));
            }
            body.extend(wanted.extra.clone());
        }
        body
    }

    fn answer(bytes: &[u8]) -> Result<Embeddings, LmError> {
        let answer: Answer = read(bytes)?;
        let units = answer.meta.and_then(|meta| meta.billed_units?.input_tokens);
        let tokens = units.map(|tokens| tokens as u64);
        Ok(Embeddings {
            vectors: answer.embeddings.float,
            usage: usage(tokens),
        })
    }

    fn refused(refusal: &Refusal) -> LmError {
        // A lone `message`, one of the forms that OpenAI's reader knows.
        Chat::refused(refusal)
    }
}
