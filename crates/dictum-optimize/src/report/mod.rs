//! The report of a run, for people and machines.

use std::path::Path;

use dictum_core::error::Result;
use dictum_core::evaluate::{Comparison, Evaluation, Summary};
use dictum_core::lm::Spent;
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::compile::{Task, Verdict};
use crate::compiled::Outcome;
use crate::engine::Phase;
use crate::run::{pretty, write_atomic};
use crate::strategy::Considered;
use std::sync::Arc;

/// What a run did and found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The optimizer.
    pub optimizer: String,
    /// Its settings.
    pub settings: serde_json::Value,
    /// The seed.
    pub seed: u64,
    /// The model.
    pub lm: String,
    /// The metric.
    pub metric: String,
    /// Whether compiling helped.
    pub outcome: Outcome,
    /// The outcome in words.
fn words(story: &Story<'_>) -> String {
    let verdict = &story.verdict;
    let best = story.best.label();
    let compared = verdict.comparison.as_ref().map(|comparison| {
        // The comparison's own verdict is at 5 %; what counts here is the verdict at the level asked for.
        let text = comparison.to_string();
        let text = text.split_once(": ").map_or(text.as_str(), |(_, figures)| figures);
        if verdict.biased {
            let alpha = verdict.alpha;
            format!(" On the validation set, on which it was chosen and p must be below {alpha:.4}: {text}.")
        } else {
            format!(" On new data: {text}.")
        }
    });
    let compared = compared.unwrap_or_default();
    let anyway = story.kept.id() == story.best.id();
    let stays = if anyway {
        "It was kept anyway, as asked."
    } else {
        "The program stays as it was."
    };
    match verdict.outcome {
        Outcome::Improved => format!("`{best}` is better than the program as it was.{compared}"),
        Outcome::NoSignificantGain if story.best.id() == story.baseline.id() => {
            format!("No candidate did better than the program as it was; it stays.{compared}")
        }
        Outcome::NoSignificantGain => {
            format!("`{best}` did best, but its gain is within what chance gives. {stays}{compared}")
        }
        Outcome::Worse => {
            format!("`{best}` is worse than the program as it was on new data. {stays}{compared}")
        }
        Outcome::Unmeasured => format!("`{best}` was not measured: there was no validation or test set."),
    }
}
