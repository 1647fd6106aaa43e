//! Why a signature can't be built.

use crate::signature::FieldSpec;

/// Why a signature can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The string form can't be read.
    #[error("{problem}\n  {text}\n  {caret:>width$}", caret = "^", width = .column)]
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
    /// A constraint or default that can't be.
    #[error("field `{field}`: {problem}")]
    Field {
        /// The field.
        field: String,
        /// What is wrong.
        problem: String,
    },
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
        let constraints = &field.schema.ty.constraints;
        if let Some(pattern) = &constraints.pattern {
            regex_lite::Regex::new(pattern).map_err(|error| {
                wrong(format!(
                    "the pattern `{pattern}` is not a regular expression: {error}"
                ))
            })?;
        }
        if let Some(default) = &field.default
            && let Some(violation) = constraints.check(default).first()
        {
            return Err(wrong(format!(
                "the default breaks the field's own constraint: {violation}"
            )));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), SignatureError> {
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
