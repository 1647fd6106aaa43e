//! What the readers make of text before a type is known: a tree that remembers places and repairs.

use super::repair::Repair;

/// A value as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    /// Byte where it starts in the text it was read from.
    pub(crate) start: usize,
    /// Byte after its end.
    pub(crate) end: usize,
    /// What had to be repaired to read this node itself, its children aside.
    pub(crate) flaws: Vec<Repair>,
    /// The text ended inside this scalar, so that it may be longer than what is here.
    pub(crate) cut: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    Null,
    Bool(bool),
    /// A number in JSON's own syntax, as written.
    Number(String),
    /// Text that was quoted, decoded.
    Str(String),
    /// Text that was not quoted, trimmed.
    Bare(String),
    List(Vec<Node>),
    Object(Vec<Entry>),
    /// Text inside an XML element, decoded: its type tells whether it is text or JSON.
    Leaf(String),
    /// Child elements of an XML element: names may repeat.
    Elements(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn new(kind: NodeKind, start: usize, end: usize) -> Self {
        Self {
            kind,
            start,
            end,
            flaws: Vec::new(),
            cut: false,
        }
    }

    /// Bare text that stands for a whole stretch of text.
    pub(crate) fn bare(text: &str, start: usize) -> Self {
        Self::new(NodeKind::Bare(text.to_owned()), start, start + text.len())
    }

    /// The text of a scalar that is text, quoted or not.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Str(text) | NodeKind::Bare(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(
            self.kind,
            NodeKind::List(_) | NodeKind::Object(_) | NodeKind::Elements(_)
        )
    }

    /// A node for a JSON value that was parsed elsewhere.
    pub(crate) fn from_json(value: &serde_json::Value, depth: usize) -> Option<Self> {
        use serde_json::Value;
        let depth = depth.checked_sub(1)?;
        let kind = match value {
            Value::Null => NodeKind::Null,
            Value::Bool(b) => NodeKind::Bool(*b),
            Value::Number(n) => NodeKind::Number(n.to_string()),
            Value::String(text) => NodeKind::Str(text.clone()),
            Value::Array(items) => NodeKind::List(
                items
                    .iter()
                    .map(|item| Self::from_json(item, depth))
                    .collect::<Option<_>>()?,
            ),
            Value::Object(entries) => NodeKind::Object(
                entries
                    .iter()
                    .map(|(key, value)| {
                        Some(Entry {
                            key: key.clone(),
                            value: Self::from_json(value, depth)?,
                        })
                    })
                    .collect::<Option<_>>()?,
            ),
        };
        Some(Self::new(kind, 0, 0))
    }
}
