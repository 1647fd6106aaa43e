//! BERT-like weights as they are published (safetensors and a word list), made into the GGUF file that llama.cpp reads.
//!
//! Nothing is downloaded twice and nothing is run for it: it is bytes in another order, matrices in half precision. The same
//! input makes the same file, so the result has a pinned SHA-256 like any other model.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the weights don't say about the model.
const HEADS: u32 = 12;
const NORM_EPSILON: f32 = 1e-12;
/// `LLAMA_POOLING_TYPE_MEAN`.
const POOLING_MEAN: u32 = 1;
const ALIGNMENT: usize = 32;

/// GGUF's numbers for types of values.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// `source` is a safetensors file with the word list (a word a line) behind it.
pub(super) fn to_gguf(source: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let (weights, words) = Weights::read(source)?;
    let words: Vec<&str> = words.lines().collect();
    let tensors = weights.tensors()?;

    let mut out = Gguf::default();
    out.metadata(&weights, name, &words)?;
    let mut head = b"GGUF".to_vec();
    head.extend(3_u32.to_le_bytes());
    head.extend((tensors.len() as u64).to_le_bytes());
    head.extend(out.values.to_le_bytes());
    head.append(&mut out.bytes);
    let mut data = Vec::new();
    for tensor in &tensors {
        text(&mut head, &tensor.name);
        head.extend((tensor.shape.len() as u32).to_le_bytes());
        // GGUF names the fastest changing dimension first.
        for length in tensor.shape.iter().rev() {
            head.extend(length.to_le_bytes());
        }
        // Matrices in half precision. The rest is little, and llama.cpp adds it as it is.
        let added = ["position_embd.weight", "token_types.weight"].contains(&tensor.name.as_str());
        let half = tensor.shape.len() > 1 && !added;
        head.extend(u32::from(half).to_le_bytes());
        head.extend((data.len() as u64).to_le_bytes());
        for number in tensor.bytes.chunks_exact(4) {
            let number = f32::from_le_bytes(number.try_into().unwrap_or_default());
            if half {
                data.extend(half_precision(number).to_le_bytes());
            } else {
                data.extend(number.to_le_bytes());
            }
        }
        align(&mut data);
    }
    align(&mut head);
    head.append(&mut data);
    Ok(head)
}

/// A safetensors file.
struct Weights<'a> {
    head: BTreeMap<String, Value>,
    data: &'a [u8],
}

struct Tensor<'a> {
    name: String,
    shape: Vec<u64>,
    bytes: &'a [u8],
}

impl<'a> Weights<'a> {
    /// The weights, and the text behind them.
    fn read(source: &'a [u8]) -> Result<(Self, &'a str), String> {
        let short = || "it is cut short".to_owned();
        let (length, rest) = source.split_first_chunk::<8>().ok_or_else(short)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| short())?;
        let (head, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        let mut head: BTreeMap<String, Value> =
            serde_json::from_slice(head).map_err(|error| format!("its head is no JSON: {error}"))?;
        head.remove("__metadata__");
        let end = head
            .values()
            .filter_map(|tensor| range(tensor).map(|(_, end)| end))
            .max();
        let (data, words) = rest.split_at_checked(end.unwrap_or(0)).ok_or_else(short)?;
        let words =
            std::str::from_utf8(words).map_err(|error| format!("its word list is no text: {error}"))?;
        Ok((Self { head, data }, words))
    }

    fn shape(&self, name: &str) -> Result<Vec<u64>, String> {
        self.head
            .get(name)
            .and_then(|tensor| serde_json::from_value(tensor.get("shape")?.clone()).ok())
            .ok_or_else(|| format!("it has no `{name}`"))
    }

    fn dimension(&self, name: &str, at: usize) -> Result<u32, String> {
        let length = self
            .shape(name)?
            .get(at)
            .and_then(|length| u32::try_from(*length).ok());
        length.ok_or_else(|| format!("`{name}` has an odd shape"))
    }

