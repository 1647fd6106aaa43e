//! A signature put together at run time.

use super::{FieldKind, FieldSpec, SignatureError, SignatureSpec};
use crate::types::{FieldType, Schema};

/// Puts a [`SignatureSpec`] together, field by field. Made by [`SignatureSpec::builder`].
///
/// ```
/// use dictum_core::signature::{FieldSpec, SignatureSpec};
/// use dictum_core::types::{Constraints, Schema, Type};
///
/// let spec = SignatureSpec::builder()
///     .name("Rate")
///     .instructions("Rate the review.")
///     .input("review", Type::str())
///     .output("tags", Schema::parse("list[str]")?)
///     .field(
///         FieldSpec::output("stars", Type::int())
///             .with_description("How content the writer is.")
///             .with_constraints(Constraints { min: Some(1.into()), max: Some(5.into()), ..Constraints::default() }),
///     )
///     .build()?;
/// assert_eq!(spec.to_string(), "review -> tags: list[str], stars: int");
/// # Ok::<(), dictum_core::signature::SignatureError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "call `build` to get the signature"]
pub struct SignatureBuilder {
    name: String,
    instructions: Option<String>,
    fields: Vec<FieldSpec>,
}

impl SignatureSpec {
    /// A builder without fields.
    pub fn builder() -> SignatureBuilder {
        SignatureBuilder::default()
    }
}

impl SignatureBuilder {
    /// The name. Without one it is empty.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What the step must do. Without it, a sentence made of the field names.
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// One more input.
    pub fn input(self, name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        self.field(FieldSpec::of(FieldKind::Input, name, schema))
    }

    /// One more input, of a Rust type.
    pub fn input_of<T: FieldType>(self, name: impl Into<String>) -> Self {
        self.input(name, Schema::of::<T>())
    }

    /// One more output.
    pub fn output(self, name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        self.field(FieldSpec::of(FieldKind::Output, name, schema))
    }

    /// One more output, of a Rust type.
    pub fn output_of<T: FieldType>(self, name: impl Into<String>) -> Self {
        self.output(name, Schema::of::<T>())
    }

    /// One more field, with all that a [`FieldSpec`] can say.
    pub fn field(mut self, field: FieldSpec) -> Self {
        self.fields.push(field);
        self
    }

    /// The signature.
    ///
    /// # Errors
    /// As [`SignatureSpec::new`].
    pub fn build(self) -> Result<SignatureSpec, SignatureError> {
        SignatureSpec::new(self.name, self.instructions, self.fields)
    }
}
