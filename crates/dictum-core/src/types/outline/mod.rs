//! Types as models read them best: short, close to TypeScript, with constraints in words.
//!
//! ```text
//! one of: Billing; Technical; Sales
//! list of (int from 1 to 5) (at most 3 items)
//! { name: str, address: { street: str, zip: str or null } }
//! ```

mod rules;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::{EnumMember, Kind, ObjectType, Property, Schema, Type};

/// A type described for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The type. It has several lines when properties have descriptions.
    pub text: String,
    /// Named types that `text` and other definitions mention, with their own outline, each once: recursive types, and
    /// types that stand in several places.
    pub definitions: Vec<(String, String)>,
}

/// A shared type is given a name only when that saves this many characters per use.
const WORTH_NAMING: usize = 24;

impl Schema {
    /// A short description of the type for a prompt. What values of it look like is JSON, except that text and the
    /// members of an enumeration stand without quotes when they are a whole field.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let mut writer = Writer {
            schema: self,
            shared: shared(self),
            definitions: IndexMap::new(),
        };
        let text = writer.whole(&self.ty);
        let definitions = writer
            .definitions
            .into_iter()
            .map(|(name, text)| (name, text.unwrap_or_default()))
            .collect();
        Outline { text, definitions }
    }

    /// What the type's own definition says it is, if it is a described object or enumeration.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.resolve(&self.ty).and_then(own_description)
    }
}

fn own_description(ty: &Type) -> Option<&str> {
    match &ty.kind {
        Kind::Object(object) => object.description.as_deref(),
        Kind::Enum(members) => members.description.as_deref(),
        _ => None,
    }
}

/// Names of objects and enumerations that stand in several places and always mean the same.
fn shared(schema: &Schema) -> HashSet<String> {
    fn visit<'a>(ty: &'a Type, seen: &mut IndexMap<&'a str, (&'a Kind, usize, bool)>) {
        let name = match &ty.kind {
            Kind::Object(object) => object.name.as_str(),
            Kind::Enum(members) => members.name.as_str(),
            _ => "",
        };
        if !name.is_empty() {
            let entry = seen.entry(name).or_insert((&ty.kind, 0, true));
            entry.1 = entry.1.saturating_add(1);
            entry.2 &= *entry.0 == ty.kind;
            if entry.1 > 1 {
                return;
            }
        }
        ty.children().into_iter().for_each(|child| visit(child, seen));
    }
    let mut seen = IndexMap::new();
    visit(&schema.ty, &mut seen);
    schema.defs.values().for_each(|def| visit(def, &mut seen));
    seen.into_iter()
        .filter(|(name, (_, count, same))| *count > 1 && *same && !schema.defs.contains_key(*name))
        .map(|(name, _)| name.to_owned())
        .collect()
}

struct Writer<'a> {
    schema: &'a Schema,
    shared: HashSet<String>,
    /// Text by name; `None` while it is being written.
    definitions: IndexMap<String, Option<String>>,
}

/// How tightly the parts of a text hang together, for brackets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    /// Alternatives, `a or b`, and a phrase with rules behind it, which could be those of its last word.
    Loose,
    /// `list of a`.
    Phrase,
    /// One word with rules behind it: `str (at most 9 characters)`.
    Ruled,
    /// One word, or in brackets.
    Tight,
}

type Piece = (String, Binding);

fn tight(text: impl Into<String>) -> Piece {
    (text.into(), Binding::Tight)
}

/// The text, in brackets if it is looser than needed.
fn at_least((text, binding): Piece, needed: Binding) -> String {
    if binding < needed {
        format!("({text})")
    } else {
        text
    }
}

