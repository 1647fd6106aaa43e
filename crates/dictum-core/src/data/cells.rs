//! Which column is which field, and how a cell is read as its type.

use serde_json::Value;

use super::Example;
use super::text::quoted;
use crate::parse;
use crate::record::Record;
use crate::signature::{FieldKind, FieldSpec, SignatureSpec};
use crate::types::Kind;

/// The fields wanted of a file.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    spec: Option<SignatureSpec>,
    inputs: Vec<String>,
    renames: Vec<(String, String)>,
}

impl Columns {
    pub(super) fn of(spec: &SignatureSpec) -> Self {
        Self {
            inputs: spec.inputs().iter().map(|field| field.name.clone()).collect(),
            spec: Some(spec.clone()),
            renames: Vec::new(),
        }
    }

    pub(super) fn named(inputs: Vec<String>) -> Self {
        Self {
            spec: None,
            inputs,
            renames: Vec::new(),
        }
    }

    pub(super) fn rename(&mut self, column: String, field: String) {
        self.renames.push((column, field));
    }

    /// The field a column of the file holds.
    pub(super) fn field_of<'a>(&'a self, column: &'a str) -> &'a str {
        let renamed = self.renames.iter().find(|(from, _)| from == column);
        renamed.map_or(column, |(_, to)| to)
    }

    fn spec_of(&self, field: &str) -> Option<&FieldSpec> {
        self.spec.as_ref()?.field(field)
    }

    /// Why these columns can't give the inputs.
    pub(super) fn missing(&self, columns: &[String]) -> Option<String> {
        for (from, _) in &self.renames {
            if !columns.iter().any(|column| column == from) {
                let there = quoted(columns.iter().map(String::as_str));
                return Some(format!(
                    "there is no column `{from}` to rename; there are {there}"
                ));
            }
        }
        let lacks = |input: &&String| {
            let optional = self
                .spec_of(input)
                .is_some_and(|field| field.when_absent().is_some());
            !optional && !columns.iter().any(|column| self.field_of(column) == **input)
        };
        let input = self.inputs.iter().find(lacks)?;
        let there = quoted(columns.iter().map(String::as_str));
        Some(format!(
            "the input `{input}` has no column; the columns are {there}"
        ))
    }

    /// A cell of text as the value of a field; `None` where it says nothing.
    pub(super) fn cell(&self, field: &str, cell: &str) -> Result<Option<Value>, String> {
        let Some(spec) = self.spec_of(field) else {
            return Ok(Some(Value::from(cell)));
        };
        if cell.trim().is_empty() {
            if matches!(spec.schema.ty.kind, Kind::Optional(_)) {
                return Ok(Some(Value::Null));
            }
            if spec.when_absent().is_some() {
                return Ok(None);
            }
            if !spec.schema.ty.is_text() {
                return match spec.kind {
                    // Data is often labelled in part: a label that can't be empty is one not given.
                    FieldKind::Output => Ok(None),
                    FieldKind::Input => Err("the cell is empty and the field is not optional".to_owned()),
                };
            }
        }
        let plain = match &spec.schema.ty.kind {
            Kind::Optional(inner) => inner.is_text(),
            _ => spec.schema.ty.is_text(),
        };
        let value = if plain {
            Value::from(cell)
        } else {
            parse::value(cell, &spec.schema)
                .map_err(|error| format!("{error:#}"))?
                .value
        };
        self.check(field, &value)?;
        Ok(Some(value))
    }

    /// Whether a value fits its field. Labels need not: they may be a list of acceptable answers.
    pub(super) fn check(&self, field: &str, value: &Value) -> Result<(), String> {
        let spec = self.spec_of(field).filter(|spec| spec.kind == FieldKind::Input);
        match spec.and_then(|spec| spec.schema.check(value).into_iter().next()) {
            Some(violation) => Err(violation.to_string()),
            None => Ok(()),
        }
    }

    /// An example of these fields; inputs in the order they were asked for. The error names an input that is not there.
    pub(super) fn example(&self, mut fields: Record) -> Result<Example, &str> {
        let mut inputs = Record::new();
        for name in &self.inputs {
            match fields.remove(name) {
                Some(value) => {
                    inputs.insert(name.clone(), value);
                }
                // What may be left out stays out: the program puts its default in its place.
                None if self
                    .spec_of(name)
                    .is_none_or(|field| field.when_absent().is_none()) =>
                {
                    return Err(name);
                }
                None => {}
            }
        }
        Ok(Example::new(inputs, fields))
    }
}
