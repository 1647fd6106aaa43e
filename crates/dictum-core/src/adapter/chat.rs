//! The chat layout: every field under a `[[ ## name ## ]]` header.

use serde_json::Value;

use super::system::is_history;
use super::{Adapter, Wording, shape, values};
use crate::lm::{OutputShape, Part, Piece};
use crate::parse::Layout;
use crate::signature::{FieldSpec, SignatureSpec};

/// Fields under `[[ ## name ## ]]` headers, ended by `[[ ## completed ## ]]`: the layout DSPy's users know. The default.
///
/// Text is written as it is, so it suits long texts and code; other types are written as JSON.
#[derive(Debug, Clone, Default)]
pub struct ChatAdapter {
    wording: Wording,
}

impl ChatAdapter {
    /// The adapter with other words.
    #[must_use]
    pub fn with_wording(wording: Wording) -> Self {
        Self { wording }
    }
}

/// The header of a field.
fn header(name: &str) -> String {
    format!("[[ ## {name} ## ]]")
}

/// What ends an answer.
const END: &str = "[[ ## completed ## ]]";

/// A field as it stands in a message. Written for every call, so without a formatter.
fn under_header(name: &str, value: &str) -> String {
    ["[[ ## ", name, " ## ]]\n", value, "\n\n"].concat()
}

/// Inputs under headers. The JSON layout writes its inputs so too.
pub(super) fn write_inputs(fields: &[(&FieldSpec, &Value)]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(fields.len());
    for (field, value) in fields {
        match values::media(&field.schema.ty, value) {
            Some(media) => {
                parts.push(Part::text(format!("{}\n", header(&field.name))));
                parts.extend(media);
                parts.push(Part::text("\n\n"));
            }
            None => {
                let value = values::chat(field, value);
                parts.push(Part::text(under_header(&field.name, &value)));
            }
        }
    }
    parts
}

/// The skeleton of inputs under headers.
pub(super) fn describe_inputs(spec: &SignatureSpec) -> String {
    let fields = spec.inputs().iter().filter(|field| !is_history(field));
    fields
        .map(|field| format!("{}\n{{{}}}\n\n", header(&field.name), field.name))
        .collect()
}

impl Adapter for ChatAdapter {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn wording(&self) -> &Wording {
        &self.wording
    }

    fn layout(&self) -> Layout {
        Layout::Chat
    }

    fn describe_layout(&self, spec: &SignatureSpec) -> String {
        let outputs: String = spec
            .outputs()
            .iter()
            .map(|field| format!("{}\n{{{}}}\n\n", header(&field.name), field.name))
            .collect();
        format!(
            "{}\n\n{}{outputs}{END}",
            self.wording.chat_layout,
            describe_inputs(spec)
        )
    }

    fn write_inputs(&self, fields: &[(&FieldSpec, &Value)]) -> Vec<Part> {
        write_inputs(fields)
    }

    fn write_answer(&self, fields: &[(&FieldSpec, Option<&Value>)], missing: &str) -> String {
        let mut text = String::new();
        for (field, value) in fields {
            let value = value.map_or(missing.into(), |value| values::chat(field, value));
            text.push_str(&under_header(&field.name, &value));
        }
        text.push_str(END);
        text
    }

    fn reminder(&self, spec: &SignatureSpec) -> String {
        let fields: Vec<String> = spec
            .outputs()
            .iter()
            .map(|field| format!("`{}`", header(&field.name)))
            .collect();
        self.wording
            .chat_reminder
            .replace("{fields}", &fields.join(", then "))
            .replace("{end}", &format!("`{END}`"))
    }

    fn output_shape(&self, spec: &SignatureSpec) -> OutputShape {
        let mut pieces = Vec::new();
        let mut before = String::new();
        for field in spec.outputs() {
            pieces.push(Piece::Text(format!("{before}{}\n", header(&field.name))));
            pieces.push(shape::piece(field, |value| {
                values::chat(field, value).into_owned()
            }));
            before = "\n\n".into();
        }
        pieces.push(Piece::Text(format!("\n\n{END}")));
        OutputShape::new(pieces)
    }
}
