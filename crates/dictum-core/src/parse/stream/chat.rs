//! The chat layout: what a marker ends, and what may still become one.

use super::Note;
use crate::parse::marker::{self, Marker};
use crate::parse::{escape, sections};
use crate::signature::FieldSpec;

/// Longest text from the first bracket of a marker to its last, and a little more.
const REACH: usize = 160;
/// Longest decoration in front of a marker on its line.
const LEAD: usize = 40;

/// Finds sections in an answer that grows.
#[derive(Debug)]
pub(super) struct Scanner {
    /// Everything before is known for text or structure; here may be a marker, or the text ends.
    at: usize,
    /// Where the line that holds `at` starts, once the body is known.
    line: Option<usize>,
    /// Fields that have a header at the start of a line.
    seen: Vec<bool>,
    section: Option<Section>,
    /// Markers inside lines that are headers only if their fields get no other.
    inline: Vec<(usize, usize)>,
    /// How far the rest of a line was looked at.
    looked: usize,
    any: bool,
    completed: bool,
}

#[derive(Debug)]
struct Section {
    field: usize,
    /// The start of the header's line.
    line: usize,
    /// Where the marker starts and ends.
    marker: (usize, usize),
    /// Where the text starts, after what decorates the header.
    content: Option<usize>,
    /// The text before was handed on.
    sent: usize,
}

