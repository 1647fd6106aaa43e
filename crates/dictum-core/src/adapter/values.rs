//! Values as text.

use std::borrow::Cow;

use serde_json::Value;

use crate::lm::{Media, Part};
use crate::parse::{self, escape};
use crate::signature::FieldSpec;
use crate::types::{Kind, Type};

/// A value as it stands under a header of the chat layout: text as itself, escaped; everything else as JSON.
///
/// Text in a field that is not plain text (`Optional[str]`, a label, a union) is written bare when it reads back as
/// the same value, else as a JSON string, so that the text `null` and no value stay apart.
pub(super) fn chat<'a>(field: &FieldSpec, value: &'a Value) -> Cow<'a, str> {
    match value {
        Value::String(text) if field.schema.ty.is_text() => escape::chat(text),
        Value::String(text) => {
            let bare = escape::chat(text);
            match parse::value(&bare, &field.schema) {
                Ok(reading) if reading.value == *value && reading.repairs.is_empty() => bare,
                _ => json(field, value),
            }
        }
        value => json(field, value),
    }
}

fn json<'a>(field: &FieldSpec, value: &Value) -> Cow<'a, str> {
    let text = escape::json_value(value, &field.schema).to_string();
    Cow::Owned(match escape::chat(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    })
}

/// The message parts of a value of a media type. `None` for every other type, and for what is no media after all.
pub(super) fn media(ty: &Type, value: &Value) -> Option<Vec<Part>> {
    match (&ty.kind, value) {
        (Kind::Optional(inner), value) if !value.is_null() => media(inner, value),
        (Kind::List { item, .. }, Value::Array(values)) if item.is_media() => {
            let parts: Option<Vec<_>> = values.iter().map(|value| media(item, value)).collect();
            Some(parts?.into_iter().flatten().collect())
        }
        (Kind::Image, value) => Some(vec![Part::Image { media: read(value)? }]),
        (Kind::Audio, value) => Some(vec![Part::Audio { media: read(value)? }]),
        (Kind::File, value) => Some(vec![Part::File { media: read(value)? }]),
        _ => None,
    }
}

fn read(value: &Value) -> Option<Media> {
    use serde::Deserialize;
    Media::deserialize(value).ok()
}
