//! The JSON layout: members of the object, and what a text in it says so far.

use super::Note;
use crate::parse::coerce::same_key;
use crate::parse::read::is_blank;
use crate::signature::FieldSpec;

/// Finds members in an object that grows. It follows JSON as the standard has it, but for control characters and unknown
/// escapes in texts, which the parser reads alike; at anything else it leaves the rest to the whole answer.
#[derive(Debug)]
pub(super) struct Scanner {
    at: usize,
    begun: bool,
    place: Place,
    seen: Vec<bool>,
    /// A member whose value has ended, and where it stands: whole when the next key or the closing bracket shows it.
    ended: Option<Member>,
    first: bool,
    /// The object stands in a code fence.
    fenced: bool,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    field: Option<usize>,
    start: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// In front of the object.
    Lead,
    /// Where a key or the closing bracket comes.
    Key,
    /// In a key that starts here.
    InKey(usize),
    /// Behind a key that starts and ends here.
    Colon(usize, usize),
    /// In front of the value of a member.
    Value(Member),
    /// In the text of a text field, in front of this place.
    Text(Member),
    /// In another value.
    Other(Member, Inside),
    /// Behind a value.
    Comma,
    /// The object is closed, or what comes can't be told before the end.
    Rest,
}

#[derive(Debug, Clone, Copy, Default)]
struct Inside {
    depth: usize,
    quoted: bool,
    escaped: bool,
}

