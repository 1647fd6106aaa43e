//! The type language: what a field can be.
//!
//! Everything that declares a field (the derive macros, `schemars` schemas, the string form `"text -> labels: list[str]"`)
//! produces a [`Schema`]; everything that uses one (adapters, the tolerant parser, structured output, the local engine)
//! reads it. A schema is one [`Type`] plus the definitions its [`Kind::Ref`]s point at, which exist only for recursive
//! types: every other named type stands where it is used.

#[cfg(test)]
pub(crate) mod arbitrary;
mod check;
mod constraints;
mod field_type;
mod grammar;
mod json_schema;
mod outline;
mod values;

pub use check::Misfit;
pub use constraints::{Constraints, Violation};
pub use field_type::FieldType;
pub use outline::Outline;
pub use values::{
    Audio, Code, DataUriError, File, History, Image, Language, Reasoning, ToolCall, ToolCalls, languages,
};

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

/// A type with the definitions its references need.
///
/// Cheap to clone; immutable. Serializes as JSON Schema (see [`Schema::to_json_schema`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The type itself.
    pub ty: Type,
    /// Definitions by name, for [`Kind::Ref`]. Empty unless the type is recursive.
    pub defs: Arc<IndexMap<String, Type>>,
}

impl Schema {
    /// A schema without definitions.
    #[must_use]
    pub fn new(ty: Type) -> Self {
        Self {
            ty,
            defs: Arc::default(),
        }
    }

    /// Follows references until the type is not one. A dangling or circular reference resolves to `None`.
    #[must_use]
    pub fn resolve<'a>(&'a self, ty: &'a Type) -> Option<&'a Type> {
        let mut ty = ty;
        for _ in 0..=self.defs.len() {
            match &ty.kind {
                Kind::Ref(name) => ty = self.defs.get(name)?,
                _ => return Some(ty),
            }
        }
        None
    }
}

impl From<Type> for Schema {
    fn from(ty: Type) -> Self {
        Self::new(ty)
    }
}

/// One type: what kind of value, and what must hold of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// What kind of value.
    pub kind: Kind,
    /// What must hold of the value, beside its kind. Integer widths are constraints (`u8` is an integer from 0 to 255).
    pub constraints: Constraints,
}

/// The kinds of value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Any JSON value. A schema the type language can't say is kept whole beside it and shown to the model.
    Any(Option<Arc<Value>>),
    /// `null` and nothing else.
    Null,
    /// Text.
    Str,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// One of these values (text, whole numbers, booleans, null), as Python's `Literal`.
    Literal(Arc<[Value]>),
    /// One member of a named enumeration.
    Enum(Arc<EnumType>),
    /// A list of one type. With `unique`, no value twice (a set).
    List {
        /// Type of every item.
        item: Box<Type>,
        /// Whether an item may stand only once.
        unique: bool,
    },
    /// A list of fixed length with a type for each place.
    Tuple(Vec<Type>),
    /// An object with free keys.
    Map {
        /// Type of the keys: text, or what is written as text (whole numbers, literals, enumerations).
        key: Box<Type>,
        /// Type of the values.
        value: Box<Type>,
    },
    /// The inner type or `null`.
    Optional(Box<Type>),
    /// One of several types. Data-carrying enums are unions of objects.
    Union(Vec<Type>),
    /// An object with named properties.
    Object(Arc<ObjectType>),
    /// A definition of the same [`Schema`] by name: a recursive type.
    Ref(String),
    /// An image: travels as a message part. Value: [`crate::lm::Media`] as JSON.
    Image,
    /// A sound: travels as a message part. Value: [`crate::lm::Media`] as JSON.
    Audio,
    /// A document: travels as a message part. Value: [`crate::lm::Media`] as JSON.
    File,
    /// Source code in a language. Value: text.
    Code {
        /// The language, as written behind a code fence.
        language: String,
    },
    /// Earlier turns of a conversation, expanded to messages. Value: a list of objects keyed by field name.
    History,
    /// The model's reasoning. Value: text.
    Reasoning,
    /// Tool calls the model asks for. Value: `[{"name": .., "args": {..}}]`.
    ToolCalls,
}

