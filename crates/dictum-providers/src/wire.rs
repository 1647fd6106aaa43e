//! Small things that several dialects write or read the same way.

use dictum_core::lm::{LmError, LmErrorKind, Media, Payload, Response};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

/// The body of a call: two members that borrow the texts of its request, prompts being long and the same for many calls, and
/// all else by name. They are sent in this order.
#[derive(Debug)]
pub(crate) struct Body<A, B> {
    /// A name and its value, if any; and so the next.
    pub(crate) first: (&'static str, Option<A>),
    pub(crate) second: (&'static str, Option<B>),
    /// What is named here stands in place of the two above.
    pub(crate) rest: Map<String, Value>,
}

impl<A: Serialize, B: Serialize> Serialize for Body<A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        if let (name, Some(value)) = &self.first
            && !self.rest.contains_key(*name)
        {
            body.serialize_entry(name, value)?;
        }
        if let (name, Some(value)) = &self.second
            && !self.rest.contains_key(*name)
        {
            body.serialize_entry(name, value)?;
        }
        for (name, value) in &self.rest {
            body.serialize_entry(name, value)?;
        }
        body.end()
    }
}

/// The error of a request that serde can't write.
pub(crate) fn unwritable(error: serde_json::Error) -> LmError {
    let message = "the request can't be written as JSON";
    LmError::new(LmErrorKind::InvalidRequest, message).with_source(error)
}

/// An answer that was put together from a stream, with its payload.
pub(crate) fn with_payload(response: Response, payload: &Value) -> Response {
    Response {
        raw: Some(Payload::from(payload)),
        ..response
    }
}

/// Merges parameters that stand over all others; `null` takes one out.
pub(crate) fn merge_extra(extra: &Map<String, Value>, body: &mut Map<String, Value>) {
    for (name, value) in extra {
        if value.is_null() {
            body.shift_remove(name);
        } else {
            body.insert(name.clone(), value.clone());
        }
    }
}

/// Arguments of a tool call that came as JSON in a text. What is not JSON stays a text, for the caller to show to the model.
pub(crate) fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The media type, or the usual one where none is given.
pub(crate) fn media_type<'a>(media: &'a Media, usual: &'a str) -> &'a str {
    if media.media_type.is_empty() {
        usual
    } else {
        &media.media_type
    }
}

/// Content in place of an address.
pub(crate) fn data_url(media: &Media, data: &str, usual: &str) -> String {
    format!("data:{};base64,{data}", media_type(media, usual))
}
