//! Why a signature can't be built.

use super::constraints;
use crate::signature::FieldSpec;

/// Why a signature can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The string form can't be read.
    #[error("{problem}\n{}", caret(.text, *.column))]
    Syntax {
        /// The whole string.
        text: String,
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong and what to write.
        problem: String,
    },
    /// No output field.
    #[error("a signature needs at least one output field")]
    NoOutput,
    /// A name that is not an identifier, or is reserved.
    #[error("`{name}` can't be a field name: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A name used twice.
    #[error("the field name `{0}` is used twice; inputs and outputs share one set of names")]
    Duplicate(String),
    /// A field that an edit names is not there.
    #[error("there is no field `{name}`; the fields are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A position that an edit names is not there.
    #[error("there is no position {index} among the {kind}s: give 0 to {most}")]
    Position {
        /// The position given.
        index: usize,
        /// The last position there is, behind all fields of the kind.
        most: usize,
        /// `input` or `output`.
        kind: &'static str,
    },
    /// A constraint or default that can't be.
    #[error("field `{field}`: {problem}")]
    Field {
        /// The field.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

/// The line of the text that has the column, which counts characters from 1 over all lines, and a caret under it.
fn caret(text: &str, column: usize) -> String {
    let mut column = column.saturating_sub(1);
    let mut line = "";
    for each in text.split('\n') {
        line = each;
        let length = each.chars().count();
        if column <= length {
            break;
        }
        column = column.saturating_sub(length.saturating_add(1));
    }
    // Indentation says nothing here.
    let shown = line.trim_start();
    let indent = line.chars().count().saturating_sub(shown.chars().count());
    let width = column.saturating_sub(indent).saturating_add(1);
    format!("  {shown}\n  {:>width$}", "^")
}

/// What must hold of a signature's fields.
pub(super) fn check(fields: &[FieldSpec]) -> Result<(), SignatureError> {
    use crate::signature::FieldKind;

    if !fields.iter().any(|field| field.kind == FieldKind::Output) {
        return Err(SignatureError::NoOutput);
    }
    let mut seen = std::collections::HashSet::new();
    for field in fields {
        check_name(&field.name)?;
        if !seen.insert(field.name.as_str()) {
            return Err(SignatureError::Duplicate(field.name.clone()));
        }
        let wrong = |problem: String| SignatureError::Field {
            field: field.name.clone(),
            problem,
        };
        if let Some(problem) = constraints::problem(&field.schema) {
            return Err(wrong(problem));
        }
        if let Some(default) = &field.default
            && let Some(misfit) = field.schema.check(default).first()
        {
            return Err(wrong(format!("the default does not fit: it {misfit}")));
        }
    }
    Ok(())
}

/// Whether the name can be a field's.
pub(crate) fn check_name(name: &str) -> Result<(), SignatureError> {
    let wrong = |problem: &str| {
        Err(SignatureError::Name {
            name: name.to_owned(),
            problem: problem.to_owned(),
        })
    };
    let mut chars = name.chars();
    match chars.next() {
        None => wrong("it is empty"),
        Some(first) if !(first.is_alphabetic() || first == '_') => {
            wrong("it must start with a letter or `_`")
        }
        _ if !chars.all(|c| c.is_alphanumeric() || c == '_') => {
            wrong("it may hold letters, digits and `_` only")
        }
        _ if name == "completed" => wrong("the chat layout ends an answer with this word; choose another"),
        _ => Ok(()),
    }
}
