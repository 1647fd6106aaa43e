//! Splits an answer into the texts of its fields: by markers, by headings, by elements.

use super::coerce::same_key;
use super::marker::{self, Marker};
use super::repair::{self, Repair};
use crate::signature::FieldSpec;

/// The text of a field.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    /// Index of the field among the outputs.
    pub(crate) field: usize,
    pub(crate) text: &'a str,
    /// What had to be repaired to find it.
    pub(crate) repairs: Vec<Repair>,
    /// Whether the answer ends inside it.
    pub(crate) open: bool,
}

/// The field that a header names.
pub(super) fn field_of(outputs: &[FieldSpec], name: &str) -> Option<(usize, bool)> {
    if let Some(index) = outputs.iter().position(|field| field.name == name) {
        return Some((index, true));
    }
    let index = outputs.iter().position(|field| same_key(&field.name, name))?;
    Some((index, false))
}

pub(super) fn is_end(name: &str) -> bool {
    ["completed", "complete", "end", "done"]
        .iter()
        .any(|end| name.eq_ignore_ascii_case(end))
}

/// Whether only decoration stands in front of a marker on its line: `**`, `#`, `>`, a list mark.
pub(super) fn decorated(text: &str, start: usize) -> (bool, usize) {
    let before = text.get(..start).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    // A long line is not decoration; looking at its end is enough.
    let lead = before.get(line..).unwrap_or_default();
    if lead.is_empty() {
        return (true, line);
    }
    // `1. [[ ## x ## ]]`, but not a `4` in front of an inline marker.
    let digits = lead.trim_start().chars().take_while(char::is_ascii_digit).count();
    let numbered = digits == 0
        || lead
            .trim_start()
            .get(digits..)
            .is_some_and(|rest| rest.starts_with(['.', ')']));
    let plain = lead.len() <= 40
        && numbered
        && lead.chars().all(|c| {
            c.is_whitespace()
                || c.is_ascii_digit()
                || matches!(c, '*' | '#' | '>' | '-' | '_' | '`' | '.' | ')' | '|')
        });
    (plain, if plain { line } else { start })
}

/// The sections between markers.
///
/// A marker starts a section at the start of a line. Inside a line it does so only when its field has no other. What
/// follows `[[ ## completed ## ]]` only fills fields that are missing.
pub(crate) fn chat<'a>(text: &'a str, outputs: &[FieldSpec]) -> Vec<Section<'a>> {
    struct Place<'a> {
        marker: Marker<'a>,
        field: Option<(usize, bool)>,
        line: usize,
        starts_line: bool,
    }
    let (text, markers) = marker::whole(text);
    let places: Vec<Place<'a>> = markers
        .into_iter()
        .map(|marker| {
            let (starts_line, line) = decorated(text, marker.start);
            Place {
                field: field_of(outputs, marker.name),
                marker,
                line,
                starts_line,
            }
        })
        .collect();
    let mut at_line_start = vec![false; outputs.len()];
    for place in places.iter().filter(|place| place.starts_line) {
        if let Some(slot) = place.field.and_then(|(index, _)| at_line_start.get_mut(index)) {
            *slot = true;
        }
    }
    let structural: Vec<Place<'a>> = places
        .into_iter()
        .filter(|place| {
            place.starts_line
                || match place.field {
                    Some((index, _)) => at_line_start.get(index) == Some(&false),
                    None => is_end(place.marker.name) && ends_line(text, place.marker.end),
                }
        })
        .collect();
    let mut sections: Vec<Section<'a>> = Vec::new();
    let mut completed = false;
    for (number, place) in structural.iter().enumerate() {
        let Some((field, exact_name)) = place.field else {
            completed |= is_end(place.marker.name) && !sections.is_empty();
            continue;
        };
        if completed && sections.iter().any(|section| section.field == field) {
            continue;
        }
        let next = structural.get(number + 1);
        let end = next.map_or(text.len(), |next| next.line);
        let raw = text
            .get(place.marker.end..end.max(place.marker.end))
            .unwrap_or_default();
        let mut repairs = Vec::new();
        let lead = text.get(place.line..place.marker.start).unwrap_or_default();
        let (body, marks) = without_marks(raw, lead);
        if !place.marker.exact || !exact_name || !place.starts_line || marks || !lead.is_empty() {
            repairs.push(repair::HEADER_FORM);
        }
        sections.push(Section {
            field,
            text: body,
            repairs,
            open: next.is_none(),
        });
    }
    sections
}

