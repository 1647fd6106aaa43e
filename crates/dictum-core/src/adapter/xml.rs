//! The XML layout: every field in a tag, nested values as nested tags.

use serde_json::Value;

use super::system::is_history;
use super::{Adapter, Wording, shape, values};
use crate::lm::{OutputShape, Part, Piece};
use crate::parse::{Layout, escape};
use crate::signature::{FieldSpec, SignatureSpec};

/// Fields in tags of their own names, lists and objects as nested tags.
#[derive(Debug, Clone, Default)]
pub struct XmlAdapter {
    wording: Wording,
}

impl XmlAdapter {
    /// The adapter with other words.
    #[must_use]
    pub fn with_wording(wording: Wording) -> Self {
        Self { wording }
    }
}

fn tagged(name: &str, content: &str) -> String {
    format!("<{name}>\n{content}\n</{name}>\n")
}

impl Adapter for XmlAdapter {
    fn name(&self) -> &'static str {
        "xml"
    }

    fn wording(&self) -> &Wording {
        &self.wording
    }

    fn layout(&self) -> Layout {
        Layout::Xml
    }

    fn describe_layout(&self, spec: &SignatureSpec) -> String {
        let inputs = spec.inputs().iter().filter(|field| !is_history(field));
        let inputs: String = inputs
            .map(|field| tagged(&field.name, &format!("{{{}}}", field.name)))
            .collect();
        let outputs: String = spec
            .outputs()
            .iter()
            .map(|field| tagged(&field.name, &escape::xml_skeleton(&field.name, &field.schema)))
            .collect();
        format!("{}\n\n{inputs}\n{}", self.wording.xml_layout, outputs.trim_end())
    }

    fn write_inputs(&self, fields: &[(&FieldSpec, &Value)]) -> Vec<Part> {
        let mut parts = Vec::new();
        for (field, value) in fields {
            match values::media(&field.schema.ty, value) {
                Some(media) => {
                    parts.push(Part::text(format!("<{}>\n", field.name)));
                    parts.extend(media);
                    parts.push(Part::text(format!("\n</{}>\n", field.name)));
                }
                None => parts.push(Part::text(tagged(
                    &field.name,
                    &escape::xml_value(value, &field.schema),
                ))),
            }
        }
        parts.push(Part::text("\n"));
        parts
    }

    fn write_answer(&self, fields: &[(&FieldSpec, Option<&Value>)], missing: &str) -> String {
        let text: String = fields
            .iter()
            .map(|(field, value)| {
                let content = value.map_or(missing.into(), |value| escape::xml_value(value, &field.schema));
                tagged(&field.name, &content)
            })
            .collect();
        text.trim_end().to_owned()
    }

    fn reminder(&self, spec: &SignatureSpec) -> String {
        let fields: Vec<String> = spec
            .outputs()
            .iter()
            .map(|field| format!("`<{}>`", field.name))
            .collect();
        let words = match fields.len() {
            1 => &self.wording.xml_reminder_one,
            _ => &self.wording.xml_reminder,
        };
        words.replace("{fields}", &fields.join(", then "))
    }

    fn output_shape(&self, spec: &SignatureSpec) -> OutputShape {
        let mut pieces = Vec::new();
        let mut before = String::new();
        for field in spec.outputs() {
            pieces.push(Piece::Text(format!("{before}<{}>\n", field.name)));
            // A value with tags inside is no JSON: leave its form to the model, up to the closing tag.
            pieces.push(
                match shape::piece(field, |value| escape::xml_value(value, &field.schema)) {
                    Piece::Json(_) => Piece::Free,
                    piece => piece,
                },
            );
            before = format!("\n</{}>\n", field.name);
        }
        pieces.push(Piece::Text(before.trim_end().to_owned()));
        OutputShape::new(pieces)
    }
}
