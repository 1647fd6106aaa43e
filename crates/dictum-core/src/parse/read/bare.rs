//! Scalars without quotes: numbers, literals, and text that should have been quoted.

use super::{Place, Reader, Stop};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;

/// Longest number or literal.
const MAX_TOKEN: usize = 4096;
/// Longest key that is read without quotes.
const MAX_BARE_KEY: usize = 160;

impl<'a> Reader<'a> {
    /// A number, `true`, `false` or `null`, exactly as JSON has them.
    pub(super) fn strict_scalar(&mut self) -> Result<Node, Stop> {
        let start = self.pos;
        let token = self.token_end(start);
        let word = self.slice(start, token);
        let kind = match word {
            "true" => NodeKind::Bool(true),
            "false" => NodeKind::Bool(false),
            "null" => NodeKind::Null,
            _ if is_json_number(word) => NodeKind::Number(word.to_owned()),
            _ => return Err(Stop::Syntax(start)),
        };
        self.pos = token;
        Ok(self.node(kind, start, Vec::new()))
    }

    fn token_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let bytes = bytes.get(..bytes.len().min(MAX_TOKEN)).unwrap_or_default();
        let length = bytes
            .iter()
            .position(|b| !matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
            .unwrap_or(bytes.len());
        start + length
    }

    /// Text up to what ends it in this place.
    pub(super) fn bare(&mut self, place: Place) -> Result<Node, Stop> {
        let start = self.pos;
        let end = self.bare_end(place);
        self.pos = end;
        let raw = self.slice(start, end);
        let text = raw.trim_end_matches(super::is_blank);
        let mut flaws = std::mem::take(&mut self.flaws);
        let kind = match classify(text) {
            Some((kind, python)) => {
                if python {
                    flaws.push(repair::PYTHON_LITERAL);
                }
                kind
            }
            None => NodeKind::Bare(text.to_owned()),
        };
        if text.is_empty() && place != Place::Top {
            flaws.push(repair::MISSING_VALUE);
        }
        // Only what touches the end can be longer than it looks; `true` and `null` can't.
        let cut = end == self.text.len()
            && raw.len() == text.len()
            && place != Place::Top
            && matches!(kind, NodeKind::Bare(_) | NodeKind::Number(_));
        let mut node = self.node(kind, start, flaws);
        node.end = start + text.len();
        node.cut = cut;
        Ok(node)
    }

    fn bare_end(&self, place: Place) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.pos;
        let mut round = 0_usize;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\n' | b'\r' => break,
                b' ' | b'\t' if self.next_member_at(at, place) => break,
                b'(' => round += 1,
                b')' if round > 0 => round -= 1,
                b'}' | b']' | b')' if self.open.contains(byte) => break,
                b'}' | b']' if self.stray_ends(at) => break,
                b',' if place == Place::Value
                    && !self.ends_before_comma(at)
                    && !self.comma_ends_value(at) => {}
                b',' | b';' if place != Place::Top => break,
                b'/' if at > self.pos && self.comment_at(at) => break,
                b'#' if at > self.pos && matches!(bytes.get(at - 1), Some(b' ' | b'\t')) => break,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Whether the blank at `at` stands where a comma is missing: a value is complete and the next one follows.
    fn next_member_at(&self, at: usize, place: Place) -> bool {
        if matches!(self.byte(at + 1), Some(b' ' | b'\t')) {
            return false;
        }
        let literal = at - self.pos <= 40 && classify(self.slice(self.pos, at)).is_some();
        let quoted = matches!(self.byte(at + 1), Some(b'"' | b'\''));
        match place {
            Place::Value => (literal || quoted) && self.key_at(at + 1),
            Place::Item if literal => {
                let end = self.token_end(at + 1);
                quoted
                    || matches!(self.byte(at + 1), Some(b'[' | b'{'))
                    || classify(self.slice(at + 1, end)).is_some()
            }
            _ => false,
        }
    }

    /// Whether a bracket that closes nothing open ends the text all the same: only more of its kind follow.
    fn stray_ends(&self, at: usize) -> bool {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.len() <= 64
            && rest
                .iter()
                .all(|b| b.is_ascii_whitespace() || matches!(b, b'}' | b']' | b';' | b'.'))
    }

    /// Whether what stands before the comma at `at` is a whole value: a literal, or a number that goes on with no digits.
    fn ends_before_comma(&self, at: usize) -> bool {
        let digits = self.byte(at + 1).is_some_and(|b| b.is_ascii_digit());
        !digits && at - self.pos <= 40 && classify(self.slice(self.pos, at).trim_end()).is_some()
    }

    fn comment_at(&self, at: usize) -> bool {
        matches!(self.byte(at + 1), Some(b'/' | b'*'))
            && matches!(self.byte(at - 1), Some(b' ' | b'\t' | b','))
    }

    /// A key without quotes, up to its colon.
    pub(super) fn bare_key(&mut self) -> &'a str {
        let start = self.pos;
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = bytes
            .iter()
            .take(MAX_BARE_KEY)
            .position(|b| matches!(b, b':' | b'=' | b',' | b'}' | b']' | b'{' | b'[' | b'\n' | b'"'))
            .unwrap_or_else(|| bytes.len().min(MAX_BARE_KEY));
        let mut end = start + length;
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.pos = end;
        self.slice(start, end).trim_end()
    }
}

/// The literal that a word is, and whether in another language's spelling than JSON's.
pub(crate) fn classify(word: &str) -> Option<(NodeKind, bool)> {
    Some(match word {
        "true" => (NodeKind::Bool(true), false),
        "false" => (NodeKind::Bool(false), false),
        "null" => (NodeKind::Null, false),
        "True" | "TRUE" => (NodeKind::Bool(true), true),
        "False" | "FALSE" => (NodeKind::Bool(false), true),
        "None" | "NULL" | "Null" | "nil" | "undefined" => (NodeKind::Null, true),
        _ if is_json_number(word) => (NodeKind::Number(word.to_owned()), false),
        _ => return None,
    })
}

/// Whether this is a number in JSON's syntax.
pub(crate) fn is_json_number(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    if bytes.get(at) == Some(&b'0') {
        at += 1;
    } else {
        let Some(end) = digits(at) else { return false };
        at = end;
    }
    if bytes.get(at) == Some(&b'.') {
        let Some(end) = digits(at + 1) else { return false };
        at = end;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        let Some(end) = digits(at) else { return false };
        at = end;
    }
    at == bytes.len()
}
