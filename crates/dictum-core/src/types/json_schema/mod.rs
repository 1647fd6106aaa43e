//! A [`Schema`] as JSON Schema (draft 2020-12), and back.
//!
//! Both ways are total. What the type language can't say is kept whole as [`Kind::Any`](super::Kind::Any), so that
//! nothing is lost between a program's own schema and the provider that gets it.

mod keywords;
mod members;
mod merge;
mod read;
mod refs;
mod write;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Schema;

/// Keyword for what JSON Schema has no word for: media and the other special kinds.
const SPECIAL: &str = "x-dictum";
/// Keyword for the description of a type that stands beside the description of the property it is the type of.
const TYPE_DESCRIPTION: &str = "x-type-description";
/// How JSON Schema says "a whole number written as text", the keys of an integer map.
const INTEGER_KEY: &str = r"^-?\d+$";

impl Schema {
    /// This schema as JSON Schema, draft 2020-12.
    ///
    /// Types stand where they are used; `$defs` holds recursive ones only. Objects are closed
    /// (`additionalProperties: false`) unless they allow more. Kinds that JSON Schema can't say carry the keyword
    /// `x-dictum` beside the schema of their JSON form.
    #[must_use]
    pub fn to_json_schema(&self) -> Value {
        write::write(self)
    }

    /// The schema that a JSON Schema describes. Reads what `schemars` and Pydantic write.
    ///
    /// Never fails: a part that the type language can't say becomes [`Kind::Any`](super::Kind::Any) with that part in
    /// it. References are put in place, except recursive ones (and those of schemas so large that this would make them
    /// explode), which become definitions.
    #[must_use]
    pub fn from_json_schema(schema: &Value) -> Self {
        read::read(schema)
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json_schema().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::from_json_schema(&value))
    }
}
