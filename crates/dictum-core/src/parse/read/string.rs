//! Quoted text, with the quotes, escapes and newlines that models write.

use super::{Place, Reader, Stop};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair::{self, Repair};

/// A pair of quotes.
#[derive(Clone, Copy)]
struct Quotes {
    open: &'static str,
    close: &'static [&'static str],
    flaw: Option<Repair>,
}

const QUOTES: &[Quotes] = &[
    Quotes {
        open: "\"",
        close: &["\""],
        flaw: None,
    },
    Quotes {
        open: "'",
        close: &["'"],
        flaw: Some(repair::SINGLE_QUOTES),
    },
    Quotes {
        open: "`",
        close: &["`"],
        flaw: Some(repair::BACKTICKS),
    },
    Quotes {
        open: "\u{201c}",
        close: &["\u{201d}", "\u{201c}", "\""],
        flaw: Some(repair::SMART_QUOTES),
    },
    Quotes {
        open: "\u{201d}",
        close: &["\u{201d}", "\""],
        flaw: Some(repair::SMART_QUOTES),
    },
    Quotes {
        open: "\u{201e}",
        close: &["\u{201c}", "\u{201d}", "\""],
        flaw: Some(repair::SMART_QUOTES),
    },
    Quotes {
        open: "\u{2018}",
        close: &["\u{2019}", "'"],
        flaw: Some(repair::SMART_QUOTES),
    },
    Quotes {
        open: "\u{2019}",
        close: &["\u{2019}", "'"],
        flaw: Some(repair::SMART_QUOTES),
    },
    Quotes {
        open: "\u{ab}",
        close: &["\u{bb}"],
        flaw: Some(repair::SMART_QUOTES),
    },
];

fn quotes_at(rest: &str) -> Option<Quotes> {
    QUOTES
        .iter()
        .copied()
        .find(|quotes| rest.starts_with(quotes.open))
}

