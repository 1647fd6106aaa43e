//! The layout of an answer, for engines that decode under a grammar.

use std::sync::OnceLock;

use serde::Serialize;
use serde_json::Value;

use super::Digest;

/// The layout an answer must have, as pieces one after the other. Adapters make it from the output fields; an engine
/// that can ([`super::Capabilities::output_shape`]) decodes under it, so that literal text is never sampled.
#[derive(Debug)]
pub struct OutputShape {
    pieces: Vec<Piece>,
    digest: OnceLock<Digest>,
}

/// One piece of an [`OutputShape`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Exactly this text.
    Text(String),
    /// One of these texts.
    Choice(Vec<String>),
    /// A whole number in decimal digits, within bounds where given.
    Int {
        /// Smallest allowed.
        min: Option<i64>,
        /// Largest allowed.
        max: Option<i64>,
    },
    /// A number, with or without decimals.
    Float,
    /// A JSON value of this JSON Schema.
    Json(Value),
    /// Any text, up to (and without) the text of the next piece, or the end of the answer.
    Free,
}

impl OutputShape {
    /// A layout of these pieces.
    #[must_use]
    pub fn new(pieces: Vec<Piece>) -> Self {
        Self {
            pieces,
            digest: OnceLock::new(),
        }
    }

    /// The pieces.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Hash of the pieces, computed once.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(&self.pieces))
    }
}
