//! The embedders of Google's Gemini API.

use dictum_core::embed::{BatchLimit, Embeddings};
use dictum_core::lm::LmError;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{EmbedDialect, Purpose, Wanted, read, usage};
use crate::Secret;
use crate::dialect::Dialect;
use crate::gemini::GenerateContent;
use crate::refusal::Refusal;

/// Gemini's `batchEmbedContents`.
#[derive(Debug, Clone, Copy)]
pub struct Gemini;

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Entry>,
    #[serde(default, rename = "usageMetadata")]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Entry {
    values: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: Option<u64>,
}

/// The model with the collection it stands in.
fn resource(model: &str) -> String {
    if model.contains('/') {
        model.to_owned()
    } else {
        format!("models/{model}")
    }
}

impl EmbedDialect for Gemini {
    const PROVIDER: &'static str = "gemini";
    const KEY_VARIABLE: &'static str = "GEMINI_API_KEY";
    const BASE_URL: &'static str = "https://generativelanguage.googleapis.com/v1beta";
    const LIMIT: BatchLimit = BatchLimit {
        texts: 100,
        bytes: usize::MAX,
    };

    fn endpoint(model: &str, mut base: Url) -> Url {
        if let Ok(mut path) = base.path_segments_mut() {
            path.extend(format!("{}:batchEmbedContents", resource(model)).split('/'));
        }
        base
    }

    fn authorize(key: &Secret) -> (&'static str, Secret) {
        ("x-goog-api-key", key.clone())
    }

    fn body(wanted: &Wanted, texts: &[String]) -> Value {
        let purpose = wanted.purpose.map(|purpose| match purpose {
            Purpose::Document => "RETRIEVAL_DOCUMENT",
            Purpose::Query => "RETRIEVAL_QUERY",
            Purpose::Similarity => "SEMANTIC_SIMILARITY",
            Purpose::Classification => "CLASSIFICATION",
            Purpose::Clustering => "CLUSTERING",
        });
        let requests = texts.iter().map(|text| {
            let mut request = json!({
                "model": resource(&wanted.model),
                "content": { "parts": [{ "text": text }] },
            });
            if let Some(request) = request.as_object_mut() {
                if let Some(purpose) = purpose {
                    request.insert("taskType".to_owned(), json!(purpose));
                }
                if let Some(dimensions) = wanted.dimensions {
                    request.insert("outputDimensionality".to_owned(), json!(dimensions));
                }
                request.extend(wanted.extra.clone());
            }
            request
        });
        json!({ "requests": requests.collect::<Value>() })
    }

    fn answer(bytes: &[u8]) -> Result<Embeddings, LmError> {
        let answer: Answer = read(bytes)?;
        let tokens = answer.usage.and_then(|usage| usage.prompt_token_count);
        Ok(Embeddings {
            vectors: answer.embeddings.into_iter().map(|entry| entry.values).collect(),
            usage: usage(tokens),
        })
    }

    fn refused(refusal: &Refusal) -> LmError {
        GenerateContent::refused(refusal)
    }
}