impl Reader<'_> {
    /// Whether quoted text starts here, a Python prefix (`r"..."`) included.
    pub(super) fn at_string_start(&self, place: Place) -> bool {
        let rest = self.rest();
        if quotes_at(rest).is_some() {
            // An apostrophe in front of a bare word is not a quote at the top of a text.
            return match place {
                Place::Top => !rest.starts_with(['\u{2019}', '`']),
                _ => !rest.starts_with("```"),
            };
        }
        prefix_length(rest) > 0
    }

    pub(super) fn string(&mut self, place: Place) -> Result<Node, Stop> {
        let start = self.pos;
        if let Some(node) = self.plain_string() {
            return Ok(node);
        }
        let prefix = prefix_length(self.rest());
        let raw_prefix = self.slice(start, start + prefix).contains(['r', 'R']);
        if prefix > 0 {
            self.flaw(repair::STRING_PREFIX)?;
            self.pos += prefix;
        }
        let (mut text, mut cut) = self.one_string(place, raw_prefix)?;
        // `"a" + "b"`, and the strings Python joins when they stand next to each other on lines of their own.
        while !self.strict && !cut && place != Place::Key {
            let saved = self.pos;
            let flaws = self.flaws.len();
            self.space()?;
            if self.peek() != Some(b'+') {
                self.pos = saved;
                self.flaws.truncate(flaws);
                break;
            }
            self.pos += 1;
            self.space()?;
            if quotes_at(self.rest()).is_none() {
                self.pos = saved;
                break;
            }
            self.flaw(repair::JOINED_STRINGS)?;
            let (more, more_cut) = self.one_string(place, false)?;
            text.push_str(&more);
            cut = more_cut;
        }
        let mut flaws = std::mem::take(&mut self.flaws);
        if cut {
            flaws.push(repair::TRUNCATED);
        }
        let mut node = self.node(NodeKind::Str(text), start, flaws);
        node.cut = cut;
        Ok(node)
    }

    /// Text as JSON has it, without escapes, when nothing else needs a look: the common case, quickly.
    fn plain_string(&mut self) -> Option<Node> {
        if !self.strict {
            return None;
        }
        let start = self.pos;
        let body = self.text.as_bytes().get(start + 1..)?;
        let length = body.iter().position(|b| matches!(b, b'"' | b'\\') || *b < 0x20)?;
        if body.get(length) != Some(&b'"') {
            return None;
        }
        let text = self.slice(start + 1, start + 1 + length).to_owned();
        self.pos = start + length + 2;
        Some(self.node(NodeKind::Str(text), start, Vec::new()))
    }

    fn one_string(&mut self, place: Place, raw: bool) -> Result<(String, bool), Stop> {
        let Some(quotes) = quotes_at(self.rest()) else {
            return Err(Stop::Syntax(self.pos));
        };
        if let Some(flaw) = quotes.flaw {
            self.flaw(flaw)?;
        }
        if !self.strict && matches!(quotes.open, "\"" | "'") {
            let triple = quotes.open.repeat(3);
            if self.rest().starts_with(&triple) && self.triple_is_quote(&triple) {
                return self.triple(&triple);
            }
        }
        self.pos += quotes.open.len();
        self.quoted(place, quotes, raw)
    }

    /// `"""` opens triple quotes unless it is an empty text and a quote that belongs to something else.
    fn triple_is_quote(&self, triple: &str) -> bool {
        self.rest().get(3..).is_some_and(|rest| rest.contains(triple))
    }

    fn triple(&mut self, triple: &str) -> Result<(String, bool), Stop> {
        self.flaw(repair::TRIPLE_QUOTES)?;
        self.pos += 3;
        let rest = self.rest();
        let length = rest.find(triple).unwrap_or(rest.len());
        let content = rest.get(..length).unwrap_or_default();
        self.pos += length + 3;
        // The line break after the opening quotes and before the closing ones are layout.
        let content = content.strip_prefix('\n').unwrap_or(content);
        let content = content.strip_suffix('\n').unwrap_or(content);
        Ok((content.to_owned(), false))
    }

    fn quoted(&mut self, place: Place, quotes: Quotes, raw: bool) -> Result<(String, bool), Stop> {
        let mut text = String::new();
        let quote = quotes.open.chars().next().unwrap_or('"');
        let first_close: Vec<u8> = quotes
            .close
            .iter()
            .filter_map(|c| c.as_bytes().first().copied())
            .collect();
        loop {
            let run_start = self.pos;
            let bytes = self.text.as_bytes().get(run_start..).unwrap_or_default();
            let length = bytes
                .iter()
                .position(|b| *b == b'\\' || *b < 0x20 || first_close.contains(b))
                .unwrap_or(bytes.len());
            text.push_str(self.slice(run_start, run_start + length));
            self.pos = run_start + length;
            let Some(byte) = self.peek() else {
                return self.unterminated(text);
            };
            if byte == b'\\' {
                if raw {
                    text.push('\\');
                    self.pos += 1;
                    if let Some(c) = self.rest().chars().next() {
                        text.push(c);
                        self.pos += c.len_utf8();
                    }
                } else {
                    self.escape(&mut text)?;
                }
                continue;
            }
            if byte < 0x20 {
                self.flaw(repair::RAW_CONTROL)?;
                text.push(char::from(byte));
                self.pos += 1;
                continue;
            }
            let rest = self.rest();
            let Some(close) = quotes.close.iter().find(|close| rest.starts_with(**close)) else {
                let c = rest.chars().next().unwrap_or('\u{fffd}');
                text.push(c);
                self.pos += c.len_utf8();
                continue;
            };
            let proper = !self.strict && quotes.close.first() == Some(close);
            let last = place != Place::Top && proper && self.is_last_quote(close);
            if self.strict || last || self.quote_ends(self.pos + close.len(), place, quote) {
                self.pos += close.len();
                return Ok((text, false));
            }
            if matches!(place, Place::Value | Place::Item) && self.missing_quote_before(&mut text, place)? {
                return Ok((text, false));
            }
            self.flaw(repair::INNER_QUOTES)?;
            text.push_str(close);
            self.pos += close.len();
        }
    }

    /// Whether no quote of this kind comes later in the text: then this one can only close.
    fn is_last_quote(&mut self, close: &'static str) -> bool {
        let text = self.text;
        let (_, last) = *match self.last_quotes.iter().position(|(quote, _)| *quote == close) {
            Some(index) => self.last_quotes.get(index).unwrap_or(&("", 0)),
            None => {
                self.last_quotes.push((close, text.rfind(close).unwrap_or(0)));
                self.last_quotes.last().unwrap_or(&("", 0))
            }
        };
        self.pos >= last
    }

    /// Whether the quote here opens the next key, which means that this text lacks its closing quote: `"a": "x, "b": 1`.
    /// Brackets between that close what is open are given back too: `"a": {"b": "x}, "c": 1`.
    fn missing_quote_before(&mut self, text: &mut String, place: Place) -> Result<bool, Stop> {
        if !self.key_at(self.pos) {
            return self.missing_quote_before_item(text, place);
        }
        let back = |mut at: usize, set: &[u8]| {
            while let Some(before) = at.checked_sub(1) {
                if !self.byte(before).is_some_and(|b| set.contains(&b)) || self.pos - at > 200 {
                    break;
                }
                at = before;
            }
            at
        };
        let mut at = back(self.pos, b" \t\r\n");
        let opens = at > 0 && self.byte(at - 1) == Some(b'{');
        if opens {
            at = back(at - 1, b" \t\r\n");
        }
        if self.slice(0, at).ends_with("*/")
            && let Some(comment) = self.slice(at.saturating_sub(200), at).rfind("/*")
        {
            at = back(at.saturating_sub(200) + comment, b" \t\r\n");
        }
        let apart = back(at, b", \t\r\n");
        let between = self.slice(apart, self.pos);
        let mut end = apart;
        let mut closed = 0;
        for due in self.open.iter().rev() {
            let inside = || closes_inside(self.slice(self.pos.saturating_sub(text.len()), end));
            if end == 0 || self.byte(end - 1) != Some(*due) || closed + 1 >= self.open.len() || inside() {
                break;
            }
            closed += 1;
            end = back(end - 1, b" \t\r\n");
        }
        // A new object can only follow one that closed.
        let taken = self.pos - end;
        let set_apart = closed > 0 || between.contains([',', '\n']);
        if (opens && closed == 0) || !set_apart || taken > text.len() {
            return Ok(false);
        }
        self.flaw(repair::MISSING_QUOTE)?;
        text.truncate(text.len() - taken);
        self.pos = end;
        Ok(true)
    }

    /// Whether the quote here opens the next item of a list, on a line of its own: `["x,` and then `"y"]`.
    fn missing_quote_before_item(&mut self, text: &mut String, place: Place) -> Result<bool, Stop> {
        let before = text.trim_end_matches([' ', '\t', '\r', '\n']);
        let line = text.get(before.len()..).is_some_and(|blank| blank.contains('\n'));
        if place != Place::Item || !line || !before.ends_with(',') {
            return Ok(false);
        }
        self.flaw(repair::MISSING_QUOTE)?;
        let length = before.len() - 1;
        self.pos = self.pos.saturating_sub(text.len() - length);
        text.truncate(length);
        Ok(true)
    }

    /// The end of the text came before the closing quote: cut off, or the quote is missing before the last brackets.
    fn unterminated(&mut self, mut text: String) -> Result<(String, bool), Stop> {
        if self.strict {
            return Err(Stop::Syntax(self.pos));
        }
        let mut body = text.trim_end();
        let mut closed = 0;
        for due in self.open.iter() {
            match body.strip_suffix(char::from(*due)) {
                Some(shorter) if !closes_inside(body) => {
                    body = shorter.trim_end();
                    closed += 1;
                }
                _ => break,
            }
        }
        if closed > 0 && closed == self.open.len() {
            // One bracket too many is a slip of its own.
            while let Some(shorter) = body.strip_suffix(['}', ']'])
                && !closes_inside(body)
            {
                body = shorter.trim_end();
            }
            let length = body.trim_end_matches(',').len();
            text.truncate(length);
            self.flaw(repair::MISSING_QUOTE)?;
        }
        Ok((text, true))
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Stop> {
        let after = self.byte(self.pos + 1);
        let simple = match after {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(text),
            Some(b'\'') => {
                self.flaw(repair::BAD_ESCAPE)?;
                '\''
            }
            _ => {
                // Not an escape: a Windows path, a regular expression, LaTeX. The backslash is meant.
                self.flaw(repair::BAD_ESCAPE)?;
                text.push('\\');
                self.pos += 1;
                return Ok(());
            }
        };
        text.push(simple);
        self.pos += 2;
        Ok(())
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    }

    fn unicode(&mut self, text: &mut String) -> Result<(), Stop> {
        let Some(unit) = self.hex4(self.pos + 2) else {
            self.flaw(repair::BAD_ESCAPE)?;
            text.push('\\');
            self.pos += 1;
            return Ok(());
        };
        if let Some(c) = char::from_u32(unit) {
            text.push(c);
            self.pos += 6;
            return Ok(());
        }
        let low = (unit < 0xdc00 && self.slice(self.pos + 6, self.pos + 8) == "\\u")
            .then(|| self.hex4(self.pos + 8))
            .flatten()
            .filter(|low| (0xdc00..0xe000).contains(low));
        match low.and_then(|low| char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))) {
            Some(c) => {
                text.push(c);
                self.pos += 12;
            }
            None => {
                self.flaw(repair::LONE_SURROGATE)?;
                text.push('\u{fffd}');
                self.pos += 6;
            }
        }
        Ok(())
    }
}

/// Whether the bracket at the end of a text closes one that the text itself opens.
fn closes_inside(text: &str) -> bool {
    const REACH: usize = 1000;
    let (open, close) = match text.as_bytes().last() {
        Some(b'}') => (b'{', b'}'),
        Some(b']') => (b'[', b']'),
        _ => return false,
    };
    let tail = text
        .as_bytes()
        .get(text.len().saturating_sub(REACH)..)
        .unwrap_or_default();
    let count = |wanted: u8| tail.iter().filter(|b| **b == wanted).count();
    count(open) >= count(close)
}

/// Length of a Python string prefix in front of a quote: `r"`, `b'`, `f"`, `rb"`.
fn prefix_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let letters = bytes
        .iter()
        .take(2)
        .take_while(|b| matches!(b, b'r' | b'b' | b'f' | b'u' | b'R' | b'B' | b'F' | b'U'))
        .count();
    if letters > 0 && matches!(bytes.get(letters), Some(b'"' | b'\'')) {
        letters
    } else {
        0
    }
}