/// A named enumeration.
#[derive(Debug, Clone, PartialEq)]
pub struct EnumType {
    /// Its name, such as `Team`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its members, in order.
    pub members: Vec<EnumMember>,
}

/// One member of an [`EnumType`].
#[derive(Debug, Clone, PartialEq)]
pub struct EnumMember {
    /// Name of the member in the program; often the value as text.
    pub name: String,
    /// The value that stands for it.
    pub value: Value,
    /// What it means.
    pub description: Option<String>,
}

/// An object with named properties.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectType {
    /// Its name, such as `Address`; empty when it has none.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Its properties, in order.
    pub properties: Vec<Property>,
    /// Type of properties beyond the named ones; `None` drops them.
    pub additional: Option<Type>,
}

/// A property of an [`ObjectType`].
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its key.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it is.
    pub description: Option<String>,
    /// Whether it must be present.
    pub required: bool,
    /// What stands for it when it is absent.
    pub default: Option<Value>,
}

impl Type {
    /// A type of this kind without constraints.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            constraints: Constraints::default(),
        }
    }

    /// The same type with these constraints in place of its own.
    #[must_use]
    pub fn with_constraints(mut self, constraints: Constraints) -> Self {
        self.constraints = constraints;
        self
    }

    /// Text.
    #[must_use]
    pub fn str() -> Self {
        Self::new(Kind::Str)
    }

    /// A whole number.
    #[must_use]
    pub fn int() -> Self {
        Self::new(Kind::Int)
    }

    /// A number.
    #[must_use]
    pub fn float() -> Self {
        Self::new(Kind::Float)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn bool() -> Self {
        Self::new(Kind::Bool)
    }

    /// Any JSON value.
    #[must_use]
    pub fn any() -> Self {
        Self::new(Kind::Any(None))
    }

    /// A list of this type.
    #[must_use]
    pub fn list(item: Type) -> Self {
        Self::new(Kind::List {
            item: Box::new(item),
            unique: false,
        })
    }

    /// An object with text keys and values of this type.
    #[must_use]
    pub fn map(value: Type) -> Self {
        Self::new(Kind::Map {
            key: Box::new(Self::str()),
            value: Box::new(value),
        })
    }

    /// This type or `null`.
    #[must_use]
    pub fn optional(inner: Type) -> Self {
        Self::new(Kind::Optional(Box::new(inner)))
    }

    /// One of these texts.
    #[must_use]
    pub fn literal<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Self {
        Self::new(Kind::Literal(
            values.into_iter().map(|v| Value::String(v.into())).collect(),
        ))
    }

    /// The types it is made of, one level down. The definition a reference points at is not among them.
    #[must_use]
    pub fn children(&self) -> Vec<&Type> {
        match &self.kind {
            Kind::List { item: inner, .. } | Kind::Optional(inner) => vec![inner],
            Kind::Tuple(types) | Kind::Union(types) => types.iter().collect(),
            Kind::Map { key, value } => vec![key, value],
            Kind::Object(object) => {
                let properties = object.properties.iter().map(|property| &property.ty);
                properties.chain(&object.additional).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether `null` is a value of this type.
    #[must_use]
    pub fn allows_null(&self) -> bool {
        match &self.kind {
            Kind::Null | Kind::Any(_) | Kind::Optional(_) => true,
            Kind::Literal(values) => values.iter().any(Value::is_null),
            Kind::Union(types) => types.iter().any(Self::allows_null),
            _ => false,
        }
    }

    /// Whether a value of this type is written as plain text, without quotes, in a field of its own.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Str | Kind::Code { .. } | Kind::Reasoning)
    }

    /// Whether a value of this type travels as message parts instead of text.
    #[must_use]
    pub fn is_media(&self) -> bool {
        match &self.kind {
            Kind::Image | Kind::Audio | Kind::File => true,
            Kind::Optional(inner) => inner.is_media(),
            Kind::List { item, .. } => item.is_media(),
            _ => false,
        }
    }
}
