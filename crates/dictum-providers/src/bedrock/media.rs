//! Images, sounds, films and documents as Converse takes them.

use std::collections::BTreeSet;

use dictum_core::lm::{LmError, Media, MediaData};
use serde_json::{Value, json};

use super::request::unsupported;

/// Names of documents given so far: each must be its own.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

pub(super) fn image(media: &Media) -> Result<Value, LmError> {
    let format = match subtype(media) {
        "" | "png" => "png",
        "jpeg" | "jpg" => "jpeg",
        other => other,
    };
    Ok(json!({ "format": format, "source": source(media, "an image")? }))
}

pub(super) fn audio(media: &Media) -> Result<Value, LmError> {
    let format = match subtype(media) {
        "" | "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        "mpeg" | "mp3" => "mp3",
        "mp4" | "x-m4a" | "m4a" => "m4a",
        other => other,
    };
    Ok(json!({ "format": format, "source": source(media, "audio")? }))
}

pub(super) fn video(media: &Media) -> Result<Value, LmError> {
    let format = match subtype(media) {
        "quicktime" => "mov",
        "x-matroska" => "mkv",
        "x-flv" => "flv",
        "x-ms-wmv" => "wmv",
        "3gpp" => "three_gp",
        other => other,
    };
    Ok(json!({ "format": format, "source": source(media, "video")? }))
}

pub(super) fn document(media: &Media, names: &mut Names) -> Result<Value, LmError> {
    let format = match media.media_type.as_str() {
        "" | "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "text/html" => "html",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        other => return Err(unsupported(format!("a document of type {other}"))),
    };
    let source = source(media, "a document")?;
    Ok(json!({ "format": format, "name": names.next(media.name.as_deref()), "source": source }))
}

/// The bytes, or their place on S3, which is the only one that is read.
fn source(media: &Media, what: &str) -> Result<Value, LmError> {
    match &media.data {
        MediaData::Base64(data) => Ok(json!({ "bytes": &**data })),
        MediaData::Url(url) if url.starts_with("s3://") => Ok(json!({ "s3Location": { "uri": url } })),
        MediaData::Url(_) => {
            let what = format!("{what} at an address that is not on S3; give its content");
            Err(unsupported(what))
        }
        MediaData::Id(_) => Err(unsupported(format!("{what} by id; give its content"))),
    }
}

fn subtype(media: &Media) -> &str {
    media
        .media_type
        .split_once('/')
        .map_or("", |(_, subtype)| subtype)
}

impl Names {
    /// A name of its own, made of what is allowed: letters, digits, hyphens, brackets, and single spaces.
    fn next(&mut self, wanted: Option<&str>) -> String {
        let wanted = wanted.unwrap_or_default();
        let stem = wanted.rsplit_once('.').map_or(wanted, |(stem, _)| stem);
        let allowed: String = stem
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "-()[]".contains(c) {
                    c
                } else {
                    ' '
                }
            })
            .take(180)
            .collect();
        let words: Vec<&str> = allowed.split_whitespace().collect();
        let base = if words.is_empty() {
            "document".to_owned()
        } else {
            words.join(" ")
        };
        let mut name = base.clone();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{base} {number}");
        }
        name
    }
}
