//! A signature as JSON: version, name, instructions, and each field with its type as JSON Schema.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{FieldKind, FieldSpec, SignatureSpec};
use crate::types::Schema;

/// The version of the form. A reader refuses versions it does not know.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    version: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
    fields: Vec<FieldForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldForm {
    name: String,
    kind: FieldKind,
    #[serde(rename = "type")]
    schema: Schema,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// A default of `null` is not the same as none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    default: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Serialize for SignatureSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.fields().iter().map(|field| FieldForm {
            name: field.name.clone(),
            kind: field.kind,
            schema: field.schema.clone(),
            description: field.description.clone(),
            default: field.default.clone(),
        });
        Form {
            version: VERSION,
            name: self.name().to_owned(),
            instructions: self.explicit_instructions().map(str::to_owned),
            fields: fields.collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SignatureSpec {
    /// Checks all that [`SignatureSpec::new`] checks.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = Form::deserialize(deserializer)?;
        if form.version != VERSION {
            return Err(D::Error::custom(format!(
                "this signature is of version {}, and only version {VERSION} can be read; update Dictum",
                form.version
            )));
        }
        let fields = form.fields.into_iter().map(|field| FieldSpec {
            name: field.name,
            kind: field.kind,
            schema: field.schema,
            description: field.description,
            default: field.default,
        });
        Self::new(form.name, form.instructions, fields).map_err(D::Error::custom)
    }
}