    fn layers(&self) -> u32 {
        let layer = |name: &String| {
            name.strip_prefix("encoder.layer.")?
                .split('.')
                .next()?
                .parse::<u32>()
                .ok()
        };
        self.head
            .keys()
            .filter_map(layer)
            .max()
            .map_or(0, |last| last + 1)
    }

    /// The tensors that are computed with, under the names llama.cpp knows them by.
    fn tensors(&self) -> Result<Vec<Tensor<'a>>, String> {
        let mut tensors = Vec::new();
        for (name, described) in &self.head {
            // Position numbers are no weights, and the mean is taken instead of the pooler.
            let Some(renamed) = renamed(name) else {
                continue;
            };
            if described.get("dtype").and_then(Value::as_str) != Some("F32") {
                return Err(format!("`{name}` is not in F32"));
            }
            let shape = self.shape(name)?;
            let bytes = range(described).and_then(|(start, end)| self.data.get(start..end));
            let bytes = bytes
                .filter(|bytes| bytes.len() as u64 == shape.iter().product::<u64>().saturating_mul(4))
                .ok_or_else(|| format!("`{name}` has not as many numbers as its shape says"))?;
            tensors.push(Tensor {
                name: renamed,
                shape,
                bytes,
            });
        }
        Ok(tensors)
    }
}

fn range(tensor: &Value) -> Option<(usize, usize)> {
    serde_json::from_value(tensor.get("data_offsets")?.clone()).ok()
}

fn renamed(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    if let Some(layer) = stem.strip_prefix("encoder.layer.") {
        let (number, part) = layer.split_once('.')?;
        let part = match part {
            "attention.self.query" => "attn_q",
            "attention.self.key" => "attn_k",
            "attention.self.value" => "attn_v",
            "attention.output.dense" => "attn_output",
            "attention.output.LayerNorm" => "attn_output_norm",
            "intermediate.dense" => "ffn_up",
            "output.dense" => "ffn_down",
            "output.LayerNorm" => "layer_output_norm",
            _ => return None,
        };
        return Some(format!("blk.{number}.{part}.{kind}"));
    }
    let stem = match stem {
        "embeddings.word_embeddings" => "token_embd",
        "embeddings.position_embeddings" => "position_embd",
        "embeddings.token_type_embeddings" => "token_types",
        "embeddings.LayerNorm" => "token_embd_norm",
        _ => return None,
    };
    Some(format!("{stem}.{kind}"))
}

/// Named values, as GGUF writes them.
#[derive(Default)]
struct Gguf {
    values: u64,
    bytes: Vec<u8>,
}

