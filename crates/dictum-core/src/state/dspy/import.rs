//! [`import`].

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::guess::{SavedField, signature};
use super::names::{REASONING, defaults_of, described_name, path_in, prefix};
use super::{Note, Notes, is_dspy};
use crate::error::Result;
use crate::lm::Settings;
use crate::program::{Demo, Parameters, PredictorState, predictors};
use crate::signature::{FieldSpec, SignatureSpec};
use crate::state::file::fault;
use crate::state::secrets::holds_secret;
use crate::state::{ProgramKind, ProgramState, SavedPredictor};

/// A state read from a file of DSPy.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The state. Check it against a program with [`ProgramState::check`], or use it as it is.
    pub state: ProgramState,
    /// What to know: what was guessed, kept aside or left out.
    pub notes: Vec<Note>,
}

/// Reads a file of DSPy for this program, whose signatures give names and types.
///
/// # Errors
/// See [`import`].
pub fn import_for<P: Parameters + ?Sized>(text: &str, program: &P) -> Result<Import> {
    let known = predictors(program)
        .into_iter()
        .map(|(path, predictor)| (path, predictor.spec().clone()))
        .collect();
    import(text, &known)
}

/// Reads a file of DSPy. Predictors whose path is among `known` get that signature, whose fields must stand in the same
/// order; for others a signature is guessed.
///
/// ```no_run
/// use dictum_core::{IndexMap, signature::SignatureSpec, state::dspy};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let known = IndexMap::from([("classify".to_owned(), SignatureSpec::parse("message -> team")?)]);
/// let import = dspy::import(&std::fs::read_to_string("program.json")?, &known)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`crate::Error::File`] when the text is no JSON, no such file, or a signature can't be guessed from it.
pub fn import(text: &str, known: &IndexMap<String, SignatureSpec>) -> Result<Import> {
    let file: Value = serde_json::from_str(text)
        .map_err(|error| wrong(Some((error.line(), error.column())), format!("not JSON: {error}")))?;
    if !is_dspy(&file) {
        return Err(wrong(
            None,
            "it is no state saved by DSPy: no entry holds `signature` and `demos`",
        ));
    }
    let Value::Object(mut entries) = file else {
        return Err(wrong(None, "it must hold an object"));
    };
    let metadata = entries.shift_remove("metadata");
    // A program that is one bare predictor has no path: its entries are the file's.
    let bare = entries.contains_key("signature");
    if bare {
        entries = Map::from_iter([("self".to_owned(), Value::Object(entries))]);
    }
    let mut import = Import {
        state: ProgramState::default(),
        notes: Vec::new(),
    };
    let mut aside = Map::new();
    let mut rest = Map::new();
    for (key, entry) in entries {
        let path = path_in(&key);
        let mut notes = Notes {
            path: &path,
            notes: &mut import.notes,
        };
        match entry {
            Value::Object(entry) if entry.contains_key("signature") => {
                let (saved, kept) = predictor(entry, known.get(&path), &mut notes)?;
                if !kept.is_empty() {
                    aside.insert(path.clone(), Value::Object(kept));
                }
                import.state.predictors.insert(path, saved);
            }
            other => {
                notes.add("is no predictor: kept aside");
                rest.insert(key, other);
            }
        }
    }
    rest.extend(metadata.map(|metadata| ("metadata".to_owned(), metadata)));
    for (key, kept) in [("predictors", aside), ("file", rest)] {
        if !kept.is_empty() {
            import.state.unplaced.insert(key.to_owned(), Value::Object(kept));
        }
    }
    import.state.kind = kind(&import.state);
    Ok(import)
}

fn wrong(at: Option<(usize, usize)>, problem: impl Into<String>) -> crate::Error {
    fault("DSPy state", at, problem)
}

/// The module of a program of one predictor, where its path tells.
fn kind(state: &ProgramState) -> Option<ProgramKind> {
    let mut all = state.predictors();
    let (Some((path, saved)), None) = (all.next(), all.next()) else {
        return None;
    };
    let first = saved.signature.outputs().first().map(|field| field.name.as_str());
    match path {
        "self" => Some(ProgramKind::Predict),
        "predict" if first == Some(REASONING) => Some(ProgramKind::ChainOfThought),
        _ => None,
    }
}

/// One predictor, and what of it has no place.
fn predictor(
    mut entry: Map<String, Value>,
    known: Option<&SignatureSpec>,
    notes: &mut Notes<'_>,
) -> Result<(SavedPredictor, Map<String, Value>)> {
    let mut aside = Map::new();
    let saved = entry.shift_remove("signature").unwrap_or_default();
    let instructions = saved
        .get("instructions")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let fields: Vec<SavedField> =
        saved
            .get("fields")
            .and_then(Value::as_array)
            .map_or_else(Vec::new, |fields| {
                let text = |field: &Value, key: &str| {
                    field
                        .get(key)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                fields
                    .iter()
                    .map(|field| SavedField {
                        prefix: text(field, "prefix"),
                        description: text(field, "description"),
                    })
                    .collect()
            });
    let demos = match entry.shift_remove("demos") {
        Some(Value::Array(demos)) => demos,
        _ => Vec::new(),
    };
    let objects: Vec<&Map<String, Value>> = demos.iter().filter_map(Value::as_object).collect();
    let signature = match known {
        Some(spec) => {
            place_fields(spec, &fields, &mut aside, notes);
            spec.clone()
        }
        None => signature(&fields, instructions, &objects, notes)
            .map_err(|error| wrong(None, format!("`{}`: {error}; give its signature", notes.path)))?,
    };
    if known.is_none() {
        keep_prefixes(signature.fields(), &fields, &mut aside, notes);
    }
    let is_default = defaults_of(&signature)
        .iter()
        .any(|default| default == instructions);
    let learned = !instructions.is_empty() && !is_default && instructions != signature.instructions();
    let state = PredictorState {
        instructions: learned.then(|| instructions.to_owned()),
        demos: read_demos(demos, &signature, &mut aside, notes),
        settings: settings(entry.shift_remove("lm"), &mut aside, notes),
        ..PredictorState::default()
    };
    for (key, value) in entry {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            notes.add(format!("`{key}` has no place: kept aside"));
            aside.insert(key, value);
        }
    }
    Ok((SavedPredictor { signature, state }, aside))
}

