//! The identity of a request: what caches, cassettes and journals key on.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, OutputShape, Part, Request, Settings};

/// A BLAKE3 hash. Displays as 64 hex digits, and serializes so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // It is a hash already: a part of it tells as much as the whole.
        state.write_u64(self.to_u64());
    }
}

impl Digest {
    /// Hash of a value's JSON with sorted keys: equal values have equal digests, whatever order their maps were made in.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        // What can't be written as JSON has no identity to keep apart; the digest of null stands for it.
        Self::of_value(&serde_json::to_value(value).unwrap_or_default())
    }

    /// Hash of a JSON value with sorted keys.
    #[must_use]
    pub fn of_value(value: &Value) -> Self {
        let mut sink = Sink::new();
        feed(&mut sink, value);
        sink.digest()
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

    /// The digest of the two together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut both = [0; 64];
        for (to, from) in both.iter_mut().zip(self.0.iter().chain(&other.0)) {
            *to = *from;
        }
        Self::of_bytes(&both)
    }

    /// The first eight bytes as a number: a seed, or a short id.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

/// Hashes keys that are hashes already, a [`Digest`] or a number, by leaving them as they are.
#[derive(Debug, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Never used for the keys there are.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

/// Gathers what is to be hashed. Most of it comes in pieces of a few bytes, each of which would cost the hasher more than its
/// bytes do.
struct Sink {
    gathered: [u8; 1024],
    len: usize,
    /// What did not fit, once there is such.
    hasher: Option<Box<blake3::Hasher>>,
}

impl Sink {
    fn new() -> Self {
        Self {
            gathered: [0; 1024],
            len: 0,
            hasher: None,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some(room) = self.gathered.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
            return;
        }
        self.flush();
        if let Some(room) = self.gathered.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.len = bytes.len();
        } else if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
    }

    fn flush(&mut self) {
        let hasher = self.hasher.get_or_insert_with(Box::default);
        hasher.update(self.gathered.get(..self.len).unwrap_or_default());
        self.len = 0;
    }

    fn digest(mut self) -> Digest {
        if self.hasher.is_none() {
            return Digest::of_bytes(self.gathered.get(..self.len).unwrap_or_default());
        }
        self.flush();
        let hash = self.hasher.map(|hasher| hasher.finalize());
        Digest(hash.map_or([0; 32], |hash| *hash.as_bytes()))
    }
}

/// Feeds a value so that different values can't feed the same bytes: every string and container says its length.
fn feed(hasher: &mut Sink, value: &Value) {
    let tag = |hasher: &mut Sink, tag: &[u8], n: usize| {
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
        let mut hasher = Sink::new();
        let mut entry = |name: &str, write: &mut dyn FnMut(&mut Sink)| {
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
        hasher.digest()
    }

    /// A quick hash for tables in memory: equal requests have the same, and different ones hardly ever. It leaves out what
    /// seldom differs; [`Request::same_as`] tells for sure.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        self.prefix.digest().hash(hasher);
        hasher.write_u64(self.sample);
        hasher.write_u64(self.settings.temperature.map_or(0, f64::to_bits));
        for message in &self.turns {
            for part in &message.parts {
                if let Part::Text { text } = part {
                    text.hash(hasher);
                }
            }
        }
    }

    /// Whether the two are the same request, as equal digests say it.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        // Every field, so that a new one is not forgotten here.
        let Self {
            prefix,
            turns,
            settings,
            response_format,
            output,
            tools,
            tool_choice,
            sample,
        } = self;
        let shape = |output: &Option<Arc<OutputShape>>| output.as_ref().map(|shape| shape.digest());
        *sample == other.sample
            && *turns == other.turns
            && *settings == other.settings
            && (Arc::ptr_eq(prefix, &other.prefix) || prefix.digest() == other.prefix.digest())
            && *response_format == other.response_format
            && shape(output) == shape(&other.output)
            && *tools == other.tools
            && *tool_choice == other.tool_choice
    }
}

fn feed_text(hasher: &mut Sink, tag: &[u8], text: &str) {
    hasher.update(tag);
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn feed_as_json<T: Serialize + ?Sized>(hasher: &mut Sink, value: &T) {
    feed(hasher, &serde_json::to_value(value).unwrap_or_default());
}

fn feed_message(hasher: &mut Sink, message: &Message) {
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

    #[test]
    fn how_a_text_is_gathered_is_no_part_of_the_digest() {
        for length in [0, 1, 900, 1023, 1024, 1025, 5000] {
            let text = "x".repeat(length);
            let mut sink = Sink::new();
            let mut whole = blake3::Hasher::new();
            for piece in ["before ", &text, " and ", &text, "."] {
                sink.update(piece.as_bytes());
                whole.update(piece.as_bytes());
            }
            assert_eq!(sink.digest().as_bytes(), whole.finalize().as_bytes(), "{length}");
        }
    }

    #[test]
    fn the_same_request_is_told_from_others_without_a_digest() {
        use crate::lm::{Prefix, ResponseFormat};

        let base = || Request {
            prefix: Prefix::new(vec![Message::system("s")]).into(),
            ..Request::new(vec![Message::user("a")])
        };
        assert!(base().same_as(&base()));
        let changes: [fn(&mut Request); 6] = [
            |r| r.turns[0] = Message::user("b"),
            |r| r.prefix = Prefix::default().into(),
            |r| r.settings.seed = Some(1),
            |r| r.sample = 1,
            |r| r.response_format = Some(ResponseFormat::JsonObject.into()),
            |r| r.output = Some(OutputShape::new(vec![crate::lm::Piece::Free]).into()),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let mut other = base();
            change(&mut other);
            assert!(
                !base().same_as(&other) && base().digest("m") != other.digest("m"),
                "{n}"
            );
        }
    }
}
