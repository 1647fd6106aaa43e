//! The identity of a request: what caches, cassettes and journals key on.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Request;

/// A BLAKE3 hash. Displays as 64 hex digits, and serializes so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hash of a value's JSON with sorted keys: equal values have equal digests, whatever order their maps were made in.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        // What can't be written as JSON has no identity to keep apart; the digest of null stands for it.
        Self::of_value(&serde_json::to_value(value).unwrap_or_default())
    }

    /// Hash of a JSON value with sorted keys.
    #[must_use]
    pub fn of_value(value: &Value) -> Self {
        let mut hasher = blake3::Hasher::new();
        feed(&mut hasher, value);
        Self(*hasher.finalize().as_bytes())
    }

    /// Hash of bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes as a number: a seed, or a short id.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        self.0
            .iter()
            .take(8)
            .fold(0, |n, byte| (n << 8) | u64::from(*byte))
    }
}

/// Feeds a value so that different values can't feed the same bytes: every string and container says its length.
fn feed(hasher: &mut blake3::Hasher, value: &Value) {
    let tag = |hasher: &mut blake3::Hasher, tag: &[u8], n: usize| {
        hasher.update(tag);
        hasher.update(&(n as u64).to_le_bytes());
    };
    match value {
        Value::Null => {
            hasher.update(b"n");
        }
        Value::Bool(b) => {
            hasher.update(if *b { b"t" } else { b"f" });
        }
        Value::Number(n) => {
            let text = n.to_string();
            tag(hasher, b"#", text.len());
            hasher.update(text.as_bytes());
        }
        Value::String(text) => {
            tag(hasher, b"s", text.len());
            hasher.update(text.as_bytes());
        }
        Value::Array(items) => {
            tag(hasher, b"[", items.len());
            for item in items {
                feed(hasher, item);
            }
        }
        Value::Object(entries) => {
            tag(hasher, b"{", entries.len());
            let mut keys: Vec<_> = entries.iter().collect();
            keys.sort_by_key(|(key, _)| key.as_str());
            for (key, value) in keys {
                tag(hasher, b"k", key.len());
                hasher.update(key.as_bytes());
                feed(hasher, value);
            }
        }
    }
}

impl Request {
    /// Identity of this request to this model: messages, settings, output and sample. Two requests with the same digest may
    /// share an answer.
    #[must_use]
    pub fn digest(&self, model: &str) -> Digest {
        Digest::of_value(&json!({
            "model": model,
            "prefix": self.prefix.digest().to_string(),
            "turns": self.turns,
            "settings": self.settings,
            "format": self.response_format,
            "output": self.output.as_ref().map(|shape| shape.digest().to_string()),
            "tools": self.tools.as_ref(),
            "tool_choice": self.tool_choice,
            "sample": self.sample,
        }))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is not a digest of 64 hex digits"));
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_order_is_no_part_of_the_identity_and_structure_is() {
        let digest = |text: &str| Digest::of_value(&serde_json::from_str(text).unwrap());
        assert_eq!(
            digest(r#"{"a":1,"b":[true,null]}"#),
            digest(r#"{"b":[true,null],"a":1}"#)
        );
        assert_ne!(digest(r#"["ab"]"#), digest(r#"["a","b"]"#));
        assert_ne!(digest(r#"[["a"],"b"]"#), digest(r#"[["a","b"]]"#));
        assert_ne!(digest("1"), digest(r#""1""#));
    }

    #[test]
    fn a_digest_survives_json() {
        let digest = Digest::of("x");
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"zz\"").is_err());
    }
}
