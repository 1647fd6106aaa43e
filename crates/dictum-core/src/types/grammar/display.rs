//! Writes types and signatures in the string form.

use std::fmt::{self, Display, Write};

use serde_json::Value;

use crate::signature::SignatureSpec;
use crate::types::{Kind, Schema, Type};

/// Writes the type in the string form: `list[str]`, `Literal['a', 'b']`, `Optional[int]`, names for objects and enums.
///
/// Constraints don't show: the string form has no words for them.
impl Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Any(_) => f.write_str("Any"),
            Kind::Null => f.write_str("None"),
            Kind::Str => f.write_str("str"),
            Kind::Int => f.write_str("int"),
            Kind::Float => f.write_str("float"),
            Kind::Bool => f.write_str("bool"),
            Kind::Literal(values) => literal(f, values.iter()),
            Kind::Enum(ty) if ty.name.is_empty() => literal(f, ty.members.iter().map(|member| &member.value)),
            Kind::Enum(ty) => f.write_str(&ty.name),
            Kind::List { item, unique: false } => write!(f, "list[{item}]"),
            Kind::List { item, unique: true } => write!(f, "set[{item}]"),
            Kind::Tuple(items) if items.is_empty() => f.write_str("tuple[()]"),
            Kind::Tuple(items) => listed(f, "tuple", items),
            Kind::Map { key, value } => write!(f, "dict[{key}, {value}]"),
            Kind::Optional(inner) => write!(f, "Optional[{inner}]"),
            Kind::Union(types) => listed(f, "Union", types),
            Kind::Object(ty) if ty.name.is_empty() => f.write_str("dict"),
            Kind::Object(ty) => f.write_str(&ty.name),
            Kind::Ref(name) => f.write_str(name),
            Kind::Image => f.write_str("Image"),
            Kind::Audio => f.write_str("Audio"),
            Kind::File => f.write_str("File"),
            Kind::Code { language } => write!(f, "Code[{}]", Quoted(language)),
            Kind::History => f.write_str("History"),
            Kind::Reasoning => f.write_str("Reasoning"),
            Kind::ToolCalls => f.write_str("ToolCalls"),
        }
    }
}

/// As [`Type`]'s.
impl Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ty.fmt(f)
    }
}

/// Writes the signature in the string form: `a, b: int -> c`. The type of text fields is left out.
impl Display for SignatureSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, field) in self.inputs().iter().enumerate() {
            self::field(f, place, field)?;
        }
        f.write_str(if self.inputs().is_empty() { "->" } else { " ->" })?;
        for (place, field) in self.outputs().iter().enumerate() {
            if place == 0 {
                f.write_char(' ')?;
            }
            self::field(f, place, field)?;
        }
        Ok(())
    }
}

fn field(f: &mut fmt::Formatter<'_>, place: usize, field: &crate::signature::FieldSpec) -> fmt::Result {
    if place > 0 {
        f.write_str(", ")?;
    }
    match field.schema.ty.kind {
        Kind::Str => f.write_str(&field.name),
        _ => write!(f, "{}: {}", field.name, field.schema),
    }
}

fn listed(f: &mut fmt::Formatter<'_>, name: &str, types: &[Type]) -> fmt::Result {
    write!(f, "{name}[")?;
    for (place, ty) in types.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{ty}")?;
    }
    f.write_char(']')
}

fn literal<'a>(f: &mut fmt::Formatter<'_>, values: impl Iterator<Item = &'a Value>) -> fmt::Result {
    f.write_str("Literal[")?;
    for (place, value) in values.enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        match value {
            Value::String(text) => Quoted(text).fmt(f)?,
            Value::Bool(true) => f.write_str("True")?,
            Value::Bool(false) => f.write_str("False")?,
            Value::Null => f.write_str("None")?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_char(']')
}

/// A text in single quotes with Python's escapes.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for c in self.0.chars() {
            match c {
                '\'' => f.write_str("\\'")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('\'')
    }
}
