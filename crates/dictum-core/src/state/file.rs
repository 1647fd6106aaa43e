//! A state as JSON, and as a file.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ProgramKind, ProgramState, SavedPredictor, SavedText, SavedThreshold};
use crate::error::{Error, FileError, Result};
use crate::lm::Settings;
use crate::program::{Demo, PredictorState};
use crate::record::Record;
use crate::signature::SignatureSpec;

/// The latest version of the form. A reader refuses versions it does not know. A state is written in the first version that
/// can hold it, so that older readers read what they can.
///
/// 1: the first. 2: a predictor's model, adapter and reasoning; texts. 3: thresholds.
const VERSION: u64 = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    dictum: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<ProgramForm>,
    predictors: IndexMap<String, PredictorForm>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    texts: IndexMap<String, SavedText>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    thresholds: IndexMap<String, SavedThreshold>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    unplaced: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramForm {
    kind: ProgramKind,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PredictorForm {
    signature: SignatureSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    demos: Vec<Demo>,
    #[serde(default, skip_serializing_if = "is_default")]
    settings: Settings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adapter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<bool>,
}

fn is_default(settings: &Settings) -> bool {
    *settings == Settings::default()
}

impl ProgramState {
    /// The state as JSON for people: indented, keys in a fixed order, a line end at the end.
    ///
    /// # Errors
    /// [`Error::File`] when a setting or entry would put a key or an endpoint into the file, or a threshold is no finite
    /// number.
    pub fn to_json(&self) -> Result<String> {
        self.json("program state")
    }

    fn json(&self, name: &str) -> Result<String> {
        if let Some(problem) = self.secret().or_else(|| self.no_number()) {
            return Err(fault(name, None, problem));
        }
        let form = Form {
            dictum: self.version(),
            program: self.kind.map(|kind| ProgramForm { kind }),
            predictors: self
                .predictors
                .iter()
                .map(|(path, saved)| (path.clone(), written(saved)))
                .collect(),
            texts: self.texts.clone(),
            thresholds: self.thresholds.clone(),
            metadata: sorted(&self.metadata),
            unplaced: sorted(&self.unplaced),
        };
        let mut text = serde_json::to_string_pretty(&form)
            .map_err(|error| fault(name, None, format!("can't be written as JSON: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// The first version of the form that can hold it.
    fn version(&self) -> u64 {
        let named = |saved: &SavedPredictor| {
            let state = &saved.state;
            state.lm.is_some() || state.adapter.is_some() || state.reasoning.is_some()
        };
        if !self.thresholds.is_empty() {
            3
        } else if self.predictors.values().any(named) || !self.texts.is_empty() {
            2
        } else {
            1
        }
    }

    /// Which threshold can't be written: JSON has finite numbers only.
    fn no_number(&self) -> Option<String> {
        self.thresholds.iter().find_map(|(path, saved)| {
            let mut both = [Some(saved.declared), saved.learned].into_iter().flatten();
            let value = both.find(|value| !value.is_finite())?;
            Some(format!(
                "the threshold `{path}` is {value}; it must be a finite number"
            ))
        })
    }

    /// Reads a state from JSON.
    ///
    /// # Errors
    /// [`Error::File`], with line and column, when it is no JSON, no state, of another version, holds what is not known,
    /// or holds a key or an endpoint.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::read(text, "program state")
    }

    fn read(text: &str, name: &str) -> Result<Self> {
        let place = |error: &serde_json::Error| Some((error.line(), error.column()));
        let value: Value = serde_json::from_str(text)
            .map_err(|error| fault(name, place(&error), format!("not JSON: {error}")))?;
        match value.get("dictum").and_then(Value::as_u64) {
            Some(1..=VERSION) => {}
            Some(version) => {
                return Err(fault(
                    name,
                    None,
                    format!(
                        "its version is {version}, and only versions up to {VERSION} can be read; update Dictum"
                    ),
                ));
            }
            None if super::dspy::is_dspy(&value) => {
                return Err(fault(
                    name,
                    None,
                    "it is a state saved by DSPy; import it first (`dictum state import`)",
                ));
            }
            None => {
                return Err(fault(
                    name,
                    None,
                    "it is no program state: it has no `dictum` version",
                ));
            }
        }
        let form: Form = serde_json::from_str(text)
            .map_err(|error| fault(name, place(&error), format!("not a program state: {error}")))?;
        let read = |(path, form): (String, PredictorForm)| {
            let state = PredictorState {
                instructions: form.instructions,
                demos: form.demos,
                settings: form.settings,
                lm: form.lm,
                adapter: form.adapter,
                reasoning: form.reasoning,
            };
            let signature = form.signature;
            (path, SavedPredictor { signature, state })
        };
        let state = Self {
            kind: form.program.map(|program| program.kind),
            predictors: form.predictors.into_iter().map(read).collect(),
            texts: form.texts,
            thresholds: form.thresholds,
            metadata: form.metadata,
            unplaced: form.unplaced,
        };
        match state.secret() {
            Some(problem) => Err(fault(name, None, problem)),
            None => Ok(state),
        }
    }

    /// Reads a state from a file.
    ///
    /// # Errors
    /// Those of [`ProgramState::from_json`], and when the file can't be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| fault(&name, None, format!("can't be read: {error}")))?;
        Self::read(&text, &name)
    }

    /// Writes the state to a file, whole or not at all: it is written beside it first and then takes its place.
    ///
    /// # Errors
    /// [`Error::File`] when it can't be written, or see [`ProgramState::to_json`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = self.json(&name)?;
        write_whole(path, text.as_bytes())
            .map_err(|error| fault(&name, None, format!("can't be written: {error}")))
    }
}

/// One predictor in its canonical form.
fn written(saved: &SavedPredictor) -> PredictorForm {
    let PredictorState {
        instructions,
        demos,
        settings,
        lm,
        adapter,
        reasoning,
    } = &saved.state;
    PredictorForm {
        signature: saved.signature.clone(),
        instructions: instructions.clone(),
        demos: demos
            .iter()
            .map(|demo| Demo {
                fields: in_order(&demo.fields, &saved.signature),
                augmented: demo.augmented,
            })
            .collect(),
        settings: Settings {
            extra: sorted(&settings.extra),
            ..settings.clone()
        },
        lm: lm.clone(),
        adapter: adapter.clone(),
        reasoning: *reasoning,
    }
}

/// Fields in the order of the signature, further ones by name. Values stay as they are: the order of an object's keys is
/// what the model is shown.
fn in_order(fields: &Record, spec: &SignatureSpec) -> Record {
    let place = |name: &str| spec.fields().iter().position(|field| field.name == name);
    let mut entries: Vec<(&str, &Value)> = fields.iter().collect();
    entries.sort_by_key(|(name, _)| (place(name).unwrap_or(usize::MAX), *name));
    entries
        .into_iter()
        .map(|(name, value)| (name, value.clone()))
        .collect()
}

/// Keys sorted at every depth.
fn sorted(entries: &Map<String, Value>) -> Map<String, Value> {
    fn value(v: &Value) -> Value {
        match v {
            Value::Object(entries) => Value::Object(sorted(entries)),
            Value::Array(items) => Value::Array(items.iter().map(value).collect()),
            other => other.clone(),
        }
    }
    let mut keys: Vec<_> = entries.iter().collect();
    keys.sort_by_key(|(key, _)| key.as_str());
    keys.into_iter().map(|(key, v)| (key.clone(), value(v))).collect()
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let (mut file, temporary) = beside(path)?;
    let written = (|| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // What is left of a failed write is of no use; that it can't be removed changes nothing.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// A new file in the same folder: a rename is whole only within one file system.
fn beside(path: &Path) -> std::io::Result<(File, PathBuf)> {
    let name = path
        .file_name()
        .ok_or_else(|| std::io::Error::other("it names no file"))?;
    let name = name.to_string_lossy();
    let id = std::process::id();
    let mut n = 0_u32;
    loop {
        // Other writers, and what a crash left behind, must not be shared.
        let temporary = path.with_file_name(format!(".{name}.{id}.{n}.tmp"));
        match File::create_new(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && n < 1_000 => n += 1,
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn fault(name: &str, at: Option<(usize, usize)>, problem: impl Into<String>) -> Error {
    Error::File(Box::new(FileError {
        file: name.to_owned(),
        line: at.map(|(line, _)| line),
        column: at.map(|(_, column)| column),
        problem: problem.into(),
    }))
}
