//! Reads the output fields of a signature from an answer.

use serde_json::Value;

use super::coerce::{Cx, Fail, Got, is_not_applicable, same_key};
use super::error::{FailureReason, FieldFailure, ParseError, RepairNote};
use super::locate::parse_error;
use super::node::{Entry, Node, NodeKind};
use super::repair::{self, Repair};
use super::sections::{self, Section};
use super::text::{notes_of, read_text, whole_json};
use super::{Answer, Layout, escape, json, marker, read, thinking, xml};
use crate::signature::FieldSpec;
use crate::types::{Kind, Misfit, Type, Violation};

/// What a layout makes of an answer: for each output, the places where it may stand.
#[derive(Default)]
struct Split<'a> {
    found: Vec<Found<'a>>,
    /// What had to be repaired to split the answer.
    repairs: Vec<Repair>,
}

/// One place of a field.
struct Found<'a> {
    field: usize,
    source: Source<'a>,
    repairs: Vec<Repair>,
    /// The answer ends inside.
    open: bool,
}

enum Source<'a> {
    /// Text, as the layout escapes it.
    Text(&'a str, Layout),
    /// A value of a JSON answer, with the text it was read from.
    Node(Node, &'a str),
}

impl Split<'_> {
    fn covers(&self, outputs: &[FieldSpec]) -> usize {
        (0..outputs.len())
            .filter(|index| self.found.iter().any(|found| found.field == *index))
            .count()
    }
}

/// See [`super::fields`] and [`super::partial`].
pub(crate) fn read(text: &str, layout: Layout, outputs: &[FieldSpec], partial: bool) -> Answer {
    let mut answer = Answer::default();
    let is_field =
        |name: &str| layout == Layout::Xml && outputs.iter().any(|field| same_key(&field.name, name));
    let answers = |rest: &str| split(rest, layout, outputs).covers(outputs) == outputs.len();
    let inside = |at: usize| layout == Layout::Json && json::holds(text, at, outputs);
    let (body, thought) = thinking::strip(text, is_field, answers, inside);
    if thought {
        note(&mut answer.repairs, "", repair::THINKING);
    }
    let mut chosen = choose(body, layout, outputs);
    if layout == Layout::Chat {
        reasoning_without_header(body, outputs, &mut chosen);
    }
    if chosen.found.is_empty() {
        whole_answer(body, layout, outputs, &mut chosen);
    }
    for repair in &chosen.repairs {
        note(&mut answer.repairs, "", *repair);
    }
    for (index, spec) in outputs.iter().enumerate() {
        let places: Vec<&Found<'_>> = chosen.found.iter().filter(|found| found.field == index).collect();
        field(text, spec, &places, partial, &mut answer);
    }
    answer
}

fn note(notes: &mut Vec<RepairNote>, at: &str, repair: Repair) {
    let note = RepairNote {
        at: at.to_owned(),
        what: repair.what.to_owned(),
    };
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn split<'a>(text: &'a str, layout: Layout, outputs: &[FieldSpec]) -> Split<'a> {
    let from_sections = |sections: Vec<Section<'a>>, layout: Layout| Split {
        found: sections
            .into_iter()
            .map(|section| Found {
                field: section.field,
                source: Source::Text(section.text, layout),
                repairs: section.repairs,
                open: section.open,
            })
            .collect(),
        repairs: Vec::new(),
    };
    match layout {
        Layout::Chat => from_sections(sections::chat(text, outputs), Layout::Chat),
        Layout::Xml => from_sections(xml::sections(text, outputs), Layout::Xml),
        Layout::Json => {
            let read = json::split(text, outputs);
            Split {
                found: read
                    .entries
                    .into_iter()
                    .map(|(field, repairs, node)| Found {
                        field,
                        open: false,
                        source: Source::Node(node, text),
                        repairs,
                    })
                    .collect(),
                repairs: read.repairs,
            }
        }
    }
}

