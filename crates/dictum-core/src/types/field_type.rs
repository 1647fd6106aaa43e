//! Rust types as field types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Schema;

/// A Rust type that can be the type of a field: serde carries its values, `schemars` describes it.
///
/// Implemented for every type that has all three traits; there is nothing to write by hand. Types of your own get them
/// by `#[derive(FieldType)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the type of a field",
    label = "not a field type",
    note = "add `#[derive(FieldType)]` to the definition of `{Self}`",
    note = "or derive the three traits it stands for: `#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]`",
    note = "for a type of another crate, look for its `schemars` and `serde` features, or hold its text form in a `String`"
)]
pub trait FieldType: Serialize + DeserializeOwned + JsonSchema {}

// Hidden from diagnostics, so that they speak of field types and not of three traits in turn.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + JsonSchema> FieldType for T {}

impl Schema {
    /// The schema of a Rust type, as it is read (serde's names and defaults for deserializing).
    #[must_use]
    pub fn of<T: FieldType>() -> Self {
        let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        // Not as the root schema: that would give unnamed types such as lists a title.
        let mut schema = generator.subschema_for::<T>().to_value();
        let definitions = generator.take_definitions(true);
        if let Value::Object(map) = &mut schema
            && !definitions.is_empty()
        {
            map.insert("$defs".into(), Value::Object(definitions));
        }
        Self::from_json_schema(&schema)
    }
}