impl Writer<'_> {
    /// A type that is a whole field.
    fn whole(&mut self, ty: &Type) -> String {
        match &ty.kind {
            Kind::Literal(values) => format!("one of: {}", bare(values.iter().map(|value| (value, None)))),
            Kind::Enum(members) => format!("one of: {}", bare(described(&members.members))),
            Kind::Optional(inner) if matches!(inner.kind, Kind::Literal(_) | Kind::Enum(_)) => {
                format!("{}, or null", self.whole(inner))
            }
            Kind::Object(object) => {
                let text = self.object(object, None, 0);
                with_rules(tight(text), rules::of(ty)).0
            }
            _ => self.piece(ty, 0).0,
        }
    }

    /// A type inside another: its values are JSON. `indent` is the depth of braces over several lines.
    fn piece(&mut self, ty: &Type, indent: usize) -> Piece {
        let piece = match &ty.kind {
            Kind::Any(None) => tight("any JSON value"),
            Kind::Any(Some(raw)) => (format!("JSON that fits the JSON Schema {raw}"), Binding::Phrase),
            Kind::Null => tight("null"),
            Kind::Str | Kind::Reasoning => tight("str"),
            Kind::Int => tight("int"),
            Kind::Float => tight("float"),
            Kind::Bool => tight("bool"),
            Kind::Literal(values) => quoted(values.iter().map(|value| (value, None))),
            Kind::Enum(members) => {
                let members = quoted(described(&members.members));
                self.named(ty, |_, _| members, indent)
            }
            Kind::List { item, unique } => {
                // Rules of the item must not run into those of the list.
                let needed = if rules::of(ty).is_some() {
                    Binding::Tight
                } else {
                    Binding::Phrase
                };
                let item = at_least(self.piece(item, indent), needed);
                let words = if *unique { "list of distinct" } else { "list of" };
                (format!("{words} {item}"), Binding::Phrase)
            }
            Kind::Tuple(items) => {
                let items: Vec<String> = items.iter().map(|item| self.piece(item, indent).0).collect();
                tight(format!("[{}]", items.join(", ")))
            }
            Kind::Map { key, value } => {
                let key = self.piece(key, indent).0;
                let value = self.piece(value, indent).0;
                tight(format!("{{ [key: {key}]: {value} }}"))
            }
            Kind::Optional(inner) => {
                // Literals are alternatives already.
                let piece = self.piece(inner, indent);
                let is_union = matches!(inner.kind, Kind::Union(_) | Kind::Optional(_));
                let inner = match piece.1 {
                    Binding::Loose if !is_union => piece.0,
                    _ => at_least(piece, Binding::Ruled),
                };
                (format!("{inner} or null"), Binding::Loose)
            }
            Kind::Union(types) => {
                let types: Vec<String> = types
                    .iter()
                    .map(|ty| at_least(self.piece(ty, indent), Binding::Ruled))
                    .collect();
                (types.join(" or "), Binding::Loose)
            }
            Kind::Object(object) => self.named(
                ty,
                |writer, indent| tight(writer.object(object, object.description.as_deref(), indent)),
                indent,
            ),
            Kind::Ref(name) => {
                self.define(name);
                tight(name.clone())
            }
            Kind::Image => tight("image"),
            Kind::Audio => tight("audio"),
            Kind::File => tight("file"),
            Kind::Code { language } if language.is_empty() => tight("code"),
            Kind::Code { language } => tight(format!("{language} code")),
            Kind::History => tight("conversation history"),
            Kind::ToolCalls => {
                let call = "list of { name: str, args: { [key: str]: any JSON value } }";
                (call.to_owned(), Binding::Phrase)
            }
        };
        with_rules(piece, rules::of(ty))
    }

    /// A type that may have been given a name, else what `write` makes of it.
    fn named(&mut self, ty: &Type, write: impl FnOnce(&mut Self, usize) -> Piece, indent: usize) -> Piece {
        let name = match &ty.kind {
            Kind::Object(object) => &object.name,
            Kind::Enum(members) => &members.name,
            _ => return write(self, indent),
        };
        if self.definitions.contains_key(name) && self.shared.contains(name) {
            return tight(name.clone());
        }
        if !self.shared.contains(name) {
            return write(self, indent);
        }
        let place = self.definitions.len();
        let piece = write(self, 0);
        if piece.0.chars().count() < WORTH_NAMING {
            self.shared.remove(name);
            return piece;
        }
        // Before the definitions it mentions.
        self.definitions.shift_insert(place, name.clone(), Some(piece.0));
        tight(name.clone())
    }

    /// Writes a recursive type once.
    fn define(&mut self, name: &str) {
        if self.definitions.contains_key(name) {
            return;
        }
        self.definitions.insert(name.to_owned(), None);
        let text = match self.schema.defs.get(name) {
            Some(def) => match &def.kind {
                Kind::Object(object) => {
                    let text = self.object(object, object.description.as_deref(), 0);
                    with_rules(tight(text), rules::of(def)).0
                }
                _ => self.piece(def, 0).0,
            },
            None => "any JSON value".to_owned(),
        };
        self.definitions.insert(name.to_owned(), Some(text));
    }

    fn object(&mut self, object: &ObjectType, description: Option<&str>, indent: usize) -> String {
        let comments: Vec<Option<String>> = object
            .properties
            .iter()
            .map(|property| self.comment(property))
            .collect();
        let heading = description.and_then(short);
        let on_lines = heading.is_some() || comments.iter().any(Option::is_some);
        let inner = if on_lines {
            indent.saturating_add(1)
        } else {
            indent
        };
        let mut parts: Vec<(String, Option<String>)> = Vec::new();
        for (property, comment) in object.properties.iter().zip(comments) {
            parts.push((self.property(property, inner), comment));
        }
        if let Some(more) = &object.additional {
            let more = self.piece(more, inner).0;
            parts.push((format!("[other: str]: {more}"), None));
        }
        if parts.is_empty() {
            return "{}".into();
        }
        if !on_lines {
            let parts: Vec<String> = parts.into_iter().map(|(part, _)| part).collect();
            return format!("{{ {} }}", parts.join(", "));
        }
        let margin = "  ".repeat(inner);
        let mut text = String::from("{");
        if let Some(heading) = heading {
            text.push_str(&format!(" // {heading}"));
        }
        let last = parts.len();
        for (place, (part, comment)) in parts.into_iter().enumerate() {
            text.push_str(&format!("\n{margin}{part}"));
            if place.saturating_add(1) < last {
                text.push(',');
            }
            if let Some(comment) = comment {
                text.push_str(&format!(" // {comment}"));
            }
        }
        text.push_str(&format!("\n{}}}", "  ".repeat(indent)));
        text
    }

    fn comment(&self, property: &Property) -> Option<String> {
        let own = property.description.as_deref().and_then(short);
        // A type with a name of its own says there what it is.
        let inner = || match &property.ty.kind {
            Kind::Object(object) if self.shared.contains(&object.name) => None,
            _ => own_description(&property.ty).and_then(short),
        };
        own.or_else(inner)
    }

    fn property(&mut self, property: &Property, indent: usize) -> String {
        let name = key(&property.name);
        let mark = if property.required { "" } else { "?" };
        // An object's own description is the comment of its property.
        let ty = match &property.ty.kind {
            Kind::Object(object) if !self.shared.contains(&object.name) => {
                let text = self.object(object, None, indent);
                with_rules(tight(text), rules::of(&property.ty)).0
            }
            _ => self.piece(&property.ty, indent).0,
        };
        match &property.default {
            Some(default) if !default.is_null() => format!("{name}{mark}: {ty} = {default}"),
            _ => format!("{name}{mark}: {ty}"),
        }
    }
}

