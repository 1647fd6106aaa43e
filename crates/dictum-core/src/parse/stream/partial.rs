//! Reads what is there of a structured value, now and then.

use serde_json::Value;

use crate::parse::fields::element;
use crate::parse::text::read_text;
use crate::parse::{Layout, escape, partial, xml};
use crate::signature::FieldSpec;
use crate::types::{Constraints, Kind, ObjectType, Schema, Type};

/// A field is read anew when it has grown by this many bytes at least, and by a quarter; a long one, by a half.
const LEAST: usize = 16;
const LONG: usize = 4096;

/// When a field is read next, and what was read last.
#[derive(Debug, Default)]
pub(super) struct Pace {
    due: usize,
    last: Option<Value>,
    /// The field with nothing required of its parts.
    relaxed: Option<Box<FieldSpec>>,
}

impl Pace {
    /// Whether a field of this length is to be read.
    pub(super) fn is_due(&self, length: usize) -> bool {
        length >= self.due
    }

    /// What can be read of a field, if that is something new. `text` is its content; in the JSON layout, its key and value.
    pub(super) fn read(&mut self, text: &str, layout: Layout, spec: &FieldSpec) -> Option<Value> {
        let part = if text.len() < LONG { 4 } else { 2 };
        self.due = text.len() + LEAST.max(text.len() / part);
        let relaxed = self.relaxed.get_or_insert_with(|| Box::new(relaxed(spec)));
        let value = match layout {
            Layout::Json => {
                let mut answer = partial(&format!("{{{text}"), layout, std::slice::from_ref(relaxed));
                answer.fields.remove(&spec.name)?
            }
            Layout::Chat => plain(&escape::remove_backslashes(text), &relaxed.schema)?,
            Layout::Xml => match xml::tree(text) {
                Some(node) => element(text, relaxed, text, &node).ok()??.value,
                None => plain(&escape::remove_entities(text), &relaxed.schema)?,
            },
        };
        if self.last.as_ref() == Some(&value) {
            return None;
        }
        self.last = Some(value.clone());
        Some(value)
    }
}

/// A value that stands by itself. JSON shows where it was cut off; of other text, whole lines are read.
fn plain(text: &str, schema: &Schema) -> Option<Value> {
    let text = if text.trim_start().starts_with(['{', '[']) {
        text
    } else {
        text.get(..text.rfind('\n')? + 1)?
    };
    let there = !text.trim().is_empty();
    there.then(|| read_text(text, schema).ok())?.map(|got| got.value)
}

/// The field without what only a whole value can keep: required keys, constraints, a default.
fn relaxed(spec: &FieldSpec) -> FieldSpec {
    let defs = spec.schema.defs.iter();
    let defs: indexmap::IndexMap<String, Type> = defs.map(|(name, ty)| (name.clone(), loose(ty))).collect();
    let schema = Schema {
        ty: loose(&spec.schema.ty),
        defs: defs.into(),
    };
    FieldSpec {
        schema,
        default: None,
        description: None,
        ..spec.clone()
    }
}

fn loose(ty: &Type) -> Type {
    let inside = |ty: &Type| Box::new(loose(ty));
    let kind = match &ty.kind {
        Kind::List { item, .. } => Kind::List {
            item: inside(item),
            unique: false,
        },
        Kind::Map { key, value } => Kind::Map {
            key: key.clone(),
            value: inside(value),
        },
        Kind::Optional(inner) => Kind::Optional(inside(inner)),
        Kind::Union(types) => Kind::Union(types.iter().map(loose).collect()),
        Kind::Object(object) => Kind::Object(std::sync::Arc::new(ObjectType {
            properties: object
                .properties
                .iter()
                .map(|property| crate::types::Property {
                    ty: loose(&property.ty),
                    required: false,
                    default: None,
                    ..property.clone()
                })
                .collect(),
            additional: object.additional.as_ref().map(loose),
            ..(**object).clone()
        })),
        other => other.clone(),
    };
    Type {
        kind,
        constraints: Constraints::default(),
    }
}
