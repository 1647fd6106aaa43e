//! Reads JSON, and what models write in its place, into [`Node`]s.
//!
//! Two passes use it: a strict one, which takes JSON as the standard has it and nothing else, and a lenient one, which
//! repairs. Each byte is looked at a bounded number of times, and nesting is bounded, so no input is slow or too deep.

mod bare;
mod look;
mod string;

pub(crate) use bare::classify;

use super::node::{Entry, Node, NodeKind};
use super::repair::{self, Repair};

/// Deepest nesting that is read.
pub(crate) const MAX_DEPTH: usize = 128;
/// After this many items that are not set apart by anything, a bracket in prose is not JSON.
const MAX_MISSING_COMMAS: u32 = 64;

/// Why nothing could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nested deeper than [`MAX_DEPTH`], at this byte.
    TooDeep(usize),
    /// Not JSON (strict) or too damaged to be meant as JSON (lenient), at this byte.
    Syntax(usize),
}

/// Where a value stands, which decides what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Key,
    Value,
    Item,
}

/// Reads the value that starts at byte `start`, after white space. Gives it with the byte after it.
pub(crate) fn read(text: &str, start: usize, strict: bool) -> Result<(Node, usize), Stop> {
    let mut reader = Reader {
        text,
        pos: start,
        strict,
        open: Vec::new(),
        flaws: Vec::new(),
        missing_commas: 0,
        last_quotes: Vec::new(),
    };
    let node = reader.value(Place::Top)?;
    Ok((node, reader.pos))
}

struct Reader<'a> {
    text: &'a str,
    pos: usize,
    strict: bool,
    /// The closing brackets that are due, outermost first.
    open: Vec<u8>,
    /// Repairs made on the way to the next node.
    flaws: Vec<Repair>,
    missing_commas: u32,
    /// Where each kind of quote stands last, looked for once.
    last_quotes: Vec<(&'static str, usize)>,
}

