//! The string form: DSPy's grammar for types and signatures, read and written.
//!
//! Types: `str int float bool list dict tuple set Literal Optional Union Any None`, `A | B`, and the special kinds
//! `Image Audio File Code History Reasoning ToolCalls`. Signatures: `a, b: int -> c: list[str]`. Spaces and line breaks
//! may stand anywhere between words.

mod display;
mod fields;
mod lexer;
mod names;
mod types;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Schema, Type};
use crate::signature::{SignatureError, SignatureSpec};
use types::Parser;

impl Schema {
    /// The schema of a type in the string form, such as `list[Literal['a', 'b']]`.
    ///
    /// # Errors
    /// [`SignatureError::Syntax`] with the column of what can't be read, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        Self::parse_with(text, &IndexMap::new())
    }

    /// As [`Schema::parse`], with types of your own by name. They win over the built-in names.
    ///
    /// # Errors
    /// [`SignatureError::Syntax`], as for [`Schema::parse`].
    pub fn parse_with(text: &str, types: &IndexMap<String, Schema>) -> Result<Self, SignatureError> {
        let mut parser = Parser::new(text, types)?;
        let ty = parser.whole_type()?;
        Ok(parser.finish(ty))
    }
}

impl SignatureSpec {
    /// A signature in the string form: `"text, hints: list[str] -> label: Literal['a', 'b'], score: float"`. A field
    /// without a type is text. The name is empty and the instructions are made of the field names.
    ///
    /// # Errors
    /// [`SignatureError::Syntax`] with the column of what can't be read, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        Self::parse_with(text, &IndexMap::new())
    }

    /// As [`SignatureSpec::parse`], with types of your own by name. They win over the built-in names.
    ///
    /// # Errors
    /// [`SignatureError::Syntax`], as for [`SignatureSpec::parse`].
    pub fn parse_with(text: &str, types: &IndexMap<String, Schema>) -> Result<Self, SignatureError> {
        let fields = Parser::new(text, types)?.signature()?;
        Self::new("", None, fields)
    }
}

/// Puts the definitions of `schema` among `defs`, under other names where a name is taken by another type, and gives
/// its type with the references renamed alike.
pub(super) fn adopt(defs: &mut IndexMap<String, Type>, schema: &Schema) -> Type {
    let mut renames: IndexMap<&str, String> = IndexMap::new();
    for (name, def) in schema.defs.iter() {
        let mut own = name.clone();
        let mut count = 2;
        while defs.get(&own).is_some_and(|taken| taken != def) || renames.values().any(|used| *used == own) {
            own = format!("{name}{count}");
            count += 1;
        }
        renames.insert(name, own);
    }
    let rename = |name: &str| renames.get(name).cloned().unwrap_or_else(|| name.to_owned());
    for (name, def) in schema.defs.iter() {
        defs.insert(rename(name), rename_refs(def, &rename));
    }
    rename_refs(&schema.ty, &rename)
}

fn rename_refs(ty: &Type, rename: &impl Fn(&str) -> String) -> Type {
    use super::Kind;

    let again = |ty: &Type| rename_refs(ty, rename);
    let boxed = |ty: &Type| Box::new(rename_refs(ty, rename));
    let kind = match &ty.kind {
        Kind::Ref(name) => Kind::Ref(rename(name)),
        Kind::List { item, unique } => Kind::List {
            item: boxed(item),
            unique: *unique,
        },
        Kind::Tuple(items) => Kind::Tuple(items.iter().map(again).collect()),
        Kind::Map { key, value } => Kind::Map {
            key: boxed(key),
            value: boxed(value),
        },
        Kind::Optional(inner) => Kind::Optional(boxed(inner)),
        Kind::Union(types) => Kind::Union(types.iter().map(again).collect()),
        Kind::Object(object) => {
            let mut object = object.as_ref().clone();
            for property in &mut object.properties {
                property.ty = again(&property.ty);
            }
            object.additional = object.additional.as_ref().map(again);
            Kind::Object(Arc::new(object))
        }
        other => other.clone(),
    };
    Type {
        kind,
        constraints: ty.constraints.clone(),
    }
}
