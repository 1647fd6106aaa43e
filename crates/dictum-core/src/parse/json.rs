//! The JSON layout: finds the object that holds the fields.

use super::coerce::same_key;
use super::fence;
use super::node::{Entry, Node, NodeKind};
use super::read;
use super::repair::{self, Repair};
use super::text::whole_json;
use crate::signature::FieldSpec;

/// Objects in prose that are looked at.
const MAX_OBJECTS: usize = 64;
/// Brackets that don't close are tried anew at the next one this many times.
const MAX_RETRIES: usize = 8;
/// Deepest wrapper that is looked into: `{"output": {"answer": ..}}`.
const MAX_WRAPPERS: usize = 3;

/// The fields of a JSON answer.
#[derive(Default)]
pub(crate) struct JsonAnswer {
    /// Field, repairs of its key, value. A field stands here twice when its key does.
    pub(crate) entries: Vec<(usize, Vec<Repair>, Node)>,
    pub(crate) repairs: Vec<Repair>,
}

impl JsonAnswer {
    /// How many fields it holds.
    fn covers(&self) -> usize {
        let mut fields: Vec<usize> = self.entries.iter().map(|(field, ..)| *field).collect();
        fields.sort_unstable();
        fields.dedup();
        fields.len()
    }
}

/// Finds the fields in the object that holds most of them. Objects that hold equally many all count, so that fields that
/// differ between them show as given twice.
pub(crate) fn split(text: &str, outputs: &[FieldSpec]) -> JsonAnswer {
    let trimmed = text.trim_start_matches(read::is_blank);
    let base = (trimmed.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    if let Some(node) = whole_json(trimmed) {
        return best(vec![(node, base, Vec::new())], outputs);
    }
    let mut nodes = Vec::new();
    if trimmed.contains("```") || trimmed.contains("~~~") {
        for block in fence::blocks(trimmed).into_iter().take(MAX_OBJECTS) {
            // White space at the end may belong to a text that the fence cuts off.
            let content = block.content.trim_start();
            let inset = (content.as_ptr() as usize).saturating_sub(trimmed.as_ptr() as usize);
            if let Some(node) = whole_json(content) {
                nodes.push((node, base + inset, vec![repair::FENCE]));
            }
        }
        let cut = nodes
            .iter()
            .any(|(node, ..)| node.flaws.contains(&repair::TRUNCATED));
        let found = best(nodes, outputs);
        // A fence inside a text of the answer closes the block early: the object goes on behind it.
        if cut && found.covers() < outputs.len() {
            let whole = best(spans(trimmed, base), outputs);
            if whole.covers() > found.covers() {
                return whole;
            }
        }
        if !found.entries.is_empty() {
            return found;
        }
    }
    best(spans(trimmed, base), outputs)
}

/// Whether this byte stands inside an object that holds all fields and was written as one: texts in it may hold raw line
/// breaks and odd escapes, and the end may be missing, but where the text with this byte ends is beyond doubt.
pub(crate) fn holds(text: &str, at: usize, outputs: &[FieldSpec]) -> bool {
    let Some(start) = text.get(..at).and_then(|before| before.find('{')) else {
        return false;
    };
    let read = read::read(text, start, true).or_else(|_| read::read(text, start, false));
    let Ok((node, end)) = read else { return false };
    if end <= at || !is_tidy(&node, at, closes_after(text, at, end)) {
        return false;
    }
    let entries = best(vec![(node, 0, Vec::new())], outputs).entries;
    (0..outputs.len()).all(|index| entries.iter().any(|(field, ..)| *field == index))
}

/// Whether an object that was open before this byte closes after it: more brackets close than open, and what follows the
/// byte is not an answer on its own. Then the quotes inside a text are the text's, and no second answer's.
fn closes_after(text: &str, at: usize, end: usize) -> bool {
    let inside = text.get(at..end).unwrap_or_default();
    let count = |bracket: u8| inside.bytes().filter(|byte| *byte == bracket).count();
    if count(b'}') <= count(b'{') {
        return false;
    }
    let alone = inside
        .find('{')
        .and_then(|open| read::read(text, at + open, true).ok());
    !alone.is_some_and(|(_, end)| {
        let rest = text.get(end..).unwrap_or_default().trim_start();
        rest.is_empty() || rest.starts_with("```")
    })
}

fn is_tidy(node: &Node, at: usize, closes: bool) -> bool {
    let harmless = |flaw: &Repair| match *flaw {
        repair::RAW_CONTROL | repair::BAD_ESCAPE | repair::LONE_SURROGATE | repair::TRAILING_COMMA => true,
        // Other quotes say as clearly where a text ends, as long as none is missing.
        repair::SINGLE_QUOTES | repair::SMART_QUOTES => true,
        repair::INNER_QUOTES => closes,
        repair::TRUNCATED => !node.is_scalar() || node.start > at,
        _ => false,
    };
    node.flaws.iter().all(harmless)
        && match &node.kind {
            NodeKind::List(items) => items.iter().all(|item| is_tidy(item, at, closes)),
            NodeKind::Object(entries) => entries.iter().all(|entry| is_tidy(&entry.value, at, closes)),
            _ => true,
        }
}

type Candidate = (Node, usize, Vec<Repair>);

fn spans(text: &str, base: usize) -> Vec<Candidate> {
    let mut nodes = Vec::new();
    let mut at = 0;
    let mut retries = MAX_RETRIES;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + found;
        match read::read(text, start, true).or_else(|_| read::read(text, start, false)) {
            Ok((node, end)) => {
                let open = node.flaws.contains(&repair::TRUNCATED);
                // What precedes the first bracket of the answer is no prose when there is nothing.
                let around = if start == 0 && text.get(end..).is_some_and(|rest| rest.trim().is_empty()) {
                    Vec::new()
                } else {
                    vec![repair::PROSE]
                };
                if matches!(&node.kind, NodeKind::Object(entries) if !entries.is_empty()) {
                    nodes.push((node, base, around));
                }
                at = end.max(start + 1);
                if open {
                    if retries == 0 {
                        break;
                    }
                    retries -= 1;
                    at = start + 1;
                }
            }
            Err(stop) => {
                if retries == 0 {
                    break;
                }
                retries -= 1;
                at = match stop {
                    read::Stop::TooDeep(place) => place,
                    read::Stop::Syntax(_) => start + 1,
                };
            }
        }
        if nodes.len() > MAX_OBJECTS {
            // The answer is more often at the end than in the middle.
            nodes.drain(MAX_OBJECTS / 2..=MAX_OBJECTS / 2);
        }
    }
    nodes
}

