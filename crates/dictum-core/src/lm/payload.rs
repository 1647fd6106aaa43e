//! What a provider sent, kept as it came.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A provider's payload: JSON, kept as the text it came as and read when somebody asks for it, since hardly anybody does and
/// every answer has one. Cheap to clone. Files hold it as the JSON it is.
#[derive(Clone)]
pub struct Payload(Arc<str>);

impl Payload {
    /// Keeps a text of JSON. One that is none reads as a string of itself, so that nothing is lost.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Reads it.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_else(|_| Value::String(self.0.to_string()))
    }
}

impl From<&Value> for Payload {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({})", self.0)
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::from(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_what_files_hold_and_what_is_read() {
        let text = r#"{ "b": [1.5, null, "é"], "a": 18446744073709551615 }"#;
        let payload = Payload::from_text(text);
        assert_eq!(payload.text(), text);
        assert_eq!(payload.value()["b"][2], "é");
        let file = serde_json::to_string(&payload).unwrap();
        assert_eq!(file, r#"{"b":[1.5,null,"é"],"a":18446744073709551615}"#);
        assert_eq!(serde_json::from_str::<Payload>(&file).unwrap(), payload);
        assert_ne!(Payload::from_text("{}"), payload);
    }

    #[test]
    fn what_is_no_json_is_not_lost() {
        let payload = Payload::from_text("<html>");
        assert_eq!(payload.value(), "<html>");
        let file = serde_json::to_string(&payload).unwrap();
        assert_eq!(serde_json::from_str::<Payload>(&file).unwrap(), payload);
    }
}
