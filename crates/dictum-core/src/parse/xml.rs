//! The XML layout: elements of fields, and nested elements of values, read as models write them.

use super::coerce::same_key;
use super::escape;
use super::node::{Entry, Node, NodeKind};
use super::read::MAX_DEPTH;
use super::repair;
use super::sections::Section;
use crate::signature::FieldSpec;

/// A tag in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: TagKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKind {
    Open,
    Close,
    Empty,
}

/// Longest tag, in bytes.
pub(super) const MAX_TAG: usize = 2000;

/// The tag that starts at `start`, where a `<` is.
pub(super) fn tag_at(text: &str, start: usize) -> Option<Tag<'_>> {
    let bytes = text.as_bytes();
    let closing = bytes.get(start + 1) == Some(&b'/');
    let name_start = start + if closing { 2 } else { 1 };
    let first = bytes.get(name_start)?;
    if !(first.is_ascii_alphabetic() || *first == b'_' || *first >= 0x80) {
        return None;
    }
    let length = bytes
        .iter()
        .skip(name_start)
        .take(128)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | 0x80..))
        .count();
    let name_end = name_start + length;
    let name = text.get(name_start..name_end)?;
    let mut at = name_end;
    let mut quote = None;
    while at - start < MAX_TAG {
        let byte = *bytes.get(at)?;
        match quote {
            Some(q) if byte == q => quote = None,
            Some(_) => {}
            None if byte == b'>' => {
                let attributes = text.get(name_end..at)?;
                let empty = attributes.ends_with('/');
                let separated = attributes.is_empty() || attributes.starts_with([' ', '\t', '\n', '/']);
                if !separated {
                    return None;
                }
                let kind = match (closing, empty) {
                    (true, _) => TagKind::Close,
                    (_, true) => TagKind::Empty,
                    _ => TagKind::Open,
                };
                return Some(Tag {
                    name,
                    attributes: attributes.trim_end_matches('/').trim(),
                    start,
                    end: at + 1,
                    kind,
                });
            }
            None if byte == b'<' || (byte == b'\n' && at - start > 200) => return None,
            None if matches!(byte, b'"' | b'\'') && !closing => quote = Some(byte),
            None => {}
        }
        at += 1;
    }
    None
}

/// The tags of a text, CDATA sections and comments left out.
fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    // A quote that never closes would make every `<` look far; such looks are bounded in number too.
    let mut failures = 0_u32;
    let (mut data, mut comments) = (true, true);
    while let Some(next) = text.get(at..).and_then(|rest| rest.find('<')) {
        let start = at + next;
        let rest = text.get(start..).unwrap_or_default();
        let skipped = if data && rest.starts_with("<![CDATA[") {
            let end = rest.find("]]>");
            data = end.is_some();
            end
        } else if comments && rest.starts_with("<!--") {
            let end = rest.find("-->");
            comments = end.is_some();
            end
        } else {
            None
        };
        if let Some(skipped) = skipped {
            at = start + skipped + 3;
            continue;
        }
        match tag_at(text, start) {
            Some(tag) => {
                at = tag.end;
                found.push(tag);
            }
            None => {
                failures += 1;
                at = start + 1;
                if failures > 20_000 {
                    break;
                }
            }
        }
    }
    found
}

