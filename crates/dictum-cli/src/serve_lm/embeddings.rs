//! `POST /v1/embeddings`: its body and its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dictum_core::embed::Embeddings;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;

/// OpenAI's limit too.
const MOST_TEXTS: usize = 2048;

/// What was asked for.
#[derive(Debug)]
pub struct Texts {
    /// The model's name.
    pub model: String,
    /// The texts.
    pub texts: Vec<String>,
    /// The length that the vectors must have, if that was said.
    pub dimensions: Option<usize>,
    base64: bool,
}

#[derive(Deserialize)]
struct Body {
    model: String,
    input: Value,
    encoding_format: Option<Encoding>,
    dimensions: Option<usize>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Float,
    Base64,
}

impl Texts {
    /// Reads a body.
    pub fn read(bytes: &[u8]) -> Result<Self, ApiError> {
        let body: Body = super::read(bytes)?;
        let texts = match body.input {
            Value::String(text) => vec![text],
            input => serde_json::from_value(input).map_err(|_| {
                ApiError::unsupported(
                    "input",
                    "`input` must be a text or a list of texts; tokens are not taken",
                )
            })?,
        };
        if texts.is_empty() || texts.len() > MOST_TEXTS {
            let message = format!(
                "`input` must have from 1 to {MOST_TEXTS} texts, not {}",
                texts.len()
            );
            return Err(ApiError::param("input", message));
        }
        Ok(Self {
            model: body.model,
            texts,
            dimensions: body.dimensions,
            base64: body.encoding_format == Some(Encoding::Base64),
        })
    }

    /// The answer.
    pub fn answer(&self, done: &Embeddings) -> Value {
        let written = |vector: &Vec<f32>| {
            if self.base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                Value::String(STANDARD.encode(bytes))
            } else {
                json!(vector)
            }
        };
        let row = |(index, vector): (usize, &Vec<f32>)| json!({"object": "embedding", "index": index, "embedding": written(vector)});
        let data: Vec<Value> = done.vectors.iter().enumerate().map(row).collect();
        let tokens = done.usage.input_tokens;
        json!({
            "object": "list",
            "data": data,
            "model": self.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_as_numbers_or_as_the_same_numbers_in_base64() {
        let done = Embeddings {
            vectors: vec![vec![1.0, -0.5], vec![0.25, 3.0]],
            ..Embeddings::default()
        };
        let ask = |format: &str| {
            let body = json!({"model": "m", "input": ["a", "b"], "encoding_format": format});
            Texts::read(body.to_string().as_bytes()).unwrap().answer(&done)
        };
        assert_eq!(ask("float")["data"][1]["embedding"], json!([0.25, 3.0]));
        let text = ask("base64")["data"][0]["embedding"].as_str().unwrap().to_owned();
        let bytes = STANDARD.decode(text).unwrap();
        assert_eq!(bytes, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf]);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for input in [json!([1, 2]), json!([]), json!([["a"]]), json!(vec!["a"; 2049])] {
            let body = json!({"model": "m", "input": input});
            let error = Texts::read(body.to_string().as_bytes()).unwrap_err().body();
            assert_eq!(error["error"]["param"], "input", "{error}");
        }
    }
}
