//! Looking ahead, a bounded way, to tell what a quote or comma was meant as.

use super::{Place, Reader};

/// How far is looked ahead for a key.
const REACH: usize = 120;
/// How much white space is looked across.
const BLANK_REACH: usize = 64;

impl Reader<'_> {
    /// The place after white space from `at` (a bounded way) and whether a line ended on the way.
    fn across(&self, at: usize) -> (usize, bool) {
        let mut end = at;
        let mut line = false;
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.byte(end) {
            line |= byte == b'\n';
            end += 1;
            if end - at > BLANK_REACH {
                break;
            }
        }
        (end, line)
    }

    /// Whether a key with its colon starts at `at`.
    pub(super) fn key_at(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes().get(at..).unwrap_or_default();
        let quote = match bytes.first() {
            Some(quote @ (b'"' | b'\'' | b'`')) => Some(*quote),
            // The first byte of a smart quote.
            Some(0xe2) => Some(0xe2),
            _ => None,
        };
        if let Some(quote) = quote {
            let mut index = if quote == 0xe2 { 3 } else { 1 };
            while index < REACH {
                match bytes.get(index) {
                    Some(b'\\') => index += 1,
                    Some(b'\n') | None => return false,
                    Some(byte) if *byte == quote => {
                        let width = if quote == 0xe2 { 3 } else { 1 };
                        let (next, _) = self.across(at + index + width);
                        // Without a colon only a plain name in front of an unmistakable value is a key.
                        let name = bytes.get(width..index).unwrap_or_default();
                        let plain =
                            name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') && !name.is_empty();
                        return match self.byte(next) {
                            Some(b':') => true,
                            Some(b'=') => self.byte(next + 1) != Some(b'='),
                            Some(b'"' | b'{' | b'[' | b'0'..=b'9') => plain && next > at + index + width,
                            _ => false,
                        };
                    }
                    Some(_) => {}
                }
                index += 1;
            }
            return false;
        }
        let length = bytes
            .iter()
            .take(REACH)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$' | 0x80..))
            .count();
        if length == 0 {
            return false;
        }
        let (next, _) = self.across(at + length);
        let after = self.byte(next + 1);
        match self.byte(next) {
            // `10:30` is not a key.
            Some(b':') if bytes.first().is_some_and(u8::is_ascii_digit) => {
                matches!(after, Some(b' ' | b'"' | b'\''))
            }
            // `http://` is not a key.
            Some(b':') => after != Some(b'/'),
            Some(b'=') => after != Some(b'='),
            _ => false,
        }
    }

    /// Whether the comma at `at` ends a value without quotes in an object: a key, a closing bracket or the end follows.
    pub(super) fn comma_ends_value(&self, at: usize) -> bool {
        let (next, line) = self.across(at + 1);
        match self.byte(next) {
            None | Some(b'}' | b']' | b'/' | b'#' | b',') => true,
            _ => line || self.key_at(next) || self.cut_key_at(next),
        }
    }

    /// Whether the text ends inside a key that starts at `at`.
    fn cut_key_at(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes().get(at..).unwrap_or_default();
        match bytes {
            [quote @ (b'"' | b'\''), rest @ ..] => rest.len() <= REACH && !rest.contains(quote),
            _ => false,
        }
    }

    /// Whether a quote that ends before `after` ends the text it stands in.
    pub(super) fn quote_ends(&self, after: usize, place: Place, quote: char) -> bool {
        let (next, line) = self.across(after);
        let Some(byte) = self.byte(next) else { return true };
        if byte == b'/' && matches!(self.byte(next + 1), Some(b'/' | b'*')) || (byte == b'#' && line) {
            return place != Place::Top;
        }
        match place {
            Place::Top => self
                .text
                .get(next..)
                .unwrap_or_default()
                .chars()
                .take(4)
                .all(|c| c.is_whitespace() || matches!(c, '.' | ',' | ';' | '!')),
            Place::Key => matches!(byte, b':' | b'=' | b',' | b'}') || next > after,
            Place::Value => match byte {
                b'}' => self.close_is_structure(next),
                b']' | b')' => self.open.contains(&byte) && self.close_is_structure(next),
                b',' | b';' => self.comma_ends_value(next),
                b'+' => self.quote_at(next + 1, quote),
                _ => self.key_at(next),
            },
            Place::Item => match byte {
                b']' | b'}' | b')' => self.open.contains(&byte) && self.close_is_structure(next),
                b',' | b';' => self.comma_ends_item(next, quote),
                b'+' => self.quote_at(next + 1, quote),
                b':' => false,
                b'{' | b'[' => true,
                _ => next > after && self.quote_at(next, quote) || line,
            },
        }
    }

    fn quote_at(&self, at: usize, quote: char) -> bool {
        let (next, _) = self.across(at);
        self.text
            .get(next..)
            .is_some_and(|rest| rest.starts_with(quote) || rest.starts_with('"'))
    }

    /// A bracket after a quote closes something only if structure, or nothing, follows it.
    fn close_is_structure(&self, at: usize) -> bool {
        let (next, line) = self.across(at + 1);
        line || match self.byte(next) {
            None
            | Some(b',' | b'}' | b']' | b')' | b';' | b'`' | b'.' | b'/' | b'#' | b'<' | b'{' | b'[') => true,
            // `"}` then prose: an outermost bracket ends, prose follows.
            Some(b'"' | b'\'') => self.key_at(next),
            Some(_) => (self.open.len() == 1 && next > at + 1) || self.key_at(next),
        }
    }

    /// Whether the comma at `at` after a quote in a list sets items apart, or belongs to a text with quotes inside.
    fn comma_ends_item(&self, at: usize, quote: char) -> bool {
        let (next, line) = self.across(at + 1);
        let bytes = self.text.as_bytes().get(next..).unwrap_or_default();
        let Some(first) = bytes.first() else { return true };
        if line
            || matches!(first, b'{' | b'[' | b'(' | b']' | b'}' | b')' | b'-' | b'0'..=b'9' | b'/' | b',' | 0x80..)
        {
            return true;
        }
        if self.quote_at(next, quote) {
            return true;
        }
        // A bare word: an item of its own if it ends before the next quote.
        for byte in bytes.iter().take(REACH) {
            match byte {
                b',' | b']' | b'\n' => return true,
                b'"' | b'\'' if char::from(*byte) == quote => return false,
                _ => {}
            }
        }
        true
    }
}