impl Gguf {
    fn metadata(&mut self, weights: &Weights<'_>, name: &str, words: &[&str]) -> Result<(), String> {
        self.text("general.architecture", "bert");
        self.text("general.name", name);
        let feed_forward = weights.dimension("encoder.layer.0.intermediate.dense.weight", 0)?;
        for (key, number) in [
            (
                "bert.context_length",
                weights.dimension("embeddings.position_embeddings.weight", 0)?,
            ),
            (
                "bert.embedding_length",
                weights.dimension("embeddings.word_embeddings.weight", 1)?,
            ),
            ("bert.feed_forward_length", feed_forward),
            ("bert.block_count", weights.layers()),
            ("bert.attention.head_count", HEADS),
            ("bert.pooling_type", POOLING_MEAN),
            ("general.file_type", 1),
        ] {
            self.number(key, number);
        }
        self.value("bert.attention.layer_norm_epsilon", F32)
            .extend(NORM_EPSILON.to_le_bytes());
        self.value("bert.attention.causal", BOOL).push(0);

        if words.len() != weights.dimension("embeddings.word_embeddings.weight", 0)? as usize {
            return Err(format!(
                "its word list has {} words, not one for each vector",
                words.len()
            ));
        }
        self.text("tokenizer.ggml.model", "bert");
        self.number(
            "tokenizer.ggml.token_type_count",
            weights.dimension("embeddings.token_type_embeddings.weight", 0)?,
        );
        let list = self.list("tokenizer.ggml.tokens", STRING, words.len());
        for word in words {
            text(list, &as_llama_writes(word));
        }
        let list = self.list("tokenizer.ggml.token_type", I32, words.len());
        for word in words {
            let (normal, control) = (1_i32, 3_i32);
            list.extend(if special(word).is_some() { control } else { normal }.to_le_bytes());
        }
        for (at, word) in words.iter().enumerate() {
            if let Some(keys) = special(word) {
                for key in keys {
                    self.number(&format!("tokenizer.ggml.{key}_token_id"), at as u32);
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, key: &str, kind: u32) -> &mut Vec<u8> {
        self.values += 1;
        text(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
        &mut self.bytes
    }

    fn text(&mut self, key: &str, value: &str) {
        text(self.value(key, STRING), value);
    }

    fn number(&mut self, key: &str, value: u32) {
        self.value(key, U32).extend(value.to_le_bytes());
    }

    fn list(&mut self, key: &str, of: u32, length: usize) -> &mut Vec<u8> {
        let bytes = self.value(key, ARRAY);
        bytes.extend(of.to_le_bytes());
        bytes.extend((length as u64).to_le_bytes());
        bytes
    }
}

/// What a special word is for; some words have two uses.
fn special(word: &str) -> Option<&'static [&'static str]> {
    Some(match word {
        "[PAD]" => &["padding"],
        "[UNK]" => &["unknown"],
        // llama.cpp reads the older spelling.
        "[SEP]" => &["eos", "seperator"],
        "[CLS]" => &["bos", "cls"],
        "[MASK]" => &["mask"],
        _ => return None,
    })
}

/// Word lists mark what goes on within a word; llama.cpp marks where a word starts.
fn as_llama_writes(word: &str) -> String {
    if word.starts_with('[') && word.ends_with(']') {
        return word.to_owned();
    }
    match word.strip_prefix("##") {
        Some(inner) => inner.to_owned(),
        None => format!("\u{2581}{word}"),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn align(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

/// The nearest half-precision number, ties to even.
fn half_precision(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    let rounded = match magnitude {
        // NaN, and all that is too large: from 65520 up.
        0x7f80_0001.. => 0x7e00,
        0x477f_f000.. => 0x7c00,
        // Normal: the exponent moves, the last 13 bits are rounded off.
        0x3880_0000.. => {
            let moved = magnitude - 0x3800_0000;
            (moved + 0x0fff + ((moved >> 13) & 1)) >> 13
        }
        // Subnormal: adding a half makes the processor round at the right place.
        _ => (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5_f32.to_bits(),
    };
    sign | rounded as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_the_nearest() {
        for (number, half) in [
            (0.0, 0),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (65519.9, 0x7bff),
            (65520.0, 0x7c00),
            (f32::INFINITY, 0x7c00),
            // The smallest of its kind, and the smallest normal one.
            (2_f32.powi(-24), 1),
            (2_f32.powi(-14), 0x0400),
            // Ties go to the even neighbour.
            (1.0 + 2_f32.powi(-11), 0x3c00),
            (1.0 + 3.0 * 2_f32.powi(-11), 0x3c02),
            (2_f32.powi(-25), 0),
            (3.0 * 2_f32.powi(-25), 2),
        ] {
            assert_eq!(half_precision(number), half, "{number}");
        }
        assert_eq!(half_precision(f32::NAN) & 0x7c00, 0x7c00);
        assert_ne!(half_precision(f32::NAN) & 0x03ff, 0);
    }

    #[test]
    fn what_is_no_model_is_refused() {
        for (bytes, says) in [
            (&b"\x01"[..], "cut short"),
            (b"\xff\0\0\0\0\0\0\0{}", "cut short"),
            (b"\x02\0\0\0\0\0\0\0no", "no JSON"),
            (b"\x02\0\0\0\0\0\0\0{}words", "has no `encoder.layer.0"),
        ] {
            let error = to_gguf(bytes, "x").unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
