//! Whether a model is asked to reason before it answers: an output in front of the others, there or not.

use crate::record::Record;
use crate::signature::{FieldSpec, SignatureSpec};
use crate::types::{Kind, Type};

/// Name of the output that holds the reasoning.
pub(crate) const REASONING: &str = "reasoning";

/// The output that holds the reasoning.
pub(crate) fn field() -> FieldSpec {
    FieldSpec::output(REASONING, Type::str()).with_description("Think step by step here first.")
}

/// The signature with the reasoning before its outputs; `None` when it has such a field already.
pub(crate) fn with(spec: &SignatureSpec) -> Option<SignatureSpec> {
    // The instructions stay those of the signature: the reasoning is a way to them.
    let instructions = spec.instructions().into_owned();
    // The only thing that can be wrong is that there is such a field already.
    let longer = spec.prepend(field()).ok()?;
    Some(longer.with_instructions(instructions))
}

/// The signature without the reasoning; `None` when it has none, or nothing else.
pub(crate) fn without(spec: &SignatureSpec) -> Option<SignatureSpec> {
    let is_reasoning = |field: &&FieldSpec| {
        field.name == REASONING && matches!(field.schema.ty.kind, Kind::Str | Kind::Reasoning)
    };
    spec.outputs().iter().find(is_reasoning)?;
    let instructions = spec.instructions().into_owned();
    let shorter = spec.remove(REASONING).ok()?;
    Some(shorter.with_instructions(instructions))
}

/// The outputs of the declared signature out of those of the one that was asked for: what was not asked for is empty, what
/// was asked for beside is left out.
pub(super) fn declared(spec: &SignatureSpec, mut outputs: Record) -> Record {
    let fields = spec.outputs().iter().filter_map(|field| {
        let value = match outputs.remove(&field.name) {
            Some(value) => value,
            None if field.name == REASONING => "".into(),
            None => return None,
        };
        Some((field.name.clone(), value))
    });
    fields.collect()
}