/// The candidates that hold most fields.
fn best(nodes: Vec<Candidate>, outputs: &[FieldSpec]) -> JsonAnswer {
    let mut most = 0;
    let mut answer = JsonAnswer::default();
    for (node, base, mut repairs) in nodes {
        let truncated = node.flaws.contains(&repair::TRUNCATED);
        let flaws = node.flaws.clone();
        let Some(entries) = object(node, outputs, MAX_WRAPPERS, &mut repairs) else {
            continue;
        };
        let fields = fields(entries, outputs, base, truncated);
        let mut distinct: Vec<usize> = fields.iter().map(|(field, ..)| *field).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.is_empty() || distinct.len() < most {
            continue;
        }
        if distinct.len() > most {
            most = distinct.len();
            answer = JsonAnswer::default();
        }
        repairs.extend(flaws);
        for repair in repairs {
            if !answer.repairs.contains(&repair) {
                answer.repairs.push(repair);
            }
        }
        answer.entries.extend(fields);
    }
    answer
}

/// The entries of the object with the fields: the value itself, or what a wrapper holds.
fn object(node: Node, outputs: &[FieldSpec], depth: usize, repairs: &mut Vec<Repair>) -> Option<Vec<Entry>> {
    let depth = depth.checked_sub(1)?;
    match node.kind {
        NodeKind::Object(entries) => {
            let known = |key: &str| outputs.iter().any(|field| same_key(&field.name, key));
            let wrapper = match entries.as_slice() {
                // `{"answer": {"answer": 1}}` with one field `answer`: the outer key is the field.
                [only] if !known(&only.key) => matches!(only.value.kind, NodeKind::Object(_)),
                _ => false,
            };
            if !wrapper {
                return Some(entries);
            }
            repairs.push(repair::WRAPPED);
            let inner = entries.into_iter().next()?.value;
            object(inner, outputs, depth, repairs)
        }
        NodeKind::List(items) if items.len() == 1 => {
            repairs.push(repair::WRAPPED);
            object(items.into_iter().next()?, outputs, depth, repairs)
        }
        _ => None,
    }
}

fn fields(
    entries: Vec<Entry>,
    outputs: &[FieldSpec],
    base: usize,
    truncated: bool,
) -> Vec<(usize, Vec<Repair>, Node)> {
    let exact: Vec<bool> = outputs
        .iter()
        .map(|field| entries.iter().any(|entry| entry.key == field.name))
        .collect();
    let count = entries.len();
    let mut found = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        let by_name = outputs.iter().position(|field| field.name == entry.key);
        let place = by_name.or_else(|| {
            let index = outputs
                .iter()
                .position(|field| same_key(&field.name, &entry.key))?;
            (exact.get(index) == Some(&false)).then_some(index)
        });
        let Some(index) = place else { continue };
        let mut repairs = Vec::new();
        if by_name.is_none() {
            repairs.push(repair::KEY_SPELLING);
        }
        let mut node = entry.value;
        super::text::shift(&mut node, base);
        // The last value of a truncated object keeps its own mark; the others are whole.
        if !(truncated && number + 1 == count) {
            node.cut = false;
        }
        found.push((index, repairs, node));
    }
    found
}
