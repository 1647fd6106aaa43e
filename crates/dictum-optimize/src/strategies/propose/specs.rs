//! The questions, in our own words.

use dictum_core::error::Result;
use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::Type;

/// A search that copies answers into prompts looks good on the data it was made from and nowhere else.
pub(in super::super) const WARNING: &str = "\
    The instruction must hold for inputs nobody has seen yet. Do not copy questions, answers, names or numbers from the \
    examples into it; say what to do and how, in general. Naming the choices that every answer is one of is fine.";

/// A question of text fields with one text as its answer. Each field is its name and what it is.
pub(in super::super) fn question(
    name: &str,
    instructions: &str,
    inputs: &[(&str, &str)],
    output: (&str, &str),
) -> Result<SignatureSpec> {
    let mut spec = SignatureSpec::builder().name(name).instructions(instructions);
    for (field, what) in inputs {
        spec = spec.field(FieldSpec::input(*field, Type::str()).with_description(*what));
    }
    let (field, what) = output;
    Ok(spec
        .field(FieldSpec::output(field, Type::str()).with_description(what))
        .build()?)
}