fn with_rules((text, binding): Piece, rules: Option<String>) -> Piece {
    let Some(rules) = rules else {
        return (text, binding);
    };
    match binding {
        Binding::Loose => (format!("({text}) {rules}"), Binding::Ruled),
        Binding::Phrase => (format!("{text} {rules}"), Binding::Loose),
        Binding::Ruled | Binding::Tight => (format!("{text} {rules}"), Binding::Ruled),
    }
}

/// A key as JavaScript writes it: bare if it is an identifier.
fn key(name: &str) -> String {
    let mut chars = name.chars();
    let is_bare = chars
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    if is_bare {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// The first paragraph on one line.
fn short(description: &str) -> Option<String> {
    let paragraph = description.trim().split("\n\n").next()?;
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn described(members: &[EnumMember]) -> impl Iterator<Item = (&Value, Option<&str>)> + Clone {
    members
        .iter()
        .map(|member| (&member.value, member.description.as_deref()))
}

type Described<'a> = (&'a Value, Option<&'a str>);

/// Members as a whole field: texts without quotes where they can't be misread.
fn bare<'a>(members: impl Iterator<Item = Described<'a>> + Clone) -> String {
    let all_texts = members.clone().all(|(value, _)| value.is_string());
    let shown: Vec<String> = members
        .map(|(value, description)| {
            let plain = value.as_str().filter(|text| is_plain(text, all_texts));
            with_description(
                plain.map_or_else(|| value.to_string(), str::to_owned),
                description,
            )
        })
        .collect();
    shown.join("; ")
}

fn is_plain(text: &str, all_texts: bool) -> bool {
    let sets_apart = |c: char| matches!(c, ';' | '"' | '(' | ')' | '\n' | '\r');
    let like_another = || !all_texts && serde_json::from_str::<Value>(text).is_ok();
    !text.is_empty() && text.trim() == text && !text.contains(sets_apart) && !like_another()
}

/// Members inside JSON.
fn quoted<'a>(members: impl Iterator<Item = Described<'a>>) -> Piece {
    let shown: Vec<String> = members
        .map(|(value, description)| with_description(value.to_string(), description))
        .collect();
    let binding = if shown.len() > 1 {
        Binding::Loose
    } else {
        Binding::Tight
    };
    (shown.join(" | "), binding)
}

fn with_description(value: String, description: Option<&str>) -> String {
    match description.and_then(short) {
        Some(description) => format!("{value} ({description})"),
        None => value,
    }
}