/// The expected layout if it finds every field; else the one that finds most, the expected one first.
fn choose<'a>(text: &'a str, layout: Layout, outputs: &[FieldSpec]) -> Split<'a> {
    let needed = outputs
        .iter()
        .filter(|field| field.when_absent().is_none())
        .count();
    let expected = split(text, layout, outputs);
    let mut best_count = expected.covers(outputs);
    if best_count == outputs.len() || (best_count > 0 && best_count >= needed && needed > 0) {
        return expected;
    }
    let mut best = expected;
    let others: &[(Layout, Repair)] = match layout {
        Layout::Chat => &[(Layout::Json, repair::AS_JSON), (Layout::Xml, repair::AS_XML)],
        Layout::Json => &[(Layout::Chat, repair::AS_CHAT), (Layout::Xml, repair::AS_XML)],
        Layout::Xml => &[(Layout::Chat, repair::AS_CHAT), (Layout::Json, repair::AS_JSON)],
    };
    for (other, repair) in others {
        let mut candidate = split(text, *other, outputs);
        let count = candidate.covers(outputs);
        if count > best_count {
            candidate.repairs.insert(0, *repair);
            best_count = count;
            best = candidate;
        }
    }
    if best_count == 0 {
        let sections = sections::headings(text, outputs);
        if !sections.is_empty() {
            best.repairs = vec![repair::AS_HEADINGS];
            best.found = sections
                .into_iter()
                .map(|section| Found {
                    field: section.field,
                    source: Source::Text(section.text, Layout::Chat),
                    repairs: section.repairs,
                    open: section.open,
                })
                .collect();
        }
    }
    best
}

/// Reasoning is often begun without its header: text in front of the first marker is taken for it.
fn reasoning_without_header<'a>(text: &'a str, outputs: &[FieldSpec], split: &mut Split<'a>) {
    let Some(first) = outputs.first() else { return };
    let is_reasoning = matches!(first.schema.ty.kind, Kind::Reasoning)
        || (matches!(first.schema.ty.kind, Kind::Str)
            && matches!(first.name.as_str(), "reasoning" | "rationale"));
    if !is_reasoning || split.found.is_empty() || split.found.iter().any(|found| found.field == 0) {
        return;
    }
    let sections = sections::chat(text, outputs);
    let before = sections::preamble(text, &sections);
    if before.is_empty() || sections.is_empty() {
        return;
    }
    split.found.push(Found {
        field: 0,
        source: Source::Text(before, Layout::Chat),
        repairs: vec![repair::MISSING_HEADER],
        open: false,
    });
}

/// With one output and no structure at all, the whole answer is its value.
fn whole_answer<'a>(text: &'a str, layout: Layout, outputs: &[FieldSpec], split: &mut Split<'a>) {
    let [only] = outputs else { return };
    let markers = marker::all(text);
    let end = markers
        .iter()
        .find(|marker| matches!(marker.name, "completed" | "complete" | "end"))
        .map_or(text.len(), |marker| marker.start);
    if markers.iter().any(|marker| marker.start < end) {
        return;
    }
    let body = text.get(..end).unwrap_or_default().trim();
    if body.is_empty() {
        return;
    }
    let is_text = only.schema.resolve(&only.schema.ty).is_some_and(Type::is_text);
    let object = whole_json(body).is_some_and(|node| matches!(node.kind, NodeKind::Object(_)));
    if is_text && object {
        return;
    }
    // A text answered to the JSON layout as a JSON string is that string.
    let layout = if layout == Layout::Xml {
        Layout::Xml
    } else {
        Layout::Chat
    };
    let source = match whole_json(body) {
        Some(node) if is_text && matches!(node.kind, NodeKind::Str(_)) && layout == Layout::Chat => {
            Source::Node(node, text)
        }
        _ => Source::Text(body, layout),
    };
    split.repairs.push(repair::WHOLE_ANSWER);
    split.found.push(Found {
        field: 0,
        source,
        repairs: Vec::new(),
        open: false,
    });
}

