//! [`Loader`]: from a file to examples.

use std::io::Read;
use std::path::Path;

use super::cells::Columns;
use super::{Example, csv, json, text};
use crate::error::{FileError, Result};
use crate::signature::SignatureSpec;

/// Reads examples from CSV, TSV, JSON Lines or a JSON array.
///
/// ```no_run
/// # fn main() -> dictum_core::Result<()> {
/// # let spec = dictum_core::signature::SignatureSpec::parse("text -> label").unwrap();
/// use dictum_core::data::Loader;
/// let devset = Loader::for_signature(&spec).path("dev.csv")?;
/// let plain = Loader::with_inputs(["question"]).path("questions.jsonl")?;
/// # Ok(()) }
/// ```
///
/// Every column (or key) that is not an input is a label. CSV cells are read by the type of their field: text as it stands,
/// everything else by the tolerant parser ([`crate::parse::value`]); columns the signature does not know are text. An empty
/// cell of an optional field is `null`; of a field with a default, or of an output that can't be empty, it is left out; of
/// any other input that is not text it is an error. JSON values are taken as they are, and inputs are checked against
/// their type.
#[derive(Debug, Clone)]
pub struct Loader {
    columns: Columns,
}

/// The formats a [`Loader`] reads. All are UTF-8, with or without a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// Tab-separated values with a header row.
    Tsv,
    /// One JSON object per line.
    Jsonl,
    /// One JSON array of objects.
    Json,
}

impl Format {
    /// The format a file name's ending stands for: `csv`, `tsv`, `jsonl` or `ndjson`, `json`.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Loader {
    /// A loader for programs of this signature: its inputs are the inputs, all else are labels.
    #[must_use]
    pub fn for_signature(spec: &SignatureSpec) -> Self {
        Self {
            columns: Columns::of(spec),
        }
    }

    /// A loader of untyped data whose inputs are these columns.
    #[must_use]
    pub fn with_inputs<N: Into<String>>(inputs: impl IntoIterator<Item = N>) -> Self {
        Self {
            columns: Columns::named(inputs.into_iter().map(Into::into).collect()),
        }
    }

    /// The same, with the column `column` of the file taken as the field `field`.
    #[must_use]
    pub fn rename(mut self, column: impl Into<String>, field: impl Into<String>) -> Self {
        self.columns.rename(column.into(), field.into());
        self
    }

    /// Reads a file in the format its name says.
    ///
    /// # Errors
    /// [`crate::Error::File`] with line and column where the fault has them: see [`Loader::read`]; also when the name's
    /// ending is none of [`Format::of_path`].
    pub fn path(&self, path: impl AsRef<Path>) -> Result<Vec<Example>> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let Some(format) = Format::of_path(path) else {
            return Err(fault(
                &name,
                None,
                "its name does not say its format; use a name that ends in .csv, .tsv, .jsonl or .json",
            ));
        };
        let file = std::fs::File::open(path)
            .map_err(|error| fault(&name, None, format!("can't be opened: {error}")))?;
        self.read(file, &name, format)
    }

    /// Reads examples from anything. `name` stands for it in errors.
    ///
    /// # Errors
    /// [`crate::Error::File`] when it can't be read, is not UTF-8, holds no rows, lacks an input (the columns there are
    /// stand in the message), has a column twice, a row of another length, broken JSON, or a value that does not fit its
    /// field.
    pub fn read(&self, mut source: impl Read, name: &str, format: Format) -> Result<Vec<Example>> {
        let mut bytes = Vec::new();
        source
            .read_to_end(&mut bytes)
            .map_err(|error| fault(name, None, format!("can't be read: {error}")))?;
        let text = text::decode(&bytes, name)?;
        if text.trim().is_empty() {
            return Err(fault(name, None, "it is empty"));
        }
        match format {
            Format::Csv => csv::read(text, name, b',', &self.columns),
            Format::Tsv => csv::read(text, name, b'\t', &self.columns),
            Format::Jsonl => json::lines(text, name, &self.columns),
            Format::Json => json::array(text, name, &self.columns),
        }
    }
}

/// A fault of a file at a place: line, and column where it has one, both from 1.
pub(super) fn fault(
    file: &str,
    at: Option<(usize, Option<usize>)>,
    problem: impl Into<String>,
) -> crate::Error {
    crate::Error::File(Box::new(FileError {
        file: file.to_owned(),
        line: at.map(|(line, _)| line),
        column: at.and_then(|(_, column)| column),
        problem: problem.into(),
    }))
}
