//! Reads one value from a text: collects candidates (the whole text, code fences, JSON in prose, a line that says it is
//! the answer), coerces each, and takes the cheapest reading. Readings that cost the same and disagree are an error.

use std::collections::VecDeque;

use serde_json::Value;

use super::coerce::{Cx, Fail, Got, exact_text};
use super::error::RepairNote;
use super::fence;
use super::node::{Node, NodeKind};
use super::read::{self, Stop};
use super::repair::{self, Repair};
use crate::types::{Kind, Schema, Type};

/// JSON values in prose that are tried, from the front and from the end.
const MAX_SPANS: usize = 128;
/// Brackets that never close are tried anew at the next bracket this many times.
const MAX_RETRIES: usize = 8;
/// Most values that are read one after another.
const MAX_CONCATENATED: usize = 10_000;
/// Longest text whose lines are searched for one that says it is the answer.
const MAX_ANSWER_TEXT: usize = 64 * 1024;

/// Reads a value of the schema from a text.
pub(crate) fn read_text(text: &str, schema: &Schema) -> Result<Got, Fail> {
    let ty = schema.resolve(&schema.ty).unwrap_or(&schema.ty);
    if ty.is_text() && !matches!(ty.kind, Kind::Code { .. }) {
        return Ok(Got {
            value: Value::String(exact_text(text).to_owned()),
            cost: 0,
            notes: Vec::new(),
        });
    }
    // White space at the end stays: it tells a number that is complete from one that was cut off.
    let trimmed = text.trim_start_matches(read::is_blank);
    let base = (trimmed.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    if matches!(ty.kind, Kind::Code { .. }) {
        return code(text, base, schema);
    }
    let got = candidates(trimmed, base, schema, ty);
    // Text by itself in a field of its own needs no quotes.
    got.map(|mut got| {
        if matches!(&ty.kind, Kind::Optional(inner) if schema.resolve(inner).is_some_and(Type::is_text)) {
            got.notes
                .retain(|note| !(note.at.is_empty() && note.what == repair::UNQUOTED_TEXT.what));
        }
        got
    })
}

fn candidates(trimmed: &str, base: usize, schema: &Schema, ty: &Type) -> Result<Got, Fail> {
    let mut pool = Pool::new(schema);
    pool.whole(trimmed, base, &[], 0);
    if pool.cheapest() < repair::FENCE.cost || pool.hopeless {
        return pool.pick();
    }
    if trimmed.contains("```") || trimmed.contains("~~~") {
        for block in fence::blocks(trimmed).into_iter().take(MAX_SPANS) {
            let content = block.content.trim();
            let inset = (content.as_ptr() as usize).saturating_sub(trimmed.as_ptr() as usize);
            let around: &[Repair] = if block.is_whole(trimmed) {
                &[repair::FENCE]
            } else {
                &[repair::FENCE, repair::EXPLANATION]
            };
            pool.whole(content, base + inset, around, 1);
        }
    }
    if pool.cheapest() < repair::PROSE.cost {
        return pool.pick();
    }
    if wants_structure(schema, ty, 4) {
        pool.spans(trimmed, base);
    } else if trimmed.len() <= MAX_ANSWER_TEXT {
        pool.answer_lines(trimmed, base);
    }
    pool.pick()
}

/// Code stands by itself like text: verbatim as it is, else without its fence.
fn code(text: &str, base: usize, schema: &Schema) -> Result<Got, Fail> {
    let exact = exact_text(text);
    let mut cx = Cx::new(schema, text.len());
    if exact.len() != text.trim().len() || exact.is_empty() {
        return Ok(Got {
            value: Value::String(exact.to_owned()),
            cost: 0,
            notes: Vec::new(),
        });
    }
    let node = Node::bare(exact, base);
    let mut got = cx.attempt(|cx| cx.coerce(&node, &schema.ty))?;
    got.notes.retain(|note| note.what != repair::UNQUOTED_TEXT.what);
    Ok(got)
}

/// Reads a part of a text as a value: JSON if it is JSON, else as plain text.
pub(crate) fn read_inner(cx: &mut Cx<'_>, text: &str, start: usize, ty: &Type) -> Result<Value, Fail> {
    let node = match whole_json(text.trim()) {
        Some(mut node) => {
            shift(&mut node, start);
            node
        }
        None => scalar(text, start),
    };
    cx.coerce(&node, ty)
}

/// A scalar without quotes: a literal, a number, or text.
pub(crate) fn scalar(text: &str, start: usize) -> Node {
    let text = text.trim_matches(read::is_blank);
    let quoted = text.starts_with(['"', '\'', '\u{201c}']);
    if let Some(mut node) = quoted.then(|| whole_json(text)).flatten() {
        shift(&mut node, start);
        return node;
    }
    let mut node = Node::bare(text, start);
    if let Some((kind, python)) = read::classify(text) {
        node.kind = kind;
        if python {
            node.flaws.push(repair::PYTHON_LITERAL);
        }
    }
    node
}

/// A text as one JSON value, repaired where needed; `None` when it is not one or more stands around it.
pub(crate) fn whole_json(text: &str) -> Option<Node> {
    whole_or_stop(text).ok().flatten()
}

fn whole_or_stop(text: &str) -> Result<Option<Node>, usize> {
    match read::read(text, 0, true) {
        Ok((node, end)) if text.get(end..).is_some_and(|rest| rest.trim().is_empty()) => {
            return Ok(Some(node));
        }
        Err(Stop::TooDeep(at)) => return Err(at),
        _ => {}
    }
    if !text.starts_with(['{', '[', '(', '"', '\'', '\u{201c}', 'r', 'f', 'u', 'b', '/']) {
        return Ok(None);
    }
    // A comment may stand in front; a word may not.
    let (mut node, end) = match read::read(text, 0, false) {
        Ok(read) => read,
        Err(Stop::TooDeep(at)) => return Err(at),
        Err(Stop::Syntax(_)) => return Ok(None),
    };
    let rest = text.get(end..).unwrap_or_default();
    let plain = |c: char| read::is_blank(c) || matches!(c, ';' | ',' | '.');
    let only_closers = rest.chars().all(|c| plain(c) || matches!(c, '}' | ']' | ')'));
    let comment = matches!(read::read(rest, 0, false), Ok((Node { kind: NodeKind::Bare(t), .. }, end)) if t.is_empty() && end == rest.len());
    let fits = match &node.kind {
        NodeKind::Str(_) => !node.cut && !node.flaws.contains(&repair::INNER_QUOTES),
        NodeKind::List(_) | NodeKind::Object(_) => true,
        _ => false,
    };
    if !fits || !(only_closers || comment) {
        return Ok(None);
    }
    if !rest.chars().all(plain) && only_closers {
        node.flaws.push(repair::STRAY_BRACKET);
    } else if !rest.trim().is_empty() {
        node.flaws.push(if comment {
            repair::COMMENT
        } else {
            repair::PUNCTUATION
        });
    }
    Ok(Some(node))
}

/// Moves the places in a tree.
pub(crate) fn shift(node: &mut Node, by: usize) {
    if by == 0 {
        return;
    }
    node.start += by;
    node.end += by;
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        NodeKind::Object(entries) | NodeKind::Elements(entries) => {
            entries.iter_mut().for_each(|entry| shift(&mut entry.value, by));
        }
        _ => {}
    }
}

