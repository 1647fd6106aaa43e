//! Images, sounds and documents as field types.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use super::special;
use crate::lm::{Media, MediaData};
use crate::types::Kind;

/// A text that is no data URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a data URI: {problem}")]
pub struct DataUriError {
    problem: &'static str,
}

/// Reads `data:image/png;base64,...`, and the percent-encoded form too.
fn data_uri(uri: &str) -> Result<Media, DataUriError> {
    let wrong = |problem| DataUriError { problem };
    let prefix = uri.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("data:"));
    let rest = prefix
        .and_then(|_| uri.get(5..))
        .ok_or_else(|| wrong("it must start with `data:`"))?;
    let (head, data) = rest
        .split_once(',')
        .ok_or_else(|| wrong("there is no comma before the data"))?;
    let (media_type, is_base64) = match head.strip_suffix(";base64") {
        Some(media_type) => (media_type, true),
        None => (head, false),
    };
    let media_type = if media_type.is_empty() {
        "text/plain;charset=US-ASCII"
    } else {
        media_type
    };
    let bytes = if is_base64 {
        STANDARD
            .decode(data)
            .or_else(|_| STANDARD_NO_PAD.decode(data))
            .map_err(|_| wrong("the data is not base64"))?
    } else {
        percent_decode(data).ok_or_else(|| wrong("a `%` must be followed by two hexadecimal digits"))?
    };
    Ok(of_bytes(media_type, &bytes))
}

fn of_bytes(media_type: impl Into<String>, bytes: &[u8]) -> Media {
    Media::base64(media_type, STANDARD.encode(bytes))
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    Some(decoded)
}

macro_rules! media_type {
    ($(#[$doc:meta])* $name:ident, $example:literal) => {
        $(#[$doc])*
        ///
        /// It is never fetched or opened: an address goes to the provider as it is.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Media);

        impl $name {
            /// At an address, which the provider must be able to reach.
            pub fn url(url: impl Into<String>) -> Self {
                Self(Media::url(url))
            }

            #[doc = concat!("With this content, of this media type, such as `", $example, "`.")]
            pub fn bytes(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
                Self(of_bytes(media_type, bytes.as_ref()))
            }

            #[doc = concat!("From a data URI, `data:", $example, ";base64,...`.")]
            ///
            /// # Errors
            /// When the text is no data URI, or its data is not what it says.
            pub fn data_uri(uri: &str) -> Result<Self, DataUriError> {
                data_uri(uri).map(Self)
            }

            /// A file that the provider has already, by the id it gave.
            pub fn id(id: impl Into<String>) -> Self {
                Self(Media {
                    media_type: String::new(),
                    data: MediaData::Id(id.into()),
                    name: None,
                })
            }

            /// The same with a file name.
            #[must_use]
            pub fn with_name(mut self, name: impl Into<String>) -> Self {
                self.0.name = Some(name.into());
                self
            }

            /// What travels in the message.
            #[must_use]
            pub fn media(&self) -> &Media {
                &self.0
            }
        }

        impl From<Media> for $name {
            fn from(media: Media) -> Self {
                Self(media)
            }
        }

        impl From<$name> for Media {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        special!($name, Kind::$name);
    };
}

media_type!(
    /// An image.
    Image,
    "image/png"
);
media_type!(
    /// A sound.
    Audio,
    "audio/wav"
);
media_type!(
    /// A document.
    File,
    "application/pdf"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_uris_are_read_in_both_forms() {
        let bytes = Image::bytes("image/png", b"\x01ab");
        assert_eq!(Image::data_uri("data:image/png;base64,AWFi").unwrap(), bytes);
        assert_eq!(Image::data_uri("DATA:image/png,%01ab").unwrap(), bytes);
        // Padding is often forgotten.
        assert_eq!(
            File::data_uri("data:text/plain;base64,YQ").unwrap(),
            File::bytes("text/plain", "a")
        );
    }

    #[test]
    fn what_is_no_data_uri_says_why() {
        let problem = |uri: &str| Image::data_uri(uri).unwrap_err().to_string();
        assert_eq!(
            problem("https://a/b"),
            "not a data URI: it must start with `data:`"
        );
        assert_eq!(problem("ü"), "not a data URI: it must start with `data:`");
        assert_eq!(
            problem("data:image/png;base64"),
            "not a data URI: there is no comma before the data"
        );
        assert_eq!(
            problem("data:image/png;base64,?"),
            "not a data URI: the data is not base64"
        );
        assert_eq!(
            problem("data:image/png,%4"),
            "not a data URI: a `%` must be followed by two hexadecimal digits"
        );
    }
}