fn cut(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

impl Scanner {
    pub(super) fn new(fields: usize) -> Self {
        Self {
            at: 0,
            begun: false,
            place: Place::Lead,
            seen: vec![false; fields],
            ended: None,
            first: true,
            fenced: false,
        }
    }

    /// The field under way and where its key starts.
    pub(super) fn open(&self) -> Option<(usize, usize)> {
        match self.place {
            Place::Text(member) | Place::Other(member, _) => Some((member.field?, member.start)),
            _ => None,
        }
    }

    /// Looks at what is new. `body` is where the answer starts.
    pub(super) fn scan(
        &mut self,
        text: &str,
        body: usize,
        outputs: &[FieldSpec],
        is_text: &dyn Fn(usize) -> bool,
        notes: &mut Vec<Note>,
    ) {
        if !std::mem::replace(&mut self.begun, true) {
            self.at = body;
        }
        while let Some(next) = self.step(text, outputs, is_text, notes) {
            self.place = next;
        }
    }

    fn blank(&mut self, text: &str) -> Option<u8> {
        let bytes = text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// One step on; `None` when more text must come.
    fn step(
        &mut self,
        text: &str,
        outputs: &[FieldSpec],
        is_text: &dyn Fn(usize) -> bool,
        notes: &mut Vec<Note>,
    ) -> Option<Place> {
        match self.place {
            Place::Lead => self.lead(text),
            Place::Key => {
                let byte = self.blank(text)?;
                self.at += 1;
                Some(match byte {
                    b'"' => Place::InKey(self.at - 1),
                    b'}' => {
                        self.confirm(notes);
                        Place::Rest
                    }
                    _ => Place::Rest,
                })
            }
            Place::InKey(start) => {
                let rest = text.as_bytes().get(self.at..).unwrap_or_default();
                let found = rest.iter().position(|b| matches!(b, b'"' | b'\\') || *b < 0x20);
                let Some(length) = found else {
                    self.at = text.len();
                    return None;
                };
                self.at += length + 1;
                Some(match rest.get(length) {
                    Some(b'"') => Place::Colon(start, self.at),
                    _ => Place::Rest,
                })
            }
            Place::Colon(start, end) => {
                if self.blank(text)? != b':' {
                    return Some(Place::Rest);
                }
                self.at += 1;
                self.confirm(notes);
                Some(self.member(cut(text, start + 1, end - 1), start, outputs))
            }
            Place::Value(member) => {
                let byte = self.blank(text)?;
                if self.first && member.field.is_none() && byte == b'{' {
                    // This may be a wrapper around the answer.
                    return Some(Place::Rest);
                }
                self.first = false;
                if let Some(field) = member.field {
                    notes.push(Note::Open(field));
                }
                if byte == b'"' && member.field.is_some_and(is_text) {
                    self.at += 1;
                    return Some(Place::Text(member));
                }
                Some(Place::Other(member, Inside::default()))
            }
            Place::Text(member) => self.text(text, member, notes),
            Place::Other(member, inside) => self.other(text, member, inside),
            Place::Comma => {
                let byte = self.blank(text)?;
                self.at += 1;
                Some(match byte {
                    b',' => Place::Key,
                    b'}' => {
                        self.confirm(notes);
                        Place::Rest
                    }
                    _ => Place::Rest,
                })
            }
            Place::Rest => None,
        }
    }

    /// The object stands by itself or in a fence; behind prose it may not be the one that counts.
    fn lead(&mut self, text: &str) -> Option<Place> {
        let rest = cut(text, self.at, text.len());
        let start = rest.trim_start_matches(is_blank);
        self.at += rest.len() - start.len();
        let first = start.chars().next()?;
        if first == '{' {
            self.at += 1;
            return Some(Place::Key);
        }
        let mut line = start.char_indices();
        let end = line.find(|(at, c)| *c == '\n' || (*at < 3 && *c != '`') || *at > 40)?;
        if end.1 != '\n' || end.0 < 3 {
            return Some(Place::Rest);
        }
        let after = start
            .get(end.0..)
            .unwrap_or_default()
            .trim_start_matches(is_blank);
        let next = after.chars().next()?;
        self.at += start.len() - after.len() + 1;
        self.fenced = true;
        Some(if next == '{' { Place::Key } else { Place::Rest })
    }

    fn member(&mut self, key: &str, start: usize, outputs: &[FieldSpec]) -> Place {
        let field = outputs.iter().position(|field| field.name == key);
        // A key that is nearly a field's counts only if the field's own does not come; one that came twice, not at all.
        let near = field.is_none() && outputs.iter().any(|field| same_key(&field.name, key));
        let slot = field.and_then(|field| self.seen.get_mut(field));
        let again = slot.is_some_and(|seen| std::mem::replace(seen, true));
        if near || again {
            return Place::Rest;
        }
        Place::Value(Member { field, start, end: 0 })
    }

    /// What follows shows that the value before was whole.
    fn confirm(&mut self, notes: &mut Vec<Note>) {
        if let Some(Member {
            field: Some(field),
            start,
            end,
        }) = self.ended.take()
        {
            notes.push(Note::Close(field, start..end));
        }
    }

    fn end(&mut self, member: Member) -> Place {
        self.ended = Some(Member {
            end: self.at,
            ..member
        });
        Place::Comma
    }

    fn text(&mut self, text: &str, member: Member, notes: &mut Vec<Note>) -> Option<Place> {
        let mut out = String::new();
        let mut next = None;
        while let Some(byte) = text.as_bytes().get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    next = Some(self.end(member));
                    break;
                }
                b'\\' => match escape(cut(text, self.at, text.len())) {
                    Some((c, length)) => {
                        out.push(c);
                        self.at += length;
                    }
                    None => break,
                },
                b'`' if self.fenced => match closes_fence(cut(text, self.at, text.len())) {
                    Some(0) => {
                        next = Some(Place::Rest);
                        break;
                    }
                    Some(run) => {
                        out.push_str(cut(text, self.at, self.at + run));
                        self.at += run;
                    }
                    None => break,
                },
                _ => {
                    let rest = cut(text, self.at, text.len());
                    let special = |c: char| matches!(c, '"' | '\\') || (c == '`' && self.fenced);
                    let run = rest.find(special).unwrap_or(rest.len());
                    out.push_str(cut(rest, 0, run));
                    self.at += run;
                }
            }
        }
        if let (false, Some(field)) = (out.is_empty(), member.field) {
            notes.push(Note::Text(field, out));
        }
        next
    }

    fn other(&mut self, text: &str, member: Member, mut inside: Inside) -> Option<Place> {
        for (offset, byte) in text
            .as_bytes()
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let here = self.at + offset;
            if inside.quoted {
                match byte {
                    _ if inside.escaped => inside.escaped = false,
                    b'\\' => inside.escaped = true,
                    b'"' => {
                        inside.quoted = false;
                        if inside.depth == 0 {
                            self.at = here + 1;
                            return Some(self.end(member));
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => inside.quoted = true,
                b'{' | b'[' => inside.depth += 1,
                b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if inside.depth == 0 => {
                    self.at = here;
                    return Some(self.end(member));
                }
                b'}' | b']' => {
                    inside.depth -= 1;
                    if inside.depth == 0 {
                        self.at = here + 1;
                        return Some(self.end(member));
                    }
                }
                _ => {}
            }
        }
        self.at = text.len();
        self.place = Place::Other(member, inside);
        None
    }
}

/// How many backticks start the text, or 0 where they close the fence around the object, even inside a text: a line ends
/// with three or more. `None` when more must come.
fn closes_fence(text: &str) -> Option<usize> {
    let rest = text.trim_start_matches('`');
    let run = text.len() - rest.len();
    match rest.trim_start_matches([' ', '\t', '\r']).chars().next()? {
        '\n' if run >= 3 => Some(0),
        _ => Some(run),
    }
}

/// What the backslash at the start of `text` and what follows stand for, and its length; `None` when more must come.
///
/// As the parser has it: a backslash that begins no escape is itself, half of a surrogate pair a replacement character.
fn escape(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    Some(match bytes.get(1)? {
        b'"' => ('"', 2),
        b'\\' => ('\\', 2),
        b'/' => ('/', 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'\'' => ('\'', 2),
        b'u' => return unicode(text),
        _ => ('\\', 1),
    })
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let hex = |from: usize| -> Option<Option<u32>> {
        let digits = text.as_bytes().iter().skip(from).take(4);
        let count = digits.clone().take_while(|b| b.is_ascii_hexdigit()).count();
        if count < 4 {
            // Something else came, or nothing yet.
            return (digits.len() > count).then_some(None);
        }
        let digits = text.get(from..from + 4)?;
        Some(u32::from_str_radix(digits, 16).ok())
    };
    let Some(unit) = hex(2)? else {
        return Some(('\\', 1));
    };
    if let Some(c) = char::from_u32(unit) {
        return Some((c, 6));
    }
    let replaced = Some(('\u{fffd}', 6));
    let pair = text.as_bytes().get(6..).unwrap_or_default();
    if unit >= 0xdc00 || pair.first().is_some_and(|b| *b != b'\\') || pair.get(1).is_some_and(|b| *b != b'u')
    {
        return replaced;
    }
    if pair.len() < 2 {
        return None;
    }
    match hex(8)? {
        Some(low) if (0xdc00..0xe000).contains(&low) => {
            let c = char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            Some((c?, 12))
        }
        _ => replaced,
    }
}
