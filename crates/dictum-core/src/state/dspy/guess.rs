//! A signature from a file that does not hold one.

use serde_json::{Map, Value};

use super::Notes;
use super::names::{REASONING, default_outputs, defaults_of, described_name, prefix, without_reasoning};
use crate::signature::{FieldKind, FieldSpec, SignatureError, SignatureSpec};
use crate::types::{Kind, Type};

/// What a file says of a field.
pub(super) struct SavedField {
    pub(super) prefix: String,
    pub(super) description: String,
}

/// The likeliest signature. Names come from default descriptions, else from the demonstrations' keys, else from prefixes;
/// outputs from default instructions, else from the reasoning on, else only the last field; types from the
/// demonstrations' values.
pub(super) fn signature(
    fields: &[SavedField],
    instructions: &str,
    demos: &[&Map<String, Value>],
    notes: &mut Notes<'_>,
) -> Result<SignatureSpec, SignatureError> {
    let names: Vec<String> = fields.iter().map(|field| name(field, demos)).collect();
    let first_output = first_output(&names, instructions);
    let begins = first_output.unwrap_or(names.len().saturating_sub(1));
    let guessed = fields
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(place, (field, name))| {
            let kind = if place < begins {
                FieldKind::Input
            } else {
                FieldKind::Output
            };
            let spec = FieldSpec::of(kind, name, guess_type(name, demos));
            match described_name(&field.description) {
                Some(_) => spec,
                None => spec.with_description(field.description.as_str()),
            }
        });
    let mut spec = SignatureSpec::new("", None, guessed)?;
    // Of a chain of thought whose signature has no instructions of its own, which don't speak of the reasoning then.
    let [all, without] = defaults_of(&spec);
    if instructions == without
        && without != all
        && let Some(base) = without_reasoning(&spec)
    {
        spec = spec.with_instructions(base.instructions());
    }
    let list = |fields: &[FieldSpec]| {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        names.join(", ")
    };
    notes.add(format!(
        "the file does not say names and types of fields; taken as `{} -> {}`{}",
        list(spec.inputs()),
        list(spec.outputs()),
        match first_output {
            Some(_) => "",
            None => ", with only the last field as output: give the signature if that is wrong",
        }
    ));
    Ok(spec)
}

fn name(field: &SavedField, demos: &[&Map<String, Value>]) -> String {
    if let Some(name) = described_name(&field.description) {
        return name.to_owned();
    }
    let key = demos
        .iter()
        .flat_map(|demo| demo.keys())
        .find(|key| prefix(key) == field.prefix);
    key.cloned().unwrap_or_else(|| {
        let words = field.prefix.trim_end_matches(':').to_lowercase();
        words.split_whitespace().collect::<Vec<_>>().join("_")
    })
}

/// Inputs stand before outputs in every file.
fn first_output(names: &[String], instructions: &str) -> Option<usize> {
    let reasoning = names.iter().position(|name| name == REASONING);
    let named = default_outputs(instructions).and_then(|outputs| {
        let first = outputs.first()?;
        names.iter().position(|name| name == first)
    });
    match (reasoning, named) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The type all values of a field in the demonstrations have.
fn guess_type(name: &str, demos: &[&Map<String, Value>]) -> Type {
    let values: Vec<&Value> = demos.iter().filter_map(|demo| demo.get(name)).collect();
    let some: Vec<&&Value> = values.iter().filter(|value| !value.is_null()).collect();
    let all = |is: fn(&Value) -> bool| some.iter().all(|value| is(value));
    let ty = if all(Value::is_string) {
        Type::str()
    } else if all(Value::is_boolean) {
        Type::bool()
    } else if all(|value| value.is_i64() || value.is_u64()) {
        Type::int()
    } else if all(Value::is_number) {
        Type::float()
    } else {
        return Type::new(Kind::Any(None));
    };
    if some.len() < values.len() {
        return Type::new(Kind::Optional(Box::new(ty)));
    }
    ty
}