fn cut(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

impl Scanner {
    pub(super) fn new(fields: usize) -> Self {
        Self {
            at: 0,
            line: None,
            seen: vec![false; fields],
            section: None,
            inline: Vec::new(),
            looked: 0,
            any: false,
            completed: false,
        }
    }

    /// The field under way and where its content starts.
    pub(super) fn open(&self) -> Option<(usize, usize)> {
        let section = self.section.as_ref()?;
        Some((section.field, section.content.unwrap_or(section.marker.1)))
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
        if self.line.is_none() {
            self.line = Some(body);
            self.at = body;
        }
        while let Some(start) = self.next_bracket(text) {
            if text.as_bytes().get(start + 1).is_some_and(|b| *b != b'[') {
                self.at = start + 1;
                continue;
            }
            match begins(text, start) {
                None => break,
                Some(false) => {
                    self.at = start + 1;
                    continue;
                }
                Some(true) => {}
            }
            let escaped = start > body && text.as_bytes().get(start - 1) == Some(&b'\\');
            if !escaped {
                if !settled(text, start) {
                    break;
                }
                if let Some(marker) = marker::read(text, start)
                    && !self.marker(text, marker, outputs, is_text, notes)
                {
                    break;
                }
            }
            self.at = start + 2;
        }
        self.flow(text, is_text, notes);
    }

    /// Moves to the next `[`, or to the end of the text.
    fn next_bracket(&mut self, text: &str) -> Option<usize> {
        let rest = cut(text, self.at, text.len());
        let found = rest.find('[');
        let passed = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
        if let Some(newline) = passed.rfind('\n') {
            self.line = Some(self.at + newline + 1);
        }
        self.at += passed.len();
        found.map(|_| self.at)
    }

    /// What is in front of `at` on its line, as decoration: whether it is nothing else, and where it starts.
    fn decorated(&self, text: &str, at: usize) -> (bool, usize) {
        let line = self.line.unwrap_or_default();
        if at < line || at - line > LEAD {
            return (false, at);
        }
        let (plain, start) = sections::decorated(cut(text, line, at), at - line);
        (plain, line + start)
    }

    /// Takes a marker as what it is. `false` when that can't be told yet.
    fn marker(
        &mut self,
        text: &str,
        marker: Marker<'_>,
        outputs: &[FieldSpec],
        is_text: &dyn Fn(usize) -> bool,
        notes: &mut Vec<Note>,
    ) -> bool {
        let (starts_line, line) = self.decorated(text, marker.start);
        let field = sections::field_of(outputs, marker.name).map(|(field, _)| field);
        let ends = field.is_none() && sections::is_end(marker.name);
        if !starts_line {
            match field {
                Some(field) if self.seen.get(field) == Some(&false) => {
                    self.inline.push((marker.start, field));
                    return true;
                }
                None if ends => match self.alone_on_line(text, marker.end) {
                    None => return false,
                    Some(false) => return true,
                    Some(true) => {}
                },
                _ => return true,
            }
        }
        if let Some(field) = field {
            // With a header of its own, the field's markers inside lines are text.
            self.inline.retain(|(_, other)| *other != field);
        }
        self.end(text, line, is_text, notes);
        self.completed |= ends && self.any;
        let Some(field) = field else { return true };
        self.any = true;
        let Some(seen) = self.seen.get_mut(field) else {
            return true;
        };
        if !std::mem::replace(seen, true) {
            self.section = Some(Section {
                field,
                line,
                marker: (marker.start, marker.end),
                content: None,
                sent: marker.end,
            });
            notes.push(Note::Open(field));
        }
        true
    }

    /// Whether nothing but marks follows on the line from `from`, once the line is there or something else is.
    fn alone_on_line(&mut self, text: &str, from: usize) -> Option<bool> {
        let from = from.max(self.looked);
        for (at, c) in cut(text, from, text.len()).char_indices() {
            self.looked = from + at;
            if c == '\n' {
                return Some(true);
            }
            if c.is_alphanumeric() {
                return Some(false);
            }
        }
        None
    }

    /// Ends the section under way here. Where a marker inside it may be a header, only the whole answer tells where it ended.
    fn end(&mut self, text: &str, end: usize, is_text: &dyn Fn(usize) -> bool, notes: &mut Vec<Note>) {
        let Some(mut section) = self.section.take() else {
            return;
        };
        if self.inline.iter().any(|(at, _)| *at >= section.marker.1) {
            return;
        }
        let end = end.max(section.marker.1);
        if is_text(section.field) {
            section.begin(text, end, true);
            section.send(text, end, notes);
        }
        notes.push(Note::Close(section.field, section.line..end));
    }

    /// Hands on the text of the section under way that is text for certain.
    fn flow(&mut self, text: &str, is_text: &dyn Fn(usize) -> bool, notes: &mut Vec<Note>) {
        let Some(section) = self.section.as_ref().filter(|section| is_text(section.field)) else {
            return;
        };
        let doubtful = self
            .inline
            .iter()
            .map(|(at, _)| *at)
            .find(|at| *at >= section.marker.1);
        let mut limit = self.at.min(doubtful.unwrap_or(usize::MAX)).min(text.len());
        if doubtful.is_none() {
            // The line may become a header; `1` does when a dot follows.
            let line = self.line.unwrap_or_default();
            let lead = cut(text, line, limit);
            let plain = |lead: &str| sections::decorated(lead, lead.len()).0;
            if limit >= line && limit - line <= LEAD && (plain(lead) || plain(&format!("{lead}."))) {
                limit = line;
            }
        }
        if cut(text, 0, limit).ends_with('\\') {
            limit -= 1;
        }
        if let Some(section) = &mut self.section {
            section.begin(text, limit, false);
            section.send(text, limit, notes);
        }
    }
}

impl Section {
    /// Finds where the text starts, when the header's line tells.
    fn begin(&mut self, text: &str, limit: usize, last: bool) {
        if self.content.is_some() || limit < self.marker.1 {
            return;
        }
        let raw = cut(text, self.marker.1, limit);
        let mark = |c: char| {
            matches!(c, '*' | '_' | '`' | ':' | '#' | '-' | '|') || (c.is_whitespace() && c != '\n')
        };
        if !last && raw.chars().all(mark) {
            return;
        }
        let lead = cut(text, self.line, self.marker.0);
        let (rest, _) = sections::without_marks(raw, lead);
        let content = self.marker.1 + raw.len() - rest.len();
        self.content = Some(content);
        self.sent = content;
    }

    fn send(&mut self, text: &str, limit: usize, notes: &mut Vec<Note>) {
        if self.content.is_none() || limit <= self.sent {
            return;
        }
        let piece = escape::remove_backslashes(cut(text, self.sent, limit));
        notes.push(Note::Text(self.field, piece.into_owned()));
        self.sent = limit;
    }
}

/// Whether `[[`, blanks and `##` stand at `start`; `None` while they may still come.
fn begins(text: &str, start: usize) -> Option<bool> {
    let mut bytes = text.as_bytes().iter().skip(start + 1);
    if *bytes.next()? != b'[' {
        return Some(false);
    }
    for _ in 0..16 {
        match bytes.clone().next()? {
            b' ' | b'\t' => bytes.next(),
            _ => break,
        };
    }
    if *bytes.next()? != b'#' {
        return Some(false);
    }
    Some(*bytes.next()? == b'#')
}

/// Whether more text can't change what is read at `start`.
fn settled(text: &str, start: usize) -> bool {
    let tail = cut(text, start, text.len());
    if tail.len() > REACH || tail.contains('\n') {
        return true;
    }
    marker::read(text, start).is_some_and(|marker| marker.end < text.len() || text.ends_with("]]"))
}
