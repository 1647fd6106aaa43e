//! Images, sounds and documents.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An image, sound or document: its content, or where the provider finds it.
///
/// Never fetched by Dictum: an address is handed to the provider as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Its media type, such as `image/png`. May be empty for an address or id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// The content or its place.
    #[serde(flatten)]
    pub data: MediaData,
    /// A file name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The content of a [`Media`] or its place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaData {
    /// The bytes, in base64.
    Base64(Arc<str>),
    /// An address.
    Url(String),
    /// An id of a file the provider already has.
    Id(String),
}

impl Media {
    /// Media at an address.
    pub fn url(url: impl Into<String>) -> Self {
        Self {
            media_type: String::new(),
            data: MediaData::Url(url.into()),
            name: None,
        }
    }

    /// Media given as base64.
    pub fn base64(media_type: impl Into<String>, data: impl Into<Arc<str>>) -> Self {
        Self {
            media_type: media_type.into(),
            data: MediaData::Base64(data.into()),
            name: None,
        }
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Content would flood logs and traces.
        match &self.data {
            MediaData::Base64(data) => {
                write!(f, "Media({}, {} base64 characters)", self.media_type, data.len())
            }
            MediaData::Url(url) => write!(f, "Media({url})"),
            MediaData::Id(id) => write!(f, "Media(id {id})"),
        }
    }
}

impl fmt::Debug for MediaData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64(data) => write!(f, "Base64({} characters)", data.len()),
            Self::Url(url) => write!(f, "Url({url})"),
            Self::Id(id) => write!(f, "Id({id})"),
        }
    }
}
