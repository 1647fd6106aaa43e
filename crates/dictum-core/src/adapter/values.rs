//! Values as text.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;

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
    let text = one_line(&escape::json_value(value, &field.schema));
    Cow::Owned(match escape::chat(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    })
}

/// JSON on one line with a space after commas and colons: as models write it, in fewer tokens than over many lines, and as the
/// local engine's grammar has it, so that an answer looks as the demonstrations do.
pub(super) fn one_line(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, OneLine);
    // Writing a tree to memory can't fail.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
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
