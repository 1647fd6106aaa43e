//! Makes what was read into a value of the wanted type, one file per kind of type.
//!
//! Every step that is not exact adds its [`Repair`] and so its cost. Nothing here looks at the text around a value.

mod boolean;
mod choice;
mod code;
mod list;
mod list_text;
mod map;
mod media;
mod number;
mod number_text;
mod object;
mod optional;
mod text;
mod tool_calls;
mod tuple;
mod union;
mod untyped;
mod words;

pub(crate) use object::same_key;
pub(crate) use optional::is_not_applicable;
pub(crate) use text::exact_text;

use serde_json::Value;

use super::error::RepairNote;
use super::node::{Node, NodeKind};
use super::repair::{self, Repair};
use super::wanted;
use crate::types::{Kind, Schema, Type};

/// Most notes kept for one value; a text with more flaws than that is not helped by a longer list.
const MAX_NOTES: usize = 200;
/// Deepest nesting of types that is followed.
const MAX_DEPTH: usize = 160;

/// Why a node is not a value of the type.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    /// Path of the fault inside the value.
    pub(crate) at: String,
    /// What was wanted and what was found.
    pub(crate) problem: String,
    /// Byte of the fault in the text.
    pub(crate) offset: usize,
}

/// A value with what it cost.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) value: Value,
    pub(crate) cost: u32,
    pub(crate) notes: Vec<RepairNote>,
}

enum Step {
    Key(String),
    Index(usize),
}

/// What a coercion carries along.
pub(crate) struct Cx<'a> {
    pub(crate) schema: &'a Schema,
    notes: Vec<RepairNote>,
    cost: u32,
    path: Vec<Step>,
    depth: usize,
    /// Steps left, so that unions inside unions can't take exponential time.
    fuel: u32,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(schema: &'a Schema, size: usize) -> Self {
        let fuel = size.saturating_mul(100).saturating_add(50_000).min(2_000_000);
        Self {
            schema,
            notes: Vec::new(),
            cost: 0,
            path: Vec::new(),
            depth: 0,
            fuel: u32::try_from(fuel).unwrap_or(u32::MAX),
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
            }
        }
        path
    }

    /// Records a repair at the place where the coercion is.
    pub(crate) fn note(&mut self, repair: Repair) {
        self.cost = self.cost.saturating_add(repair.cost);
        if self.notes.len() < MAX_NOTES {
            let note = RepairNote {
                at: self.path(),
                what: repair.what.to_owned(),
            };
            if self.notes.last() != Some(&note) {
                self.notes.push(note);
            }
        }
    }

    fn fail(&self, node: &Node, problem: impl Into<String>) -> Fail {
        Fail {
            at: self.path(),
            problem: problem.into(),
            offset: node.start,
        }
    }

    /// The usual failure: this type was wanted, that was found.
    fn mismatch(&self, node: &Node, ty: &Type) -> Fail {
        self.fail(
            node,
            format!(
                "wanted {}, found {}",
                wanted::describe(self.schema, ty),
                found(node)
            ),
        )
    }

    /// Runs a part of the coercion one step deeper in the value.
    fn within<T>(&mut self, step: Step, run: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = run(self);
        self.path.pop();
        result
    }

    /// Runs a coercion that may be given up: its notes and cost come back apart.
    pub(crate) fn attempt(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<Value, Fail>,
    ) -> Result<Got, Fail> {
        let mark = self.notes.len();
        let cost = std::mem::take(&mut self.cost);
        let depth = self.depth;
        let result = run(self);
        self.depth = depth;
        let notes = self.notes.split_off(mark);
        let spent = std::mem::replace(&mut self.cost, cost);
        result.map(|value| Got {
            value,
            cost: spent,
            notes,
        })
    }

    /// Takes what an attempt gave.
    pub(crate) fn accept(&mut self, got: Got) -> Value {
        self.cost = self.cost.saturating_add(got.cost);
        let room = MAX_NOTES.saturating_sub(self.notes.len());
        self.notes.extend(got.notes.into_iter().take(room));
        got.value
    }

    /// Coerces a node to a type.
    pub(crate) fn coerce(&mut self, node: &Node, ty: &Type) -> Result<Value, Fail> {
        let Some(fuel) = self.fuel.checked_sub(1) else {
            return Err(self.fail(node, "there are too many ways to read this as the wanted type"));
        };
        self.fuel = fuel;
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(node, "the value is nested too deeply"));
        }
        self.depth += 1;
        for flaw in &node.flaws {
            self.note(*flaw);
        }
        let result = match &node.kind {
            NodeKind::Leaf(text) => self.leaf(node, text, ty),
            _ => self.dispatch(node, ty),
        };
        self.depth -= 1;
        result
    }

    /// Text of an XML element: text as it is, other types as JSON or plain text.
    fn leaf(&mut self, node: &Node, text: &str, ty: &Type) -> Result<Value, Fail> {
        let exact = exact_text(text);
        let verbatim = exact.len() != text.trim().len();
        let kind = self.schema.resolve(ty).map(|ty| &ty.kind);
        let is_code = matches!(kind, Some(Kind::Code { .. }));
        if matches!(kind, Some(Kind::Str | Kind::Reasoning)) || (is_code && (verbatim || exact.is_empty())) {
            return Ok(Value::String(exact.to_owned()));
        }
        // An element with nothing in it is a list or map with nothing in it.
        match kind {
            Some(Kind::List { .. }) if exact.is_empty() => return Ok(Value::Array(Vec::new())),
            Some(Kind::Map { .. }) if exact.is_empty() => return Ok(Value::Object(serde_json::Map::new())),
            _ => {}
        }
        let mut inner = if is_code {
            Node::bare(exact, node.start)
        } else {
            super::text::whole_json(exact).unwrap_or_else(|| super::text::scalar(exact, node.start))
        };
        place(&mut inner, node.start);
        inner.cut = node.cut;
        for flaw in &inner.flaws {
            self.note(*flaw);
        }
        let value = self.dispatch(&inner, ty)?;
        if is_code {
            self.forget(repair::UNQUOTED_TEXT);
        }
        Ok(value)
    }

    /// Takes back the last note if it is this one.
    fn forget(&mut self, repair: Repair) {
        if let Some(index) = self.notes.iter().rposition(|note| note.what == repair.what) {
            self.notes.remove(index);
            self.cost = self.cost.saturating_sub(repair.cost);
        }
    }

    fn dispatch(&mut self, node: &Node, ty: &Type) -> Result<Value, Fail> {
        let Some(ty) = self.schema.resolve(ty) else {
            return Err(self.fail(node, "the type refers to a definition that is not there"));
        };
        // What the end of the text cut off may be longer than it looks: `4` of `42`, `true` of `trueish`.
        if node.cut && !matches!(ty.kind, Kind::Optional(_) | Kind::Union(_)) && !is_textual(&ty.kind) {
            return Err(self.fail(
                node,
                format!("the text ends inside {}", wanted::describe(self.schema, ty)),
            ));
        }
        match &ty.kind {
            Kind::Any(_) => untyped::any(self, node),
            Kind::Null => untyped::null(self, node, ty),
            Kind::Str | Kind::Reasoning => text::text(self, node, ty),
            Kind::Code { language } => code::code(self, node, ty, language),
            Kind::Int => number::int(self, node, ty),
            Kind::Float => number::float(self, node, ty),
            Kind::Bool => boolean::boolean(self, node, ty),
            Kind::Literal(values) => choice::literal(self, node, ty, values),
            Kind::Enum(members) => choice::member(self, node, ty, members),
            Kind::List { item, unique } => list::list(self, node, ty, item, *unique),
            Kind::Tuple(items) => tuple::tuple(self, node, ty, items),
            Kind::Map { key, value } => map::map(self, node, ty, key, value),
            Kind::Optional(inner) => optional::optional(self, node, inner),
            Kind::Union(types) => union::union(self, node, ty, types),
            Kind::Object(object) => object::object(self, node, ty, object),
            Kind::Image | Kind::Audio | Kind::File => media::media(self, node, ty),
            Kind::History => untyped::history(self, node, ty),
            Kind::ToolCalls => tool_calls::tool_calls(self, node, ty),
            Kind::Ref(_) => Err(self.mismatch(node, ty)),
        }
    }
}

