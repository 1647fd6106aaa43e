//! The layout of an answer, and the grammar made from it.

use llguidance::api::TopLevelGrammar;

use crate::error::EngineError;

/// One part of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Piece {
    /// Exactly this text.
    Literal(String),
    /// One of these strings.
    Choice(Vec<String>),
}

/// What an answer looks like: pieces, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
}

impl Layout {
    pub(crate) fn grammar(&self) -> Result<TopLevelGrammar, EngineError> {
        let mut names = Vec::new();
        let mut rules = String::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            let body = match piece {
                Piece::Literal(text) => quote(text),
                Piece::Choice(options) => options.iter().map(|o| quote(o)).collect::<Vec<_>>().join(" | "),
            };
            names.push(format!("P{at}"));
            rules.push_str(&format!("P{at}: {body}\n"));
        }
        Ok(TopLevelGrammar::from_lark(format!(
            "start: {}\n{rules}",
            names.join(" ")
        )))
    }
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
