//! Bodies that come whole and are not what they should be.

use std::io::Write;

use axum::body::Bytes;
use axum::http::{HeaderName, header};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::dialects::Chunk;

/// What is wrong with a [`Chat`](super::Chat) that comes whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Garble {
    /// The JSON ends in the middle, though the body says that it is whole; of a stream, that of one of its events.
    Truncated,
    /// Nothing.
    Empty,
    /// It says that it is a page of HTML, and isn't.
    SaysHtml,
    /// UTF-16 in place of UTF-8.
    Utf16,
    /// Compressed, as it says, without having been asked to be.
    Gzip,
    /// It says that it is compressed, and isn't.
    SaysGzip,
    /// The events of a stream that bring no text, or that have a number, come twice. A whole body is as it should be.
    Doubled,
    /// A stream where a whole answer was asked for, and the other way round.
    OtherForm,
}

/// The event of a stream that is cut: some have come before.
const CUT: usize = 8;

impl Garble {
    pub(super) fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::SaysHtml => Some((header::CONTENT_TYPE, "text/html; charset=utf-8")),
            Self::Gzip | Self::SaysGzip => Some((header::CONTENT_ENCODING, "gzip")),
            _ => None,
        }
    }

    pub(super) fn whole(self, body: Bytes) -> Bytes {
        match self {
            Self::Truncated => body.slice(..body.len() / 2),
            Self::Empty => Bytes::new(),
            Self::Utf16 => utf16(&body),
            Self::Gzip => gzip(&body),
            Self::SaysHtml | Self::SaysGzip | Self::Doubled | Self::OtherForm => body,
        }
    }

    pub(super) fn chunks(self, chunks: &mut Vec<Chunk>) {
        match self {
            Self::Truncated => {
                if let Some(chunk) = chunks.get_mut(CUT) {
                    let mut cut = chunk.bytes.slice(..chunk.bytes.len() / 2).to_vec();
                    cut.extend(b"\n\n");
                    chunk.bytes = Bytes::from(cut);
                }
            }
            Self::Empty => chunks.clear(),
            Self::Utf16 | Self::Gzip => {
                let all: Vec<u8> = chunks
                    .iter()
                    .flat_map(|chunk| chunk.bytes.iter().copied())
                    .collect();
                let bytes = if self == Self::Gzip {
                    gzip(&all)
                } else {
                    utf16(&all)
                };
                chunks.clear();
                chunks.push(Chunk {
                    bytes,
                    repeatable: false,
                });
            }
            Self::Doubled => {
                let once = std::mem::take(chunks);
                for chunk in once {
                    if chunk.repeatable {
                        let bytes = chunk.bytes.clone();
                        chunks.push(Chunk {
                            bytes,
                            repeatable: true,
                        });
                    }
                    chunks.push(chunk);
                }
            }
            Self::SaysHtml | Self::SaysGzip | Self::OtherForm => {}
        }
    }
}

fn utf16(text: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(text);
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    encoder.write_all(bytes).ok();
    Bytes::from(encoder.finish().unwrap_or_default())
}
