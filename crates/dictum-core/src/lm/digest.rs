//! The identity of a request: what caches, cassettes and journals key on.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, Part, Request, Settings};

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
        // As if the whole were one JSON object, keys sorted, without making it: calls are many and texts are long.
        let mut hasher = blake3::Hasher::new();
        let mut entry = |name: &str, write: &mut dyn FnMut(&mut blake3::Hasher)| {
            feed_text(&mut hasher, b"k", name);
            write(&mut hasher);
        };
        entry("format", &mut |h| feed_as_json(h, &self.response_format));
        entry("model", &mut |h| feed_text(h, b"s", model));
        entry("output", &mut |h| {
            feed_as_json(h, &self.output.as_ref().map(|shape| shape.digest()))
        });
        entry("prefix", &mut |h| {
            h.update(self.prefix.digest().as_bytes());
        });
        entry("sample", &mut |h| {
            h.update(&self.sample.to_le_bytes());
        });
        if self.settings != Settings::default() {
            entry("settings", &mut |h| feed_as_json(h, &self.settings));
        }
        entry("tool_choice", &mut |h| feed_as_json(h, &self.tool_choice));
        if !self.tools.is_empty() {
            entry("tools", &mut |h| feed_as_json(h, self.tools.as_ref()));
        }
        entry("turns", &mut |h| {
            self.turns.iter().for_each(|message| feed_message(h, message))
        });
        Digest(*hasher.finalize().as_bytes())
    }
}

fn feed_text(hasher: &mut blake3::Hasher, tag: &[u8], text: &str) {
    hasher.update(tag);
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn feed_as_json<T: Serialize + ?Sized>(hasher: &mut blake3::Hasher, value: &T) {
    feed(hasher, &serde_json::to_value(value).unwrap_or_default());
}

fn feed_message(hasher: &mut blake3::Hasher, message: &Message) {
    feed_text(hasher, b"m", message.role.as_str());
    hasher.update(&(message.parts.len() as u64).to_le_bytes());
    for part in &message.parts {
        match part {
            Part::Text { text } => feed_text(hasher, b"T", text),
            other => feed_as_json(hasher, other),
        }
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
    fn all_a_request_says_is_its_identity_and_map_order_is_not() {
        use crate::lm::{Prefix, ResponseFormat, ToolChoice, ToolSpec};

        let base = || Request::new(vec![Message::user("ab"), Message::assistant("c")]);
        let with = |change: &dyn Fn(&mut Request)| {
            let mut request = base();
            change(&mut request);
            request.digest("m")
        };
        let tool = |name: &str| ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters: Value::Null,
        };
        let all = [
            base().digest("m"),
            base().digest("n"),
            with(&|r| r.turns[0] = Message::user("a")),
            with(&|r| r.turns[0] = Message::system("ab")),
            with(&|r| r.turns[0].parts = vec![Part::text("a"), Part::text("b")]),
            with(&|r| r.turns[0].parts.push(Part::text("c"))),
            with(&|r| r.turns.truncate(1)),
            with(&|r| r.prefix = Prefix::new(vec![Message::user("ab")]).into()),
            with(&|r| r.sample = 1),
            with(&|r| r.settings.temperature = Some(0.0)),
            with(&|r| r.response_format = Some(ResponseFormat::JsonObject.into())),
            with(&|r| r.tools = vec![tool("a")].into()),
            with(&|r| r.tools = vec![tool("b")].into()),
            with(&|r| r.tool_choice = ToolChoice::Required),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());

        let extra = |text: &str| {
            let extra = serde_json::from_str(text).unwrap();
            with(&|r| {
                r.settings = Settings {
                    extra: serde_json::Map::clone(&extra),
                    ..Settings::default()
                }
            })
        };
        assert_eq!(extra(r#"{"a":1,"b":2}"#), extra(r#"{"b":2,"a":1}"#));
    }

    #[test]
    fn a_digest_survives_json() {
        let digest = Digest::of("x");
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"zz\"").is_err());
    }
}
