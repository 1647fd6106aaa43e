//! References of a JSON Schema: where they point, and which are recursive.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// Keywords whose value is a schema (or, for some, a list of them).
const ONE: [&str; 12] = [
    "items",
    "additionalItems",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
];
/// Keywords whose value is a list of schemas.
const MANY: [&str; 5] = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
/// Keywords whose value is an object of schemas by name.
const NAMED: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];

/// The references of one document.
pub(super) struct Refs<'a> {
    root: &'a Value,
    /// What each target refers to directly.
    edges: HashMap<String, Vec<String>>,
    recursive: HashMap<String, bool>,
    names: HashMap<String, String>,
    taken: HashSet<String>,
}

impl<'a> Refs<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self {
            root,
            edges: HashMap::new(),
            recursive: HashMap::new(),
            names: HashMap::new(),
            taken: HashSet::new(),
        }
    }

    /// What a reference points at: the whole document, or a place in it.
    pub(super) fn target(&self, reference: &str) -> Option<&'a Value> {
        let pointer = reference.strip_prefix('#')?;
        if pointer.is_empty() || pointer == "/" {
            return Some(self.root);
        }
        self.root.pointer(&percent_decode(pointer))
    }

    /// Whether following the reference can lead back to it.
    pub(super) fn is_recursive(&mut self, reference: &str) -> bool {
        if let Some(known) = self.recursive.get(reference) {
            return *known;
        }
        let mut open = vec![reference.to_owned()];
        let mut seen = HashSet::new();
        let mut found = false;
        while let Some(at) = open.pop() {
            for next in self.direct(&at) {
                found |= next == reference;
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
            if found {
                break;
            }
        }
        self.recursive.insert(reference.to_owned(), found);
        found
    }

    fn direct(&mut self, reference: &str) -> Vec<String> {
        if let Some(known) = self.edges.get(reference) {
            return known.clone();
        }
        let mut found = Vec::new();
        if let Some(target) = self.target(reference) {
            collect(target, &mut found);
        }
        self.edges.insert(reference.to_owned(), found.clone());
        found
    }

    /// The name a definition of this reference gets: its last part, made unique.
    pub(super) fn name(&mut self, reference: &str) -> String {
        if let Some(name) = self.names.get(reference) {
            return name.clone();
        }
        let own = last_part(reference).unwrap_or_else(|| {
            let title = self.root.get("title").and_then(Value::as_str);
            title
                .filter(|title| !title.is_empty())
                .unwrap_or("Root")
                .to_owned()
        });
        let mut name = own.clone();
        let mut count = 2;
        while self.taken.contains(&name) {
            name = format!("{own}{count}");
            count += 1;
        }
        self.taken.insert(name.clone());
        self.names.insert(reference.to_owned(), name.clone());
        name
    }

    /// A part of the document that stands by itself: with the definitions it refers to, directly or not.
    pub(super) fn self_contained(&mut self, part: &Value) -> Value {
        let Value::Object(map) = part else {
            return part.clone();
        };
        let mut open = Vec::new();
        collect(part, &mut open);
        open.retain(|reference| self.target(reference).is_some());
        if open.is_empty() || map.contains_key("$id") && map.contains_key("$defs") {
            return part.clone();
        }
        let mut defs = Map::new();
        while let Some(reference) = open.pop() {
            let Some(target) = self.target(&reference) else {
                continue;
            };
            let name = self.name(&reference);
            if !defs.contains_key(&name) {
                collect(target, &mut open);
                let copy = self.renamed(target);
                defs.insert(name, copy);
            }
        }
        let mut whole = self.renamed(part);
        if let Value::Object(map) = &mut whole {
            // An id makes `#/...` inside point here and not at the document around it.
            map.insert("$id".into(), "urn:dictum:part".into());
            map.insert("$defs".into(), Value::Object(defs));
        }
        whole
    }

    /// A copy whose references point at the definitions of [`Refs::self_contained`].
    fn renamed(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(map) => Value::Object(
                map.iter()
                    .filter(|(key, _)| !matches!(key.as_str(), "$defs" | "definitions" | "$schema"))
                    .map(|(key, value)| match value {
                        Value::String(reference) if key == "$ref" && self.target(reference).is_some() => {
                            (key.clone(), format!("#/$defs/{}", self.name(reference)).into())
                        }
                        value => (key.clone(), self.renamed(value)),
                    })
                    .collect(),
            ),
            Value::Array(items) => items.iter().map(|item| self.renamed(item)).collect(),
            other => other.clone(),
        }
    }
}

/// The name in `#/$defs/Name`; `None` for the whole document.
pub(super) fn last_part(reference: &str) -> Option<String> {
    let (_, last) = reference.rsplit_once('/')?;
    let decoded = percent_decode(last);
    (!decoded.is_empty()).then(|| decoded.replace("~1", "/").replace("~0", "~"))
}

/// Every `$ref` in a schema, in places where schemas stand (a property called `$ref` is none).
fn collect(schema: &Value, found: &mut Vec<String>) {
    // Not by recursion: a document may be nested deeper than the stack.
    let mut open = vec![schema];
    while let Some(schema) = open.pop() {
        let Value::Object(map) = schema else { continue };
        if let Some(Value::String(reference)) = map.get("$ref") {
            found.push(reference.clone());
        }
        open.extend(ONE.iter().filter_map(|key| map.get(*key)));
        for key in MANY {
            if let Some(Value::Array(inner)) = map.get(key) {
                open.extend(inner);
            }
        }
        for key in NAMED {
            if let Some(Value::Object(inner)) = map.get(key) {
                open.extend(inner.values());
            }
        }
    }
}

fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut ahead = rest.clone();
            let digits = (ahead.next().and_then(hex), ahead.next().and_then(hex));
            if let (Some(high), Some(low)) = digits {
                bytes.push(high * 16 + low);
                rest = ahead;
                continue;
            }
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