fn wants_structure(schema: &Schema, ty: &Type, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match schema.resolve(ty).map(|ty| &ty.kind) {
        Some(
            Kind::List { .. }
            | Kind::Tuple(_)
            | Kind::Map { .. }
            | Kind::Object(_)
            | Kind::Any(_)
            | Kind::History
            | Kind::ToolCalls
            | Kind::Image
            | Kind::Audio
            | Kind::File,
        ) => true,
        Some(Kind::Optional(inner)) => wants_structure(schema, inner, depth),
        Some(Kind::Union(types)) => types.iter().any(|ty| wants_structure(schema, ty, depth)),
        _ => false,
    }
}

/// The readings found so far.
struct Pool<'s> {
    schema: &'s Schema,
    readings: Vec<Got>,
    /// The failure most worth telling, with its rank: lower is better.
    failure: Option<(u32, Fail)>,
    /// The text is JSON nested too deeply: what stands inside is not the value.
    hopeless: bool,
}

impl<'s> Pool<'s> {
    fn new(schema: &'s Schema) -> Self {
        Self {
            schema,
            readings: Vec::new(),
            failure: None,
            hopeless: false,
        }
    }

    fn cheapest(&self) -> u32 {
        self.readings.iter().map(|got| got.cost).min().unwrap_or(u32::MAX)
    }

