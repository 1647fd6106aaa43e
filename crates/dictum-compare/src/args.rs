//! The command line. `cargo xtask compare` gives it; paths are whole.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::Or;
use crate::cells::Cell;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    /// Run what is missing.
    Run,
    /// Run one cell, in this process.
    Cell(String),
    /// Name the cells.
    List,
    /// Write the table.
    Table,
}

#[derive(Debug, Clone)]
pub(crate) struct Args {
    pub(crate) mode: Mode,
    /// The repository.
    pub(crate) root: PathBuf,
    /// Where outcomes are kept: a small file for each cell, which the table is made from.
    pub(crate) outcomes: PathBuf,
    /// Where run folders and logs are kept.
    pub(crate) runs: PathBuf,
    /// Folder of the models; by default what the local engine takes.
    pub(crate) models: Option<PathBuf>,
    /// DSPy's Python.
    pub(crate) python: String,
    /// The `dictum` program, for `serve-lm`.
    pub(crate) dictum: String,
    /// Only cells with this in their name.
    pub(crate) only: Option<String>,
    /// How many seeds each search is run with.
    pub(crate) seeds: usize,
    /// A dozen rows and one seed.
    pub(crate) quick: bool,
    /// Threads that compute; all cores if not set.
    pub(crate) threads: Option<usize>,
}

impl Args {
    /// The arguments for a process that runs one cell.
    pub(crate) fn for_cell(&self, cell: &Cell) -> Vec<String> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut all = vec!["--cell".to_owned(), cell.to_string()];
        for (name, value) in [
            ("--root", path(&self.root)),
            ("--outcomes", path(&self.outcomes)),
            ("--runs", path(&self.runs)),
            ("--python", self.python.clone()),
            ("--dictum", self.dictum.clone()),
            ("--seeds", self.seeds.to_string()),
        ] {
            all.extend([name.to_owned(), value]);
        }
        if let Some(models) = &self.models {
            all.extend(["--models".to_owned(), path(models)]);
        }
        if let Some(threads) = self.threads {
            all.extend(["--threads".to_owned(), threads.to_string()]);
        }
        if self.quick {
            all.push("--quick".to_owned());
        }
        all
    }
}

fn count(option: &str, value: &str) -> Or<usize> {
    let count: NonZeroUsize = value
        .parse()
        .map_err(|problem| format!("{option} {value}: {problem}; it takes a whole number from 1 on"))?;
    Ok(count.get())
}

/// Reads the command line.
pub(crate) fn read() -> Or<Args> {
    read_from(std::env::args().skip(1).collect())
}

/// Reads these words.
pub(crate) fn read_from(words: Vec<String>) -> Or<Args> {
    let mut args = Args {
        mode: Mode::Run,
        root: PathBuf::from("."),
        outcomes: PathBuf::from("docs/compare"),
        runs: PathBuf::from("target/compare"),
        models: None,
        python: "python3".to_owned(),
        dictum: "dictum".to_owned(),
        only: None,
        seeds: 3,
        quick: false,
        threads: None,
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--list" => args.mode = Mode::List,
            "--table" => args.mode = Mode::Table,
            "--quick" => args.quick = true,
            "--cell" => args.mode = Mode::Cell(value()?),
            "--root" => args.root = value()?.into(),
            "--outcomes" => args.outcomes = value()?.into(),
            "--runs" => args.runs = value()?.into(),
            "--models" => args.models = Some(value()?.into()),
            "--python" => args.python = value()?,
            "--dictum" => args.dictum = value()?,
            "--only" => args.only = Some(value()?),
            "--seeds" => args.seeds = count("--seeds", &value()?)?,
            "--threads" => args.threads = Some(count("--threads", &value()?)?),
            other => return Err(format!("there is no option `{other}`").into()),
        }
    }
    Ok(args)
}
