//! The XML layout: which closing tag ends a field, and what may still become a tag or an entity.

use super::Note;
use crate::parse::coerce::same_key;
use crate::parse::escape;
use crate::parse::xml::{MAX_TAG, Tag, TagKind, tag_at};
use crate::signature::FieldSpec;

/// Longest entity, in bytes: `&#x10FFFF;` and a little more.
const ENTITY: usize = 12;

/// Finds elements in an answer that grows.
#[derive(Debug)]
pub(super) struct Scanner {
    begun: bool,
    at: usize,
    /// Up to here was looked for the end of what starts at `at`.
    looked: usize,
    seen: Vec<bool>,
    section: Option<Section>,
    /// What comes can't be told before the end.
    stuck: bool,
}

#[derive(Debug)]
struct Section {
    field: usize,
    /// Where its tag starts.
    tag: usize,
    /// Where its content starts.
    content: usize,
    /// The text before was handed on.
    sent: usize,
    /// Another field's tag, which ends this one if no closing tag does.
    doubt: Option<usize>,
    /// The field was there before.
    again: bool,
}

fn cut(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

impl Scanner {
    pub(super) fn new(fields: usize) -> Self {
        Self {
            begun: false,
            at: 0,
            looked: 0,
            seen: vec![false; fields],
            section: None,
            stuck: false,
        }
    }

    /// The field under way and where its content starts.
    pub(super) fn open(&self) -> Option<(usize, usize)> {
        let section = self.section.as_ref().filter(|section| !section.again)?;
        Some((section.field, section.content))
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
        while !self.stuck {
            let Some(next) = cut(text, self.at, text.len()).find('<') else {
                self.at = text.len();
                break;
            };
            self.at += next;
            let rest = cut(text, self.at, text.len());
            if is_beginning(rest, "<![CDATA[") || is_beginning(rest, "<!--") {
                break;
            }
            let skipped = [("<![CDATA[", "]]>"), ("<!--", "-->")]
                .iter()
                .find(|(open, _)| rest.starts_with(open));
            if let Some((_, close)) = skipped {
                match self.find(text, close) {
                    Some(end) => {
                        self.at = end;
                        self.looked = 0;
                    }
                    None => break,
                }
                continue;
            }
            match self.tag(text) {
                None => break,
                Some(None) => {
                    self.at += 1;
                    self.looked = 0;
                }
                Some(Some(tag)) => {
                    self.at = tag.end;
                    self.looked = 0;
                    self.take(text, &tag, outputs, is_text, notes);
                }
            }
        }
        self.flow(text, is_text, notes);
    }

    /// The byte after the next `close`.
    fn find(&mut self, text: &str, close: &str) -> Option<usize> {
        let mut from = self.looked.max(self.at);
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        match cut(text, from, text.len()).find(close) {
            Some(found) => Some(from + found + close.len()),
            None => {
                self.looked = text.len().saturating_sub(close.len());
                None
            }
        }
    }

    /// The tag at this place; `None` while that can't be told.
    fn tag<'t>(&mut self, text: &'t str) -> Option<Option<Tag<'t>>> {
        let bytes = text.as_bytes();
        let rest = bytes.get(self.at..).unwrap_or_default();
        let name = rest.iter().skip(1).find(|b| **b != b'/');
        let is_name = |b: &u8| b.is_ascii_alphabetic() || *b == b'_' || *b >= 0x80;
        match name {
            None if rest.len() > 2 => return Some(None),
            None => return None,
            Some(first) if !is_name(first) => return Some(None),
            Some(_) => {}
        }
        // A tag that is still open is looked at again only when something came that may end it.
        let new = bytes.get(self.looked.max(self.at + 1)..).unwrap_or_default();
        let long = rest.len() > MAX_TAG + 200;
        if !long && !new.iter().any(|b| matches!(b, b'>' | b'<' | b'\n')) {
            self.looked = text.len();
            return None;
        }
        self.looked = text.len();
        match tag_at(text, self.at) {
            Some(tag) => Some(Some(tag)),
            None if long => Some(None),
            // Only inside quotes can what came leave it open.
            None if self.may_go_on(text) => None,
            None => Some(None),
        }
    }

    /// Whether text that is no tag may become one: it ends inside an attribute's quotes.
    fn may_go_on(&self, text: &str) -> bool {
        let mut longer = cut(text, self.at, text.len()).to_owned();
        ["\">", "'>", ">"].iter().any(|end| {
            let length = longer.len();
            longer.push_str(end);
            let tag = tag_at(&longer, 0).is_some_and(|tag| tag.end > length);
            longer.truncate(length);
            tag
        })
    }

    fn take(
        &mut self,
        text: &str,
        tag: &Tag<'_>,
        outputs: &[FieldSpec],
        is_text: &dyn Fn(usize) -> bool,
        notes: &mut Vec<Note>,
    ) {
        let named = |field: &FieldSpec| field.name == tag.name;
        let close = |field: &FieldSpec| same_key(&field.name, tag.name);
        let Some(field) = outputs
            .iter()
            .position(named)
            .or_else(|| outputs.iter().position(close))
        else {
            return;
        };
        match (&mut self.section, tag.kind) {
            (None, TagKind::Close) => {}
            (None, kind) => {
                let again = self
                    .seen
                    .get_mut(field)
                    .is_none_or(|seen| std::mem::replace(seen, true));
                if !again {
                    notes.push(Note::Open(field));
                }
                if kind == TagKind::Open {
                    self.section = Some(Section {
                        field,
                        tag: tag.start,
                        content: tag.end,
                        sent: tag.end,
                        doubt: None,
                        again,
                    });
                } else if !again {
                    notes.push(Note::Close(field, tag.start..tag.end));
                }
            }
            (Some(section), kind) if section.field == field => match kind {
                TagKind::Empty => {}
                // Which closing tag ends the field depends on how many come.
                TagKind::Open => {
                    section.doubt.get_or_insert(tag.start);
                    self.stuck = true;
                }
                TagKind::Close => {
                    section.doubt = None;
                    if !section.again {
                        if is_text(field) {
                            section.send(text, tag.start, notes);
                        }
                        notes.push(Note::Close(field, section.tag..tag.end));
                    }
                    self.section = None;
                }
            },
            (Some(section), _) => {
                section.doubt.get_or_insert(tag.start);
            }
        }
    }

    /// Hands on the text of the field under way that is text for certain.
    fn flow(&mut self, text: &str, is_text: &dyn Fn(usize) -> bool, notes: &mut Vec<Note>) {
        let Some(section) = &mut self.section else { return };
        if section.again || !is_text(section.field) {
            return;
        }
        let limit = self.at.min(section.doubt.unwrap_or(usize::MAX));
        let bytes = text.as_bytes();
        let near = bytes
            .get(limit.saturating_sub(ENTITY).max(section.sent)..limit)
            .unwrap_or_default();
        let entity = near.iter().rposition(|b| *b == b'&');
        let open = entity.filter(|at| !near.iter().skip(*at).any(|b| *b == b';'));
        let limit = open.map_or(limit, |at| limit - near.len() + at);
        section.send(text, limit, notes);
    }
}

impl Section {
    fn send(&mut self, text: &str, limit: usize, notes: &mut Vec<Note>) {
        if limit > self.sent {
            let piece = escape::remove_entities(cut(text, self.sent, limit));
            notes.push(Note::Text(self.field, piece.into_owned()));
            self.sent = limit;
        }
    }
}

/// Whether a text is less than `whole` and may become it.
fn is_beginning(text: &str, whole: &str) -> bool {
    text.len() < whole.len() && whole.starts_with(text) && text.len() > 1
}