impl<'a> Reader<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn peek(&self) -> Option<u8> {
        self.byte(self.pos)
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    /// Notes a repair, or refuses when reading strictly.
    fn flaw(&mut self, repair: Repair) -> Result<(), Stop> {
        if self.strict {
            return Err(Stop::Syntax(self.pos));
        }
        if !self.flaws.contains(&repair) {
            self.flaws.push(repair);
        }
        Ok(())
    }

    fn node(&mut self, kind: NodeKind, start: usize, flaws: Vec<Repair>) -> Node {
        Node {
            kind,
            start,
            end: self.pos,
            flaws,
            cut: false,
        }
    }

    /// Skips white space and, when lenient, comments.
    fn space(&mut self) -> Result<(), Stop> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos += 1,
                Some(b'/') if matches!(self.byte(self.pos + 1), Some(b'/')) => self.line_comment()?,
                Some(b'#') if !self.open.is_empty() => self.line_comment()?,
                Some(b'/') if matches!(self.byte(self.pos + 1), Some(b'*')) => {
                    self.flaw(repair::COMMENT)?;
                    let rest = self.rest();
                    self.pos += rest.find("*/").map_or(rest.len(), |end| end + 2);
                }
                Some(0x80..) if !self.strict => {
                    let Some(c) = self.rest().chars().next().filter(|c| is_blank(*c)) else {
                        return Ok(());
                    };
                    self.pos += c.len_utf8();
                }
                _ => return Ok(()),
            }
        }
    }

    fn line_comment(&mut self) -> Result<(), Stop> {
        self.flaw(repair::COMMENT)?;
        let rest = self.rest();
        self.pos += rest.find('\n').unwrap_or(rest.len());
        Ok(())
    }

    fn value(&mut self, place: Place) -> Result<Node, Stop> {
        let outer = std::mem::take(&mut self.flaws);
        let result = self.value_inner(place);
        self.flaws = outer;
        result
    }

    fn value_inner(&mut self, place: Place) -> Result<Node, Stop> {
        self.space()?;
        match self.peek() {
            Some(b'{') => self.nested(b'}', Self::object),
            Some(b'[') => self.nested(b']', Self::list),
            Some(b'(') if !self.strict => {
                self.flaw(repair::TUPLE)?;
                self.nested(b')', Self::list)
            }
            Some(b'"') => self.string(place),
            _ if self.strict => self.strict_scalar(),
            _ if self.at_string_start(place) => self.string(place),
            _ => self.bare(place),
        }
    }

    fn nested(&mut self, close: u8, read: fn(&mut Self) -> Result<Node, Stop>) -> Result<Node, Stop> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Stop::TooDeep(self.pos));
        }
        self.open.push(close);
        let node = read(self);
        self.open.pop();
        node
    }

    /// What is due when a bracket closes that is not the innermost one's: end here without taking it (an outer one is
    /// waiting for it), or skip it.
    fn foreign_close(&mut self, byte: u8) -> Result<bool, Stop> {
        let outer = self.open.len().saturating_sub(1);
        let due = self.open.get(..outer).unwrap_or_default().contains(&byte);
        if due {
            self.flaw(repair::MISSING_BRACKET)?;
            return Ok(true);
        }
        self.flaw(repair::STRAY_BRACKET)?;
        self.pos += 1;
        // `[1, 2}` at the end: the wrong bracket was meant as this one.
        Ok(self.rest().trim_start().is_empty())
    }

    /// Goes over what separates the members of a list or object; whether there is another one. At the end, the closing
    /// bracket is taken. `comma` says whether the member before is set apart; `first` that there is none.
    fn next_member(&mut self, close: u8, comma: &mut bool, first: bool) -> Result<bool, Stop> {
        loop {
            self.space()?;
            match self.peek() {
                None => {
                    self.flaw(repair::TRUNCATED)?;
                    return Ok(false);
                }
                Some(byte) if byte == close => {
                    if *comma && !first && close != b')' {
                        self.flaw(repair::TRAILING_COMMA)?;
                    }
                    self.pos += 1;
                    return Ok(false);
                }
                Some(byte @ (b'}' | b']' | b')')) => {
                    if self.foreign_close(byte)? {
                        return Ok(false);
                    }
                }
                Some(b',') => {
                    if *comma {
                        self.flaw(repair::EXTRA_COMMA)?;
                    }
                    *comma = true;
                    self.pos += 1;
                }
                Some(b';') if !*comma => {
                    self.flaw(repair::WRONG_SEPARATOR)?;
                    *comma = true;
                    self.pos += 1;
                }
                Some(_) => {
                    if !*comma {
                        self.missing_comma()?;
                    }
                    *comma = false;
                    return Ok(true);
                }
            }
        }
    }

    fn list(&mut self) -> Result<Node, Stop> {
        let start = self.pos;
        let close = self.open.last().copied().unwrap_or(b']');
        self.pos += 1;
        let mut items = Vec::new();
        let mut comma = true;
        while self.next_member(close, &mut comma, items.is_empty())? {
            let before = self.pos;
            items.push(self.value(Place::Item)?);
            self.always_forward(before)?;
        }
        let flaws = std::mem::take(&mut self.flaws);
        Ok(self.node(NodeKind::List(items), start, flaws))
    }

    fn missing_comma(&mut self) -> Result<(), Stop> {
        self.missing_commas += 1;
        if self.missing_commas > MAX_MISSING_COMMAS && self.missing_commas as usize * 24 > self.pos {
            return Err(Stop::Syntax(self.pos));
        }
        self.flaw(repair::MISSING_COMMA)
    }

    /// A reader that takes nothing would never end.
    fn always_forward(&mut self, before: usize) -> Result<(), Stop> {
        if self.pos > before {
            Ok(())
        } else {
            Err(Stop::Syntax(self.pos))
        }
    }

    fn object(&mut self) -> Result<Node, Stop> {
        let start = self.pos;
        self.pos += 1;
        let mut entries: Vec<Entry> = Vec::new();
        let mut members: Vec<Node> = Vec::new();
        let mut comma = true;
        while self.next_member(b'}', &mut comma, entries.is_empty() && members.is_empty())? {
            let before = self.pos;
            self.member(&mut entries, &mut members)?;
            self.always_forward(before)?;
        }
        let kind = if entries.is_empty() && !members.is_empty() {
            self.flaw(repair::SET)?;
            NodeKind::List(members)
        } else if members.is_empty() {
            NodeKind::Object(entries)
        } else {
            // Some members have a key and some don't: nothing that was meant can be told.
            return Err(Stop::Syntax(start));
        };
        let flaws = std::mem::take(&mut self.flaws);
        Ok(self.node(kind, start, flaws))
    }

    /// One `key: value` of an object, or one item of what turns out to be a set.
    fn member(&mut self, entries: &mut Vec<Entry>, members: &mut Vec<Node>) -> Result<(), Stop> {
        let saved = self.pos;
        if matches!(self.peek(), Some(b'{' | b'[' | b'(')) {
            if self.strict || !entries.is_empty() {
                return Err(Stop::Syntax(self.pos));
            }
            let item = self.value(Place::Item)?;
            members.push(item);
            return Ok(());
        }
        let quoted = self.peek() == Some(b'"') || (!self.strict && self.at_string_start(Place::Key));
        let key = if quoted {
            let flaws = std::mem::take(&mut self.flaws);
            let node = self.string(Place::Key)?;
            self.flaws = flaws;
            for flaw in &node.flaws {
                self.flaw(*flaw)?;
            }
            if node.cut {
                self.flaw(repair::TRUNCATED)?;
                return Ok(());
            }
            node.text().unwrap_or_default().to_owned()
        } else {
            self.flaw(repair::UNQUOTED_KEY)?;
            self.bare_key().to_owned()
        };
        self.space()?;
        match self.peek() {
            Some(b':') => self.pos += 1,
            Some(b'=') => {
                self.flaw(repair::WRONG_SEPARATOR)?;
                self.pos += if self.byte(self.pos + 1) == Some(b'>') {
                    2
                } else {
                    1
                };
            }
            None => {
                self.flaw(repair::TRUNCATED)?;
                return Ok(());
            }
            Some(b',' | b'}') => {
                // No value: an item of a set.
                if self.strict {
                    return Err(Stop::Syntax(self.pos));
                }
                self.flaws.retain(|flaw| *flaw != repair::UNQUOTED_KEY);
                self.pos = saved;
                let item = self.value(Place::Item)?;
                members.push(item);
                return Ok(());
            }
            Some(_) => self.flaw(repair::MISSING_COLON)?,
        }
        self.space()?;
        let value = match self.peek() {
            None => {
                self.flaw(repair::TRUNCATED)?;
                return Ok(());
            }
            Some(b',' | b'}') => {
                self.flaw(repair::MISSING_VALUE)?;
                Node::bare("", self.pos)
            }
            Some(_) => self.value(Place::Value)?,
        };
        entries.push(Entry { key, value });
        Ok(())
    }
}

/// White space, and the marks that are as invisible: byte order mark, zero-width space.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}