    fn failed(&mut self, rank: u32, fail: Fail) {
        if self.failure.as_ref().is_none_or(|(known, _)| rank < *known) {
            self.failure = Some((rank, fail));
        }
    }

    fn add(&mut self, node: &Node, around: &[Repair], rank: u32, size: usize) -> bool {
        let mut cx = Cx::new(self.schema, size);
        let result = cx.attempt(|cx| {
            for repair in around {
                cx.note(*repair);
            }
            cx.coerce(node, &self.schema.ty)
        });
        match result {
            Ok(got) => {
                self.readings.push(got);
                true
            }
            Err(fail) => {
                self.failed(rank, fail);
                false
            }
        }
    }

    /// A stretch of text taken whole: as JSON, as values one after another, as plain text.
    fn whole(&mut self, text: &str, base: usize, around: &[Repair], rank: u32) {
        match whole_or_stop(text) {
            Ok(Some(mut node)) => {
                shift(&mut node, base);
                if self.add(&node, around, rank * 10, text.len()) || !node.is_scalar() {
                    return;
                }
            }
            Err(at) => {
                let problem = format!("the brackets are nested deeper than {}", read::MAX_DEPTH);
                let fail = Fail {
                    at: String::new(),
                    problem,
                    offset: base + at,
                };
                self.failed(0, fail);
                self.hopeless = true;
                return;
            }
            Ok(None) => {
                let list = matches!(self.list_type(), Some(Kind::List { .. }));
                if let Some(mut node) = list.then(|| concatenated(text)).flatten() {
                    shift(&mut node, base);
                    if self.add(&node, around, rank, text.len()) {
                        return;
                    }
                }
            }
        }
        // An error in plain text says less than one in JSON, unless there is no JSON.
        self.add(&scalar(text, base), around, rank * 10 + 5, text.len());
    }

    fn list_type(&self) -> Option<&Kind> {
        let kind = self.schema.resolve(&self.schema.ty).map(|ty| &ty.kind)?;
        match kind {
            Kind::Optional(inner) => self.schema.resolve(inner).map(|ty| &ty.kind),
            kind => Some(kind),
        }
    }

    /// JSON values inside prose: the first and the last [`MAX_SPANS`] that may be meant are tried.
    fn spans(&mut self, text: &str, base: usize) {
        let mut at = 0;
        let mut retries = MAX_RETRIES;
        let mut tried = 0;
        let mut last: VecDeque<(Node, usize)> = VecDeque::new();
        while let Some(found) = text.get(at..).and_then(|rest| rest.find(['{', '['])) {
            let start = at + found;
            let read = read::read(text, start, true).or_else(|_| read::read(text, start, false));
            let (mut node, end) = match read {
                Ok(read) => read,
                Err(stop) => {
                    if retries == 0 {
                        break;
                    }
                    retries -= 1;
                    at = match stop {
                        // Past the run of brackets that is too deep.
                        Stop::TooDeep(place) => place,
                        Stop::Syntax(_) => start + 1,
                    };
                    continue;
                }
            };
            at = end.max(start + 1);
            let open = ends_open(&node);
            if !self.plausible(&node) && !open {
                continue;
            }
            shift(&mut node, base);
            if open {
                if !self.span(&node, end - start) {
                    if retries == 0 {
                        break;
                    }
                    retries -= 1;
                    at = start + 1;
                }
            } else if tried < MAX_SPANS {
                tried += 1;
                self.span(&node, end - start);
            } else {
                if last.len() >= MAX_SPANS {
                    last.pop_front();
                }
                last.push_back((node, end - start));
            }
        }
        for (node, size) in last {
            self.span(&node, size);
        }
    }

    fn span(&mut self, node: &Node, size: usize) -> bool {
        // What is wrong in an object says more than that the prose is none.
        let rank = if matches!(node.kind, NodeKind::Object(_)) {
            3
        } else {
            20
        };
        self.add(node, &[repair::PROSE], rank, size)
    }

