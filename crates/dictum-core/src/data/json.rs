//! JSON Lines and JSON arrays.

use serde_json::Value;

use super::Example;
use super::cells::Columns;
use super::loader::fault;
use super::text::quoted;
use crate::error::Result;
use crate::record::Record;

/// One object per line; blank lines are passed over.
pub(super) fn lines(text: &str, name: &str, columns: &Columns) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let number = index + 1;
        let value: Value = serde_json::from_str(line).map_err(|error| {
            let mut problem = format!("not JSON: {}", what(&error));
            if error.is_eof() && index == 0 && matches!(line.trim(), "[" | "{") {
                problem.push_str(
                    "; each line must hold a whole object (is the file a JSON array? name it .json)",
                );
            }
            fault(
                name,
                Some((number, Some(characters(line, error.column())))),
                problem,
            )
        })?;
        let example = object(value, columns).map_err(|problem| fault(name, Some((number, None)), problem))?;
        examples.push(example);
    }
    Ok(examples)
}

/// One array of objects.
pub(super) fn array(text: &str, name: &str, columns: &Columns) -> Result<Vec<Example>> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let line = text
            .split('\n')
            .nth(error.line().saturating_sub(1))
            .unwrap_or_default();
        let place = (error.line(), Some(characters(line, error.column())));
        fault(name, Some(place), format!("not JSON: {}", what(&error)))
    })?;
    let Value::Array(rows) = value else {
        return Err(fault(
            name,
            None,
            "it must hold an array of objects; one object per line is .jsonl",
        ));
    };
    if rows.is_empty() {
        return Err(fault(name, None, "it holds no rows"));
    }
    rows.into_iter()
        .enumerate()
        .map(|(index, row)| {
            object(row, columns).map_err(|problem| fault(name, None, format!("row {}: {problem}", index + 1)))
        })
        .collect()
}

fn object(value: Value, columns: &Columns) -> Result<Example, String> {
    let Value::Object(object) = value else {
        return Err(format!("a row must be an object, found {value}"));
    };
    let there: Vec<String> = object.keys().cloned().collect();
    let mut fields = Record::new();
    for (key, value) in object {
        let field = columns.field_of(&key);
        columns
            .check(field, &value)
            .map_err(|problem| format!("`{key}`: {problem}"))?;
        if fields.insert(field, value).is_some() {
            return Err(format!("the field `{field}` stands twice"));
        }
    }
    columns.example(fields).map_err(|input| {
        let there = quoted(there.iter().map(String::as_str));
        format!("the input `{input}` is missing; the keys are {there}")
    })
}

/// The parser's words without its own place, which is that within the line.
fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// The parser counts bytes; people count characters. Both from 1.
fn characters(line: &str, column: usize) -> usize {
    let before = (0..column)
        .rev()
        .find_map(|end| line.get(..end))
        .unwrap_or_default();
    before.chars().count() + 1
}