/// Kinds for which a text that was cut off is still worth having.
fn is_textual(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Str | Kind::Reasoning | Kind::Code { .. } | Kind::Any(_)
    )
}

/// What a node is, in words, for an error.
pub(crate) fn found(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".to_owned(),
        NodeKind::Bool(b) => b.to_string(),
        NodeKind::Number(raw) => shorten(raw),
        NodeKind::Str(text) => format!("the text {}", quote(text)),
        NodeKind::Bare(text) if text.is_empty() => "nothing".to_owned(),
        NodeKind::Bare(text) | NodeKind::Leaf(text) => quote(text),
        NodeKind::List(items) => format!("a list of {}", items.len()),
        NodeKind::Object(entries) if entries.is_empty() => "an empty object".to_owned(),
        NodeKind::Object(entries) | NodeKind::Elements(entries) => {
            let keys: Vec<&str> = entries.iter().take(5).map(|entry| entry.key.as_str()).collect();
            let more = if entries.len() > 5 { ", ..." } else { "" };
            format!("an object with {}{more}", shorten(&keys.join(", ")))
        }
    }
}

/// A text in quotes, shortened to what fits in an error.
pub(crate) fn quote(text: &str) -> String {
    format!("{:?}", shorten(text))
}

fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().nth(SHOWN).is_none() {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN - 3).collect();
    format!("{head}...")
}

/// The text of a node as a whole JSON value, if it is one: what a model double-encoded.
fn json_inside(node: &Node) -> Option<Node> {
    let text = node.text()?;
    let trimmed = text.trim();
    if !trimmed.starts_with(['{', '[']) {
        return None;
    }
    let mut inner = super::text::whole_json(trimmed)?;
    // Places inside decoded text mean nothing in the text outside.
    place(&mut inner, node.start);
    if matches!(node.kind, NodeKind::Str(_)) {
        inner.flaws.push(repair::JSON_IN_STRING);
    }
    Some(inner)
}

/// The scalar in a list or object of one: `{"score": 4}` for 4.
fn only_inside(node: &Node) -> Option<&Node> {
    let inner = match &node.kind {
        NodeKind::List(items) => match items.as_slice() {
            [only] => only,
            _ => return None,
        },
        NodeKind::Object(entries) => match entries.as_slice() {
            [only] => &only.value,
            _ => return None,
        },
        _ => return None,
    };
    (inner.is_scalar() && !inner.cut && !node.flaws.contains(&repair::TRUNCATED)).then_some(inner)
}

fn place(node: &mut Node, start: usize) {
    node.start = start;
    node.end = start;
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|item| place(item, start)),
        NodeKind::Object(entries) | NodeKind::Elements(entries) => {
            entries
                .iter_mut()
                .for_each(|entry| place(&mut entry.value, start));
        }
        _ => {}
    }
}