    /// A cheap look that spares words in brackets the coercion.
    fn plausible(&self, node: &Node) -> bool {
        match (self.list_type(), &node.kind) {
            (Some(Kind::Object(_) | Kind::Map { .. }), NodeKind::Object(entries)) => !entries.is_empty(),
            (Some(Kind::Object(_)), NodeKind::List(items)) => {
                items.len() == 1 && items.iter().all(|i| !i.is_scalar())
            }
            (Some(Kind::Object(_) | Kind::Map { .. }), _) => false,
            _ => true,
        }
    }

    /// Lines such as `Final answer: 42`, for scalars under an explanation.
    fn answer_lines(&mut self, text: &str, base: usize) {
        for line in text.lines() {
            let bare = line.trim().trim_start_matches(['#', '*', '>', ' ', '-']);
            let Some((label, rest)) = bare.split_once(':') else {
                continue;
            };
            let label = label.to_lowercase();
            let label = label.trim_matches(['*', ' ', '_', '`']);
            if !matches!(
                label,
                "answer" | "final answer" | "the answer" | "the final answer" | "final result"
            ) {
                continue;
            }
            let rest = rest.trim_start_matches('*').trim();
            let start = (rest.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            self.add(&scalar(rest, base + start), &[repair::PROSE], 30, rest.len());
        }
    }

    fn pick(self) -> Result<Got, Fail> {
        let mut readings = self.readings;
        let Some(cheapest) = readings.iter().map(|got| got.cost).min() else {
            return Err(self.failure.map_or_else(
                || Fail {
                    at: String::new(),
                    problem: "there is no value".to_owned(),
                    offset: 0,
                },
                |(_, fail)| fail,
            ));
        };
        readings.retain(|got| got.cost <= cheapest.saturating_add(repair::MARGIN));
        let best = readings.iter().position(|got| got.cost == cheapest).unwrap_or(0);
        let best = readings.swap_remove(best);
        if let Some(other) = readings.iter().find(|got| got.value != best.value) {
            let shown = |value: &Value| super::coerce::quote(&value.to_string());
            return Err(Fail {
                at: String::new(),
                problem: format!(
                    "there are two readings that disagree: {} and {}",
                    shown(&best.value),
                    shown(&other.value)
                ),
                offset: 0,
            });
        }
        Ok(best)
    }
}

/// Whether a value at the right edge of the tree was cut off.
fn ends_open(node: &Node) -> bool {
    let last = match &node.kind {
        NodeKind::List(items) => items.last(),
        NodeKind::Object(entries) => entries.last().map(|entry| &entry.value),
        _ => None,
    };
    node.flaws.contains(&repair::TRUNCATED) || last.is_some_and(ends_open)
}

/// `{..} {..}` and one object per line: values with nothing but white space and commas between them.
fn concatenated(text: &str) -> Option<Node> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut items = Vec::new();
    let mut at = 0;
    while text.get(at..).is_some_and(|rest| rest.starts_with(['{', '['])) {
        let (node, end) = read::read(text, at, true)
            .or_else(|_| read::read(text, at, false))
            .ok()?;
        items.push(node);
        if items.len() > MAX_CONCATENATED {
            return None;
        }
        let rest = text.get(end..)?;
        at = end + rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_whitespace() || c == ',')
                .len();
    }
    if at < text.len() || items.len() < 2 {
        return None;
    }
    let mut list = Node::new(NodeKind::List(items), 0, text.len());
    list.flaws.push(repair::CONCATENATED);
    Some(list)
}

/// The notes of a reading as notes of a field.
pub(crate) fn notes_of(field: &str, notes: Vec<RepairNote>) -> impl Iterator<Item = RepairNote> {
    notes.into_iter().map(move |note| RepairNote {
        at: join(field, &note.at),
        what: note.what,
    })
}

/// A field with a path inside it.
pub(crate) fn join(field: &str, path: &str) -> String {
    match (field, path) {
        (field, "") => field.to_owned(),
        ("", path) => path.to_owned(),
        (field, path) if path.starts_with('[') => format!("{field}{path}"),
        (field, path) => format!("{field}.{path}"),
    }
}
