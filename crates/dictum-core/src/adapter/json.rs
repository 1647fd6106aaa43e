//! The JSON layout: the answer is one JSON object.

use serde_json::{Map, Value, json};

use super::{Adapter, Wording, chat, values};
use crate::lm::{Capabilities, OutputShape, Part, Piece, ResponseFormat};
use crate::parse::{Layout, escape};
use crate::signature::{FieldSpec, SignatureSpec};

/// Inputs under headers, the answer as one JSON object; with the provider's structured output where the model has it.
#[derive(Debug, Clone, Default)]
pub struct JsonAdapter {
    wording: Wording,
}

impl JsonAdapter {
    /// The adapter with other words.
    #[must_use]
    pub fn with_wording(wording: Wording) -> Self {
        Self { wording }
    }
}

/// JSON Schema of the answer.
fn schema(spec: &SignatureSpec) -> Value {
    let mut definitions = Map::new();
    let mut properties = Map::new();
    for field in spec.outputs() {
        let mut schema = field.schema.to_json_schema();
        if let Some(fields) = schema.as_object_mut() {
            // References point at the root, so definitions must stand there.
            if let Some(Value::Object(own)) = fields.remove("$defs") {
                definitions.extend(own);
            }
            if let Some(description) = &field.description {
                fields.insert("description".into(), json!(description));
            }
        }
        properties.insert(field.name.clone(), schema);
    }
    let required: Vec<&str> = spec.outputs().iter().map(|field| field.name.as_str()).collect();
    let mut schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    if let (false, Some(fields)) = (definitions.is_empty(), schema.as_object_mut()) {
        fields.insert("$defs".into(), Value::Object(definitions));
    }
    schema
}

impl Adapter for JsonAdapter {
    fn name(&self) -> &'static str {
        "json"
    }

    fn wording(&self) -> &Wording {
        &self.wording
    }

    fn layout(&self) -> Layout {
        Layout::Json
    }

    fn describe_layout(&self, spec: &SignatureSpec) -> String {
        let keys: Vec<String> = spec
            .outputs()
            .iter()
            .map(|field| format!("  \"{0}\": {{{0}}}", field.name))
            .collect();
        let inputs = chat::describe_inputs(spec);
        format!(
            "{}\n\n{inputs}{{\n{}\n}}",
            self.wording.json_layout,
            keys.join(",\n")
        )
    }

    fn write_inputs(&self, fields: &[(&FieldSpec, &Value)]) -> Vec<Part> {
        chat::write_inputs(fields)
    }

    fn write_answer(&self, fields: &[(&FieldSpec, Option<&Value>)], missing: &str) -> String {
        let object: Map<String, Value> = fields
            .iter()
            .map(|(field, value)| {
                let written = value.map(|value| escape::json_value(value, &field.schema).into_owned());
                (field.name.clone(), written.unwrap_or_else(|| missing.into()))
            })
            .collect();
        values::one_line(&Value::Object(object))
    }

    fn reminder(&self, spec: &SignatureSpec) -> String {
        let fields: Vec<String> = spec
            .outputs()
            .iter()
            .map(|field| format!("`{}`", field.name))
            .collect();
        let words = match fields.len() {
            1 => &self.wording.json_reminder_one,
            _ => &self.wording.json_reminder,
        };
        words.replace("{fields}", &fields.join(", "))
    }

    fn output_shape(&self, spec: &SignatureSpec) -> OutputShape {
        OutputShape::new(vec![Piece::Json(schema(spec))])
    }

    fn response_format(&self, spec: &SignatureSpec, capabilities: Capabilities) -> Option<ResponseFormat> {
        if capabilities.json_schema {
            Some(ResponseFormat::JsonSchema {
                name: "answer".into(),
                schema: schema(spec),
            })
        } else if capabilities.json_object {
            Some(ResponseFormat::JsonObject)
        } else {
            None
        }
    }
}
