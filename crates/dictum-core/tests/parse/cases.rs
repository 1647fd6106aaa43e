//! The table: one JSON file per theme in `cases/`, each a list of cases.
//!
//! A case has `name` and `text`, and either `type` (a type in the string form, read by `parse::value`) or `outputs`
//! (fields in the string form, read by `parse::fields` in `layout`). What is expected stands in `value` or `fields`, with
//! `repairs` (the words of all repairs, sorted), or in `error`: words that the error must hold. `schema` gives a JSON
//! Schema where the string form has no words for a type, and `types` named types for the string form.

use std::path::Path;

use dictum_core::parse::{self, FailureReason, Layout};
use dictum_core::signature::SignatureSpec;
use dictum_core::types::Schema;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "type")]
    ty: Option<String>,
    schema: Option<Value>,
    #[serde(default)]
    types: Map<String, Value>,
    outputs: Option<String>,
    layout: Option<String>,
    text: String,
    value: Option<Value>,
    #[serde(default)]
    null: bool,
    fields: Option<Map<String, Value>>,
    repairs: Option<Vec<String>>,
    error: Option<String>,
    errors: Option<IndexMap<String, String>>,
}

fn files() -> Vec<(String, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parse/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let cases = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, cases)
        })
        .collect()
}

fn words(repairs: &[parse::RepairNote]) -> Vec<String> {
    let mut words: Vec<String> = repairs.iter().map(|note| note.what.clone()).collect();
    words.sort();
    words.dedup();
    words
}

fn types(case: &Case) -> IndexMap<String, Schema> {
    case.types
        .iter()
        .map(|(name, schema)| (name.clone(), Schema::from_json_schema(schema)))
        .collect()
}

/// What is wrong with a case, if anything.
fn run(case: &Case) -> Result<(), String> {
    if let Some(outputs) = &case.outputs {
        return run_fields(case, outputs);
    }
    let schema = match (&case.ty, &case.schema) {
        (Some(ty), _) => Schema::parse_with(ty, &types(case)).map_err(|error| error.to_string())?,
        (None, Some(schema)) => Schema::from_json_schema(schema),
        (None, None) => return Err("the case has no type".into()),
    };
    let got = parse::value(&case.text, &schema);
    let expected = if case.null {
        Some(Value::Null)
    } else {
        case.value.clone()
    };
    match (got, expected, &case.error) {
        (Ok(reading), Some(expected), None) => {
            if reading.value != expected {
                return Err(format!(
                    "wanted {expected}, got {} ({:?})",
                    reading.value,
                    words(&reading.repairs)
                ));
            }
            repairs(case, &reading.repairs)
        }
        (Err(error), None, Some(expected)) => holds(&format!("{error:#}"), expected),
        (Ok(reading), _, Some(_)) => Err(format!(
            "wanted an error, got {} ({:?})",
            reading.value,
            words(&reading.repairs)
        )),
        (Err(error), ..) => Err(format!("wanted a value, got the error {error:#}")),
        (Ok(reading), None, None) => Err(format!("expects nothing; got {}", reading.value)),
    }
}

fn repairs(case: &Case, got: &[parse::RepairNote]) -> Result<(), String> {
    let expected = case.repairs.clone().unwrap_or_default();
    let got = words(got);
    if got != expected {
        return Err(format!("wanted the repairs {expected:?}, got {got:?}"));
    }
    Ok(())
}

fn holds(message: &str, expected: &str) -> Result<(), String> {
    if message.contains(expected) {
        Ok(())
    } else {
        Err(format!("wanted an error with {expected:?}, got {message}"))
    }
}

fn run_fields(case: &Case, outputs: &str) -> Result<(), String> {
    let layout = match case.layout.as_deref() {
        Some("json") => Layout::Json,
        Some("xml") => Layout::Xml,
        _ => Layout::Chat,
    };
    let spec =
        SignatureSpec::parse_with(&format!("input -> {outputs}"), &types(case)).map_err(|e| e.to_string())?;
    let answer = parse::fields(&case.text, layout, spec.outputs());
    let got = serde_json::to_value(&answer.fields).unwrap();
    let expected = Value::Object(case.fields.clone().unwrap_or_default());
    if got != expected {
        return Err(format!(
            "wanted {expected}, got {got} with {:?} ({:?})",
            answer.failures,
            words(&answer.repairs)
        ));
    }
    let errors = case.errors.clone().unwrap_or_default();
    let failed: Vec<&str> = answer
        .failures
        .iter()
        .map(|failure| failure.field.as_str())
        .collect();
    if failed.len() != errors.len() || !failed.iter().all(|field| errors.contains_key(*field)) {
        return Err(format!(
            "wanted errors in {:?}, got {:?}",
            errors.keys(),
            answer.failures
        ));
    }
    for failure in &answer.failures {
        let caret =
            matches!(&failure.reason, FailureReason::Unreadable(error) if format!("{error:#}").contains('^'));
        let quotable =
            matches!(&failure.reason, FailureReason::Unreadable(error) if !error.excerpt.is_empty());
        if quotable && !caret {
            return Err("an unreadable field must show the place with a caret".into());
        }
        holds(&format!("{failure:#}"), &errors[&failure.field])?;
    }
    if case.repairs.is_some() || errors.is_empty() {
        repairs(case, &answer.repairs)?;
    }
    Ok(())
}

#[test]
fn malformed_answers_read_as_they_are_meant() {
    let mut names = std::collections::HashSet::new();
    let mut texts = std::collections::HashSet::new();
    let mut wrong = Vec::new();
    let (mut count, mut errors) = (0, 0);
    for (file, cases) in files() {
        for case in &cases {
            count += 1;
            errors += usize::from(case.error.is_some() || case.errors.is_some());
            assert!(
                names.insert(format!("{file}: {}", case.name)),
                "{file}: {} is there twice",
                case.name
            );
            let key = format!(
                "{:?} {:?} {:?} {:?} {}",
                case.ty, case.schema, case.outputs, case.layout, case.text
            );
            assert!(
                texts.insert(key),
                "{file}: {} repeats the text of another",
                case.name
            );
            if let Err(problem) = run(case) {
                wrong.push(format!(
                    "{file}: {}\n    {problem}\n    text: {:?}",
                    case.name, case.text
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    // The size of the table is part of what the project promises.
    assert!(count >= 300, "the table has {count} cases");
    assert!(errors >= 60, "the table has {errors} cases that must be errors");
}