fn ends_line(text: &str, end: usize) -> bool {
    text.get(end..)
        .and_then(|rest| rest.lines().next())
        .is_none_or(|line| line.chars().all(|c| !c.is_alphanumeric()))
}

/// Takes what decorates a marker off its own line: `**`, `:`, `==`.
pub(super) fn without_marks<'a>(raw: &'a str, lead: &str) -> (&'a str, bool) {
    let line = raw.lines().next().unwrap_or_default();
    if line.is_empty() {
        return (raw, false);
    }
    let mut rest = line;
    for mark in ["**", "__", "`", "*", ":"] {
        let opened = mark == ":" || lead.contains(mark);
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if opened && let Some(after) = trimmed.strip_prefix(mark) {
            rest = after;
        }
    }
    if rest
        .trim()
        .chars()
        .all(|c| matches!(c, '#' | '*' | ':' | '-' | '|'))
        && !rest.trim().is_empty()
    {
        rest = rest.get(rest.len()..).unwrap_or_default();
    }
    let taken = line.len() - rest.len();
    (raw.get(taken..).unwrap_or_default(), taken > 0)
}

/// Text in front of the first marker, for a model that starts to reason without a header.
pub(crate) fn preamble<'a>(text: &'a str, sections: &[Section<'a>]) -> &'a str {
    let first = sections
        .iter()
        .map(|section| (section.text.as_ptr() as usize).saturating_sub(text.as_ptr() as usize))
        .min()
        .unwrap_or(0);
    let before = text.get(..first).unwrap_or_default();
    let end = before.rfind("[[").unwrap_or(before.len());
    let before = before.get(..end).unwrap_or_default();
    before.trim_end_matches(['*', '#', ' ', '>', '`', '\t']).trim()
}

/// The sections under headings: `## Answer`, `**Answer:** 42`, `answer: 42`. The last resort.
pub(crate) fn headings<'a>(text: &'a str, outputs: &[FieldSpec]) -> Vec<Section<'a>> {
    let mut starts: Vec<(usize, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some((field, offset)) = heading(line, outputs) {
            starts.push((field, at, at + offset));
        }
        at += line.len();
    }
    starts
        .iter()
        .enumerate()
        .map(|(number, (field, _, content))| {
            let next = starts.get(number + 1).map(|(_, line, _)| *line);
            let raw = text.get(*content..next.unwrap_or(text.len())).unwrap_or_default();
            Section {
                field: *field,
                text: raw.trim(),
                repairs: vec![repair::HEADER_FORM],
                open: next.is_none(),
            }
        })
        .collect()
}

/// The field that a line heads, and where its content starts in the line.
fn heading(line: &str, outputs: &[FieldSpec]) -> Option<(usize, usize)> {
    let body = line.trim_start();
    let indent = line.len() - body.len();
    let label_start = body.trim_start_matches(['#', '*', '-', '>', ' ', '_', '`', '"']);
    let lead = body.len() - label_start.len();
    let hashes = body.starts_with('#');
    let bold = body.starts_with("**");
    // Up to 80 bytes of label.
    let label_end = label_start
        .char_indices()
        .take(80)
        .find(|(_, c)| matches!(c, ':' | '*' | '\n' | '=' | '`' | '"'))
        .map(|(at, _)| at)
        .or_else(|| (label_start.len() <= 80).then_some(label_start.len()))?;
    let label = label_start.get(..label_end)?.trim();
    if label.is_empty() {
        return None;
    }
    let (field, _) = field_of(outputs, label)?;
    let rest = label_start.get(label_end..)?;
    let marks = rest.trim_start_matches(['*', '`', '"', '_']);
    let after_colon = marks.trim_start_matches([' ', '\t']);
    let (content, colon) = match after_colon.strip_prefix([':', '=']) {
        Some(content) => (content.trim_start_matches(['*', '`']), true),
        None => (
            after_colon,
            rest.contains("**:") || (bold && rest.starts_with("**")),
        ),
    };
    let alone = content.trim().is_empty() && (hashes || bold);
    if !colon && !alone {
        return None;
    }
    let _ = lead;
    Some((field, indent + body.len() - content.len()))
}
