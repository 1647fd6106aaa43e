//! Frames of AWS event streams.

use axum::body::Bytes;
use serde_json::Value;

/// The frame of an event of this type.
#[must_use]
pub fn event_frame(kind: &str, payload: &Value) -> Bytes {
    frame("event", ":event-type", kind, payload)
}

/// The frame of an exception of this type.
#[must_use]
pub fn exception_frame(kind: &str, payload: &Value) -> Bytes {
    frame("exception", ":exception-type", kind, payload)
}

fn frame(message: &str, name: &str, kind: &str, payload: &Value) -> Bytes {
    let mut headers = Vec::new();
    for (name, value) in [
        (name, kind),
        (":content-type", "application/json"),
        (":message-type", message),
    ] {
        headers.extend(length::<1>(name.len()));
        headers.extend_from_slice(name.as_bytes());
        // A text.
        headers.push(7);
        headers.extend(length::<2>(value.len()));
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string();
    let mut out = Vec::new();
    // Two lengths and three checksums, the last at the end.
    out.extend(length::<4>(16 + headers.len() + payload.len()));
    out.extend(length::<4>(headers.len()));
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload.into_bytes());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    Bytes::from(out)
}

/// A length in so many bytes, the highest first.
fn length<const N: usize>(length: usize) -> impl Iterator<Item = u8> {
    length.to_be_bytes().into_iter().skip(size_of::<usize>() - N)
}