/// Reads one field from its places and puts what comes of it into the answer.
fn field(whole: &str, spec: &FieldSpec, places: &[&Found<'_>], partial: bool, answer: &mut Answer) {
    let mut read: Vec<Got> = Vec::new();
    let mut failure: Option<ParseError> = None;
    let mut cut = false;
    for place in places {
        // An element without its closing tag shows that the answer was cut off.
        let unclosed = matches!(place.source, Source::Text(_, Layout::Xml));
        let open = (partial || unclosed) && place.open;
        match value(whole, spec, place, open) {
            Ok(Some(got)) => {
                for repair in &place.repairs {
                    note(&mut answer.repairs, &spec.name, *repair);
                }
                read.push(got);
            }
            Ok(None) => cut = true,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    // A section left empty, or that can't be read, is no answer beside one that can.
    let is_reasoning = matches!(spec.schema.ty.kind, Kind::Reasoning);
    if read.len() > 1 {
        note(&mut answer.repairs, &spec.name, repair::TWICE);
        let filled = |got: &Got| got.value.as_str().is_none_or(|text| !text.is_empty());
        if read.iter().any(filled) {
            read.retain(filled);
        }
        if is_reasoning {
            read.drain(..read.len() - 1);
        }
    }
    let disagreement = match read.as_slice() {
        [first, rest @ ..] => rest.iter().find(|other| other.value != first.value).map(|other| {
            let shown = |value: &Value| super::coerce::quote(&value.to_string());
            format!(
                "the field is given twice with different values: {} and {}",
                shown(&first.value),
                shown(&other.value)
            )
        }),
        [] => None,
    };
    if let Some(problem) = disagreement {
        let second = places.get(1).map_or(0, |place| offset_of(whole, place));
        let fail = Fail {
            at: String::new(),
            problem,
            offset: second,
        };
        failed(
            answer,
            spec,
            FailureReason::Unreadable(parse_error(whole, 0, fail)),
        );
        return;
    }
    let Some(got) = read.into_iter().next() else {
        let absent = spec.when_absent();
        match (failure, absent) {
            (Some(error), _) => failed(answer, spec, FailureReason::Unreadable(error)),
            (None, Some(value)) if !cut => {
                answer.fields.insert(spec.name.clone(), value.into_owned());
            }
            _ => failed(answer, spec, FailureReason::Missing),
        }
        return;
    };
    answer.repairs.extend(notes_of(&spec.name, got.notes));
    let violations: Vec<Violation> = spec.schema.check(&got.value).into_iter().map(with_path).collect();
    if violations.is_empty() {
        answer.fields.insert(spec.name.clone(), got.value);
    } else {
        failed(answer, spec, FailureReason::Constraint(violations));
    }
}

/// A violation with the path inside the value in front of its rule.
fn with_path(misfit: Misfit) -> Violation {
    let mut violation = misfit.violation;
    if !misfit.at.is_empty() {
        violation.rule = format!("{} {}", misfit.at, violation.rule);
    }
    violation
}

fn failed(answer: &mut Answer, spec: &FieldSpec, reason: FailureReason) {
    answer.failures.push(FieldFailure {
        field: spec.name.clone(),
        reason,
    });
}

fn offset_of(whole: &str, place: &Found<'_>) -> usize {
    match &place.source {
        Source::Text(text, _) => offset_in(whole, text),
        Source::Node(node, text) => offset_in(whole, text) + node.start,
    }
}

fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize)
        .saturating_sub(whole.as_ptr() as usize)
        .min(whole.len())
}

/// The value at one place; `None` when the answer ends inside it and what is there can't be trusted.
fn value(whole: &str, spec: &FieldSpec, place: &Found<'_>, open: bool) -> Result<Option<Got>, ParseError> {
    match &place.source {
        Source::Node(node, text) => {
            let mut cx = Cx::new(&spec.schema, text.len());
            let result = cx.attempt(|cx| cx.coerce(node, &spec.schema.ty));
            match result {
                Err(_) if node.cut => Ok(None),
                Err(fail) if spec.default.is_some() && node.text().is_some_and(is_not_applicable) => {
                    Ok(default(spec)).map_err(|()| parse_error(text, 0, fail))
                }
                Err(mut fail) => {
                    fail.offset += offset_in(whole, text);
                    Err(parse_error(whole, 0, fail))
                }
                Ok(got) => Ok(Some(got)),
            }
        }
        Source::Text(raw, layout) => section(whole, spec, raw, *layout, open),
    }
}

fn default(spec: &FieldSpec) -> Option<Got> {
    spec.default.as_ref().map(|value| Got {
        value: value.clone(),
        cost: repair::BY_DEFAULT.cost,
        notes: vec![
            RepairNote {
                at: String::new(),
                what: repair::NOT_APPLICABLE.what.to_owned(),
            },
            RepairNote {
                at: String::new(),
                what: repair::BY_DEFAULT.what.to_owned(),
            },
        ],
    })
}

fn section(
    whole: &str,
    spec: &FieldSpec,
    raw: &str,
    layout: Layout,
    open: bool,
) -> Result<Option<Got>, ParseError> {
    let schema = &spec.schema;
    let is_text = schema.resolve(&schema.ty).is_some_and(Type::is_text);
    let touches_end = open && !raw.is_empty() && raw.trim_end_matches(read::is_blank).len() == raw.len();
    if !is_text && (raw.trim().is_empty()) && !schema.ty.allows_null() && !is_listy(&schema.ty) {
        // A header with nothing under it: no answer.
        return Ok(None);
    }
    if raw.trim().is_empty() && !is_text && is_listy(&schema.ty) {
        return Ok((!open).then(|| empty(&schema.ty, layout)));
    }
    let decoded = match layout {
        Layout::Chat => escape::remove_backslashes(raw),
        Layout::Xml if !is_text && let Some(node) = xml::tree(raw) => {
            return element(whole, spec, raw, &node);
        }
        Layout::Xml => escape::remove_entities(raw.trim()),
        Layout::Json => raw.into(),
    };
    let exact_place = matches!(decoded, std::borrow::Cow::Borrowed(_));
    let result = read_text(&decoded, schema);
    match result {
        Ok(mut got) => {
            if touches_end && !is_text && !is_closed(&decoded) {
                return Ok(None);
            }
            if open && is_text {
                got.notes.push(RepairNote {
                    at: String::new(),
                    what: repair::TRUNCATED.what.to_owned(),
                });
            }
            if is_text && got.value.as_str() == Some("") && raw.trim().is_empty() {
                got.notes.push(RepairNote {
                    at: String::new(),
                    what: repair::EMPTY.what.to_owned(),
                });
            }
            Ok(Some(got))
        }
        Err(_) if touches_end => Ok(None),
        Err(_) if spec.default.is_some() && is_not_applicable(&decoded) => Ok(default(spec)),
        Err(mut fail) if exact_place => {
            fail.offset += offset_in(whole, &decoded);
            Err(parse_error(whole, 0, fail))
        }
        Err(fail) => {
            let lines = whole
                .get(..offset_in(whole, raw))
                .unwrap_or_default()
                .matches('\n')
                .count();
            Err(parse_error(&decoded, lines, fail))
        }
    }
}

fn is_listy(ty: &Type) -> bool {
    matches!(ty.kind, Kind::List { .. } | Kind::Map { .. })
}

/// A list or map with nothing in it: what an empty element means, and, with a note, an empty section.
fn empty(ty: &Type, layout: Layout) -> Got {
    let note = RepairNote {
        at: String::new(),
        what: repair::EMPTY.what.to_owned(),
    };
    Got {
        value: match ty.kind {
            Kind::Map { .. } => Value::Object(serde_json::Map::new()),
            _ => Value::Array(Vec::new()),
        },
        cost: repair::EMPTY.cost,
        notes: if layout == Layout::Xml {
            Vec::new()
        } else {
            vec![note]
        },
    }
}

/// Whether a value shows by itself that it is whole: it ends with a closing bracket or quote.
fn is_closed(text: &str) -> bool {
    whole_json(text.trim()).is_some_and(|node| {
        !node.cut
            && !node.flaws.contains(&repair::TRUNCATED)
            && !matches!(node.kind, NodeKind::Number(_) | NodeKind::Bare(_))
    }) || text.trim_end().ends_with("```")
}

/// A field of nested elements.
pub(super) fn element(
    whole: &str,
    spec: &FieldSpec,
    raw: &str,
    node: &Node,
) -> Result<Option<Got>, ParseError> {
    let mut cx = Cx::new(&spec.schema, raw.len());
    let unwrapped = unwrap_repeated(node, spec);
    let result = cx.attempt(|cx| cx.coerce(unwrapped.as_ref().unwrap_or(node), &spec.schema.ty));
    result.map(Some).map_err(|mut fail| {
        fail.offset += offset_in(whole, raw);
        parse_error(whole, 0, fail)
    })
}

/// `<person><person>..</person></person>`: the value's own name around it once more.
fn unwrap_repeated(node: &Node, spec: &FieldSpec) -> Option<Node> {
    let NodeKind::Elements(children) = &node.kind else {
        return None;
    };
    let [Entry { key, value }] = children.as_slice() else {
        return None;
    };
    let Kind::Object(object) = &spec.schema.resolve(&spec.schema.ty)?.kind else {
        return None;
    };
    // A property of the same name is that property.
    let is_property = object.properties.iter().any(|p| same_key(&p.name, key));
    (!is_property && same_key(key, &spec.name) && !value.is_scalar()).then(|| value.clone())
}
