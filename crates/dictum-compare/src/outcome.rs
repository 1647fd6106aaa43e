//! What a cell came to, as a file.

use std::path::PathBuf;

use dictum::evaluate::stats::{Interval, wilson_interval};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Or;
use crate::args::Args;
use crate::cells::Cell;

/// What a part of a cell took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Took {
    /// Calls of models, proposals included.
    pub(crate) calls: u64,
    /// Of these, proposals, where that is known.
    #[serde(default)]
    pub(crate) proposals: Option<u64>,
    pub(crate) tokens_in: u64,
    pub(crate) tokens_out: u64,
    /// By the clock, without loading models.
    pub(crate) seconds: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// `TASK/SYSTEM/OPTIMIZER/SEED`.
    #[serde(default)]
    pub(crate) cell: String,
    /// The score of each row of the test set, in its order: 1 or 0.
    pub(crate) scores: Vec<f64>,
    /// Rows without an answer that could be read.
    pub(crate) failed: usize,
    pub(crate) search: Took,
    pub(crate) test: Took,
    /// What was found: instructions and number of demonstrations of each predictor.
    #[serde(default)]
    pub(crate) prompts: Value,
    /// The settings of the search.
    #[serde(default)]
    pub(crate) settings: Value,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn file(args: &Args, cell: &Cell) -> PathBuf {
        args.outcomes.join(cell.file_name("json"))
    }

    /// What is kept of this cell, if it was finished.
    pub(crate) fn read(args: &Args, cell: &Cell) -> Or<Option<Self>> {
        let file = Self::file(args, cell);
        if !file.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&file)?;
        let read = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Some(read))
    }

    /// What is kept of this cell and its like with other seeds, by seed: all that were run, whatever `--seeds` says.
    pub(crate) fn of_every_seed(args: &Args, cell: &Cell) -> Or<Vec<Self>> {
        let file = cell.file_name("json");
        let (search, _) = file.rsplit_once('-').unwrap_or((&file, ""));
        let mut seeds: Vec<u64> = Vec::new();
        let folder = &args.outcomes;
        for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let name = entry?.file_name();
            let seed = name
                .to_str()
                .and_then(|name| name.strip_prefix(search)?.strip_prefix('-'));
            seeds.extend(seed.and_then(|seed| seed.strip_suffix(".json")?.parse::<u64>().ok()));
        }
        seeds.sort_unstable();
        let read = |seed| Self::read(args, &Cell { seed, ..*cell });
        seeds
            .into_iter()
            .filter_map(|seed| read(seed).transpose())
            .collect()
    }

    /// Writes it whole or not at all.
    pub(crate) fn write(mut self, args: &Args, cell: &Cell) -> Or<()> {
        self.cell = cell.to_string();
        let file = Self::file(args, cell);
        let part = file.with_extension("part");
        std::fs::write(&part, serde_json::to_string_pretty(&self)?)?;
        std::fs::rename(&part, &file)?;
        Ok(())
    }

    pub(crate) fn right(&self) -> usize {
        self.scores.iter().filter(|score| **score >= 1.0).count()
    }

    pub(crate) fn score(&self) -> f64 {
        self.right() as f64 / self.scores.len().max(1) as f64
    }

    pub(crate) fn interval(&self) -> Option<Interval> {
        wilson_interval(self.right(), self.scores.len())
    }

    /// In a line.
    pub(crate) fn line(&self) -> String {
        let interval = self.interval().map_or(String::new(), |it| {
            format!(" [{:.1}, {:.1}]", it.low * 100.0, it.high * 100.0)
        });
        format!(
            "{:.1} %{interval} on {} rows; search {} calls, {}+{} tokens, {:.0} s; test {} calls, {:.0} s",
            self.score() * 100.0,
            self.scores.len(),
            self.search.calls,
            self.search.tokens_in,
            self.search.tokens_out,
            self.search.seconds,
            self.test.calls,
            self.test.seconds,
        )
    }
}
