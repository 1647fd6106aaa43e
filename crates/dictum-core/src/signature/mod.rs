//! Signatures: what a step takes, what it gives, and one sentence of intent.
//!
//! A [`SignatureSpec`] is immutable. It comes from `derive(Signature)`, from `signature!("...")`, from
//! [`SignatureSpec::parse`] or from [`SignatureSpec::builder`]; edits give a new one.

mod builder;
mod constraints;
mod edit;
mod error;
mod json;

#[cfg(test)]
mod tests;

pub use builder::SignatureBuilder;
pub use error::SignatureError;
pub(crate) use error::check_name;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::record::Fields;
use crate::types::{Constraints, Schema};

/// A signature known to the compiler: the types of its inputs and outputs.
///
/// Implemented by `derive(Signature)`, and by [`Dynamic`] for signatures made at run time.
pub trait Signature: Send + Sync + 'static {
    /// The inputs, a struct with one field each.
    type Input: Fields;
    /// The outputs, a struct with one field each.
    type Output: Fields;
}

/// A signature whose spec is known to the compiler too. Implemented by `derive(Signature)`.
pub trait StaticSignature: Signature {
    /// The spec.
    fn spec() -> SignatureSpec;
}

/// The signature of a step whose spec is made at run time: records in, records out.
#[derive(Debug, Clone, Copy)]
pub enum Dynamic {}

impl Signature for Dynamic {
    type Input = crate::Record;
    type Output = crate::Record;
}

/// What a step takes, what it gives, and its instructions. Immutable and cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureSpec {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    name: String,
    instructions: Option<String>,
    /// Inputs first, then outputs, each in declaration order.
    fields: Vec<FieldSpec>,
    /// How many of `fields` are inputs.
    inputs: usize,
}

/// Whether a field goes in or comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Given to the step.
    Input,
    /// Made by the step.
    Output,
}

/// One field of a signature.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSpec {
    /// Its name: a Rust (and Python) identifier.
    pub name: String,
    /// Input or output.
    pub kind: FieldKind,
    /// Its type. Constraints of the field are constraints of the type.
    pub schema: Schema,
    /// What it is, for the model.
    pub description: Option<String>,
    /// What stands for it when it is absent: an input not given, an output the model left out.
    pub default: Option<Value>,
}

impl FieldSpec {
    /// An input.
    pub fn input(name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self::of(FieldKind::Input, name, schema)
    }

    /// An output.
    pub fn output(name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self::of(FieldKind::Output, name, schema)
    }

    /// A field of this kind, without description or default.
    pub fn of(kind: FieldKind, name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self {
            name: name.into(),
            kind,
            schema: schema.into(),
            description: None,
            default: None,
        }
    }

    /// The same field with a description. An empty one is none.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        let description = description.into();
        self.description = (!description.trim().is_empty()).then_some(description);
        self
    }

    /// The field as a model is told of it: its name, its type and its description, as in
    /// `` `source` (one of: imdb; yelp): where it was posted ``. Types that the text mentions by name are added to `definitions`
    /// with their own text, each once.
    pub fn outline(&self, definitions: &mut Vec<(String, String)>) -> String {
        let outline = self.schema.outline();
        for definition in outline.definitions {
            if !definitions.iter().any(|(name, _)| *name == definition.0) {
                definitions.push(definition);
            }
        }
        let mut text = format!("`{}` ({})", self.name, outline.text);
        if let Some(description) = &self.description {
            text.push_str(": ");
            text.push_str(description.trim());
        }
        text
    }

    /// The same field with these constraints on its value, beside those of its type: the narrower bound counts. On an
    /// optional type they are about the value, not about `null`.
    #[must_use]
    pub fn with_constraints(mut self, constraints: Constraints) -> Self {
        let mut ty = &mut self.schema.ty;
        while let crate::types::Kind::Optional(inner) = &mut ty.kind {
            ty = inner;
        }
        ty.constraints = ty.constraints.and(&constraints);
        self
    }

    /// The same field with a default.
    #[must_use]
    pub fn with_default(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// What stands for the field when it is absent: its default, else `null` where its type allows that.
    #[must_use]
    pub fn when_absent(&self) -> Option<Cow<'_, Value>> {
        match &self.default {
            Some(default) => Some(Cow::Borrowed(default)),
            // `Any` allows null as a value; leaving it out is still a mistake.
            None if self.schema.ty.allows_null()
                && !matches!(self.schema.ty.kind, crate::types::Kind::Any(_)) =>
            {
                Some(Cow::Owned(Value::Null))
            }
            None => None,
        }
    }
}

impl SignatureSpec {
    /// A signature of these fields. Inputs are put before outputs; otherwise the order is kept.
    ///
    /// # Errors
    /// [`SignatureError`] when there is no output, a name is not an identifier or stands twice, a pattern is not a
    /// regular expression, or a default does not fit.
    pub fn new(
        name: impl Into<String>,
        instructions: Option<String>,
        fields: impl IntoIterator<Item = FieldSpec>,
    ) -> Result<Self, SignatureError> {
        let spec = Self::from_checked(name, instructions, fields);
        error::check(spec.fields())?;
        Ok(spec)
    }

    /// A signature of fields that are known to keep the rules, because a macro has checked them.
    #[must_use]
    pub(crate) fn from_checked(
        name: impl Into<String>,
        instructions: Option<String>,
        fields: impl IntoIterator<Item = FieldSpec>,
    ) -> Self {
        let (mut all, outputs): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .partition(|field| field.kind == FieldKind::Input);
        let inputs = all.len();
        all.extend(outputs);
        Self {
            inner: Arc::new(Inner {
                name: name.into(),
                instructions: instructions.filter(|text| !text.trim().is_empty()),
                fields: all,
                inputs,
            }),
        }
    }

    /// Its name: the struct's name, or empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the step must do: the instructions given, else a sentence made of the field names.
    #[must_use]
    pub fn instructions(&self) -> Cow<'_, str> {
        match &self.inner.instructions {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.default_instructions()),
        }
    }

    /// The instructions given, if any were.
    #[must_use]
    pub fn explicit_instructions(&self) -> Option<&str> {
        self.inner.instructions.as_deref()
    }

    /// All fields, inputs first.
    #[must_use]
    pub fn fields(&self) -> &[FieldSpec] {
        &self.inner.fields
    }

    /// The inputs, in order.
    #[must_use]
    pub fn inputs(&self) -> &[FieldSpec] {
        self.inner.fields.get(..self.inner.inputs).unwrap_or_default()
    }

    /// The outputs, in order.
    #[must_use]
    pub fn outputs(&self) -> &[FieldSpec] {
        self.inner.fields.get(self.inner.inputs..).unwrap_or_default()
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldSpec> {
        self.inner.fields.iter().find(|field| field.name == name)
    }

    fn default_instructions(&self) -> String {
        let list = |fields: &[FieldSpec]| {
            fields
                .iter()
                .map(|field| format!("`{}`", field.name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.inputs() {
            [] => format!("Produce {}.", list(self.outputs())),
            inputs => format!("From {}, produce {}.", list(inputs), list(self.outputs())),
        }
    }
}