/// The elements of the fields. Content is not looked into: a field's own closing tag ends it.
pub(crate) fn sections<'a>(text: &'a str, outputs: &[FieldSpec]) -> Vec<Section<'a>> {
    let field = |name: &str| {
        outputs
            .iter()
            .position(|field| field.name == name)
            .map(|index| (index, true))
            .or_else(|| {
                let index = outputs.iter().position(|field| same_key(&field.name, name))?;
                Some((index, false))
            })
    };
    let tags: Vec<(Tag<'a>, usize, bool)> = tags(text)
        .into_iter()
        .filter_map(|tag| field(tag.name).map(|(index, exact)| (tag, index, exact)))
        .collect();
    // How many closing tags of each field are still to come: without one, an element is unclosed.
    let mut closing = vec![0_usize; outputs.len()];
    for (tag, index, _) in &tags {
        if tag.kind == TagKind::Close
            && let Some(count) = closing.get_mut(*index)
        {
            *count += 1;
        }
    }
    let mut sections: Vec<Section<'a>> = Vec::new();
    let mut at = 0;
    while let Some((tag, index, exact)) = tags.get(at) {
        at += 1;
        if tag.kind == TagKind::Close {
            if let Some(count) = closing.get_mut(*index) {
                *count = count.saturating_sub(1);
            }
            continue;
        }
        let mut repairs = Vec::new();
        if !exact {
            repairs.push(repair::HEADER_FORM);
        }
        if tag.kind == TagKind::Empty {
            sections.push(Section {
                field: *index,
                text: text.get(tag.end..tag.end).unwrap_or_default(),
                repairs,
                open: false,
            });
            continue;
        }
        let closed = closing.get(*index).is_some_and(|count| *count > 0);
        let mut depth = 1_usize;
        let mut end = None;
        while let Some((other, other_index, _)) = tags.get(at) {
            if !closed && other_index != index {
                // Unclosed: the next field's element ends it.
                end = Some(other.start);
                break;
            }
            at += 1;
            if other.kind == TagKind::Close
                && let Some(count) = closing.get_mut(*other_index)
            {
                *count = count.saturating_sub(1);
            }
            if other_index != index {
                continue;
            }
            match other.kind {
                TagKind::Open => depth += 1,
                TagKind::Close => depth -= 1,
                TagKind::Empty => {}
            }
            let none_left = closing.get(*index) == Some(&0);
            if depth == 0 || (none_left && other.kind == TagKind::Close) {
                end = Some(other.start);
                break;
            }
        }
        if !closed {
            repairs.push(repair::UNCLOSED_TAG);
        }
        let open = end.is_none();
        sections.push(Section {
            field: *index,
            text: text.get(tag.end..end.unwrap_or(text.len())).unwrap_or_default(),
            repairs,
            open,
        });
    }
    sections
}

/// The content of an element as nested elements, or `None` when it holds none.
pub(crate) fn tree(content: &str) -> Option<Node> {
    let trimmed = content.trim_start();
    // JSON and other text may hold tags inside; a value made of elements starts with one.
    if !trimmed.starts_with('<') || trimmed.starts_with("<![CDATA[") {
        return None;
    }
    let tags = tags(content);
    let mut at = 0;
    let children = children(content, &tags, &mut at, &mut Vec::new())?;
    if children.is_empty() {
        return None;
    }
    Some(Node::new(NodeKind::Elements(children), 0, content.len()))
}

/// The children up to the closing tag of the innermost open element, or of one around it.
fn children<'a>(text: &str, tags: &[Tag<'a>], at: &mut usize, open: &mut Vec<&'a str>) -> Option<Vec<Entry>> {
    if open.len() > MAX_DEPTH {
        return None;
    }
    let mut entries = Vec::new();
    while let Some(tag) = tags.get(*at).copied() {
        match tag.kind {
            TagKind::Close if open.contains(&tag.name) => return Some(entries),
            // A closing tag of nothing that is open.
            TagKind::Close => *at += 1,
            TagKind::Empty => {
                *at += 1;
                entries.push(Entry {
                    key: key_of(&tag),
                    value: Node::bare("", tag.start),
                });
            }
            TagKind::Open => {
                *at += 1;
                open.push(tag.name);
                let inner = children(text, tags, at, open)?;
                open.pop();
                let close = tags.get(*at).copied();
                let closed = close.is_some_and(|close| close.name == tag.name);
                let end = close.map_or(text.len(), |close| close.start);
                if closed {
                    *at += 1;
                }
                let content = text.get(tag.end..end).unwrap_or_default();
                let mut value = if !inner.is_empty() && content.trim_start().starts_with('<') {
                    Node::new(NodeKind::Elements(inner), tag.start, end)
                } else {
                    leaf(content, tag.end)
                };
                if !closed {
                    value.flaws.push(repair::UNCLOSED_TAG);
                    value.cut =
                        close.is_none() && value.is_scalar() && content.trim_end().len() == content.len();
                }
                entries.push(Entry {
                    key: key_of(&tag),
                    value,
                });
            }
        }
    }
    Some(entries)
}

/// The key of an element: its `key` attribute, else its name.
fn key_of(tag: &Tag<'_>) -> String {
    for (start, quote) in [("key=\"", '"'), ("key='", '\'')] {
        if let Some(value) = tag.attributes.strip_prefix(start)
            && let Some(end) = value.find(quote)
        {
            return escape::remove_entities(value.get(..end).unwrap_or_default()).into_owned();
        }
    }
    tag.name.to_owned()
}

/// Text content of an element. Its type decides whether it is text or JSON.
fn leaf(content: &str, start: usize) -> Node {
    let mut node = Node::bare("", start);
    node.kind = NodeKind::Leaf(escape::remove_entities(content.trim()).into_owned());
    node
}
