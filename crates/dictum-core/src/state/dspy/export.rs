//! [`export`].

use serde_json::{Map, Value, json};

use super::names::{default_description, defaults_of, made_of_names, path_out, prefix};
use super::{Note, Notes};
use crate::error::Result;
use crate::lm::Settings;
use crate::modules::DemoIndex;
use crate::program::Demo;
use crate::state::file::fault;
use crate::state::{ProgramState, SavedPredictor};

/// A file for DSPy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The file's text, for a name that ends in `.json`.
    pub text: String,
    /// What DSPy has no place for.
    pub notes: Vec<Note>,
}

/// Writes a state as a file that `program.load()` of DSPy 3 reads onto a program of the same structure: instructions,
/// demonstrations, and for each field its prefix and description. What an import had kept aside goes back.
///
/// # Errors
/// [`crate::Error::File`] when it can't be written as JSON, or would hold a key or an endpoint.
pub fn export(state: &ProgramState) -> Result<Export> {
    if let Some(problem) = state.secret() {
        return Err(fault("program state", None, problem));
    }
    let mut notes = Vec::new();
    let mut file = Map::new();
    let aside = |path: &str| state.unplaced().get("predictors")?.get(path)?.as_object();
    for (path, saved) in state.predictors() {
        let mut notes = Notes {
            path,
            notes: &mut notes,
        };
        let entry = predictor(saved, aside(path), &mut notes);
        if path == "self" {
            file.extend(entry);
        } else {
            file.insert(path_out(path), Value::Object(entry));
        }
    }
    for (path, _) in state.texts() {
        let mut notes = Notes {
            path,
            notes: &mut notes,
        };
        notes.add("is a text of the program; DSPy has no place for it: left out");
    }
    for (path, _) in state.thresholds() {
        let mut notes = Notes {
            path,
            notes: &mut notes,
        };
        notes.add("is a threshold of the program; DSPy has no place for it: left out");
    }
    if let Some(index) = DemoIndex::of(state)? {
        let mut notes = Notes {
            path: "self",
            notes: &mut notes,
        };
        notes.add(format!(
            "shows each call {index}; DSPy has no place for that: left out"
        ));
    }
    let rest = state.unplaced().get("file").and_then(Value::as_object);
    file.extend(rest.cloned().unwrap_or_default());
    if !file.contains_key("metadata") {
        // DSPy wants the entry; versions it does not find are not compared.
        file.insert("metadata".to_owned(), json!({"dependency_versions": {}}));
    }
    let mut text = serde_json::to_string_pretty(&file)
        .map_err(|error| fault("DSPy state", None, format!("can't be written as JSON: {error}")))?;
    text.push('\n');
    Ok(Export { text, notes })
}

fn predictor(
    saved: &SavedPredictor,
    aside: Option<&Map<String, Value>>,
    notes: &mut Notes<'_>,
) -> Map<String, Value> {
    let kept = |key: &str| aside.and_then(|aside| aside.get(key));
    let mut demos: Vec<Value> = saved.state.demos.iter().map(demo).collect();
    demos.extend(
        kept("demos")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .cloned(),
    );
    let fields: Vec<Value> = saved
        .signature
        .fields()
        .iter()
        .map(|field| {
            let own = |key: &str| kept(key)?.get(&field.name)?.as_str().map(str::to_owned);
            let description = field.description.clone();
            json!({
                "prefix": own("prefixes").unwrap_or_else(|| prefix(&field.name)),
                "description": own("descriptions")
                    .or(description)
                    .unwrap_or_else(|| default_description(&field.name)),
            })
        })
        .collect();
    let empty = || Value::Array(Vec::new());
    let mut entry = Map::new();
    entry.insert("traces".to_owned(), kept("traces").cloned().unwrap_or_else(empty));
    entry.insert("train".to_owned(), kept("train").cloned().unwrap_or_else(empty));
    entry.insert("demos".to_owned(), Value::Array(demos));
    entry.insert(
        "signature".to_owned(),
        json!({"instructions": instructions(saved), "fields": fields}),
    );
    let ours = ["traces", "train", "demos", "lm", "prefixes", "descriptions"];
    for (key, value) in aside.into_iter().flatten() {
        if !ours.contains(&key.as_str()) {
            entry.insert(key.clone(), value.clone());
        }
    }
    entry.insert("lm".to_owned(), lm(&saved.state.settings, kept("lm"), notes));
    let state = &saved.state;
    let named = [
        ("model's name", state.lm.is_some()),
        ("adapter", state.adapter.is_some()),
        ("choice of reasoning", state.reasoning.is_some()),
    ];
    for (what, _) in named.iter().filter(|(_, is)| *is) {
        notes.add(format!(
            "the {what} is left out: DSPy has no place for it in a predictor's state"
        ));
    }
    entry
}

/// The instructions, in DSPy's words where nobody gave any.
fn instructions(saved: &SavedPredictor) -> String {
    if let Some(learned) = &saved.state.instructions {
        return learned.clone();
    }
    let [all, without_reasoning] = defaults_of(&saved.signature);
    match made_of_names(&saved.signature) {
        Some(false) => all,
        Some(true) => without_reasoning,
        None => saved.signature.instructions().into_owned(),
    }
}

fn demo(demo: &Demo) -> Value {
    let mut entry = Map::new();
    if demo.augmented {
        entry.insert("augmented".to_owned(), Value::Bool(true));
    }
    let fields = demo.fields.iter();
    entry.extend(fields.map(|(name, value)| (name.to_owned(), value.clone())));
    Value::Object(entry)
}

/// The model's configuration kept aside, with the settings of now. Without one, settings have no place: DSPy keeps them
/// with the model.
fn lm(settings: &Settings, kept: Option<&Value>, notes: &mut Notes<'_>) -> Value {
    let Some(Value::Object(kept)) = kept else {
        if *settings != Settings::default() {
            notes.add("the settings are left out: DSPy keeps them with the model, and the state names none");
        }
        return Value::Null;
    };
    let mut lm = kept.clone();
    if let Some(temperature) = settings.temperature {
        lm.insert("temperature".to_owned(), json!(temperature));
    }
    if let Some(max_tokens) = settings.max_tokens {
        lm.insert("max_tokens".to_owned(), json!(max_tokens));
    }
    let placed = Settings {
        temperature: settings.temperature,
        max_tokens: settings.max_tokens,
        ..Settings::default()
    };
    if *settings != placed {
        notes.add("of the settings only temperature and token limit are written");
    }
    Value::Object(lm)
}