/// Fields of the file onto those of the program, by position. What a signature can't take, being immutable, is kept aside.
fn place_fields(
    spec: &SignatureSpec,
    saved: &[SavedField],
    aside: &mut Map<String, Value>,
    notes: &mut Notes<'_>,
) {
    if saved.len() != spec.fields().len() {
        notes.add(format!(
            "the file has {} fields and the program {}: prefixes and descriptions are left out",
            saved.len(),
            spec.fields().len()
        ));
        return;
    }
    let mut descriptions = Map::new();
    for (field, saved) in spec.fields().iter().zip(saved) {
        match described_name(&saved.description) {
            // None in the file and one in the program (as of a reasoning): an export gives back none.
            Some(name) if name == field.name => {
                if field.description.is_some() {
                    descriptions.insert(field.name.clone(), json!(saved.description));
                }
            }
            Some(name) => notes.add(format!(
                "where the program has field `{}`, the file has `{name}`",
                field.name
            )),
            None if field.description.as_deref() == Some(saved.description.as_str()) => {}
            None => {
                notes.add(format!(
                    "the description of `{}` is another than the program's, which stays: {:?} is kept aside",
                    field.name, saved.description
                ));
                descriptions.insert(field.name.clone(), json!(saved.description));
            }
        }
    }
    if !descriptions.is_empty() {
        aside.insert("descriptions".to_owned(), Value::Object(descriptions));
    }
    keep_prefixes(spec.fields(), saved, aside, notes);
}

/// Prefixes are shown to no model, by DSPy's adapters neither. Those that are not made of the name are kept aside.
fn keep_prefixes(
    fields: &[FieldSpec],
    saved: &[SavedField],
    aside: &mut Map<String, Value>,
    notes: &mut Notes<'_>,
) {
    let mut prefixes = Map::new();
    for (field, saved) in fields.iter().zip(saved) {
        if saved.prefix != prefix(&field.name) {
            notes.add(format!(
                "the prefix {:?} of `{}` is kept aside",
                saved.prefix, field.name
            ));
            prefixes.insert(field.name.clone(), json!(saved.prefix));
        }
    }
    if !prefixes.is_empty() {
        aside.insert("prefixes".to_owned(), Value::Object(prefixes));
    }
}

fn read_demos(
    demos: Vec<Value>,
    spec: &SignatureSpec,
    aside: &mut Map<String, Value>,
    notes: &mut Notes<'_>,
) -> Vec<Demo> {
    let mut read = Vec::with_capacity(demos.len());
    let mut left = Vec::new();
    let mut foreign: IndexMap<String, usize> = IndexMap::new();
    for demo in demos {
        let Value::Object(mut fields) = demo else {
            left.push(demo);
            continue;
        };
        let augmented = fields.shift_remove("augmented") == Some(Value::Bool(true));
        for name in fields.keys().filter(|name| spec.field(name).is_none()) {
            *foreign.entry(name.clone()).or_default() += 1;
        }
        read.push(Demo {
            fields: fields.into_iter().collect(),
            augmented,
        });
    }
    for (name, count) in foreign {
        notes.add(format!(
            "`{name}` in {count} demos is no field of the signature: kept in them, not shown to models"
        ));
    }
    if !left.is_empty() {
        notes.add(format!("{} demos are no objects: kept aside", left.len()));
        aside.insert("demos".to_owned(), Value::Array(left));
    }
    read
}

/// Temperature and token limit; the rest of the model's configuration is kept aside, without keys and endpoints.
fn settings(lm: Option<Value>, aside: &mut Map<String, Value>, notes: &mut Notes<'_>) -> Settings {
    let Some(Value::Object(mut lm)) = lm else {
        return Settings::default();
    };
    let secret: Vec<String> = lm
        .iter()
        .filter(|(name, value)| holds_secret(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in &secret {
        lm.shift_remove(name);
    }
    if !secret.is_empty() {
        notes.add(format!(
            "`{}` of the model's configuration are left out: a state holds no keys and no endpoints",
            secret.join("`, `")
        ));
    }
    let settings = Settings {
        temperature: lm.get("temperature").and_then(Value::as_f64),
        max_tokens: lm
            .get("max_tokens")
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok()),
        ..Settings::default()
    };
    let model = lm.get("model").and_then(Value::as_str).unwrap_or("unknown");
    notes.add(format!(
        "the model's configuration ({model}) is kept aside: a program takes its model from the context"
    ));
    aside.insert("lm".to_owned(), Value::Object(lm));
    settings
}
