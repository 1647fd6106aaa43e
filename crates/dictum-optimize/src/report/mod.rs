//! The report of a run, for people and machines.

mod chart;
mod front;
mod html;
mod lineage;
mod prompts;
mod text;

pub use lineage::FrontRow;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use dictum_core::error::Result;
use dictum_core::evaluate::{Comparison, Evaluation, Summary};
use dictum_core::lm::Spent;
use dictum_core::program::Context;
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::compile::{Task, Verdict};
use crate::compiled::Outcome;
use crate::cost::MeanCost;
use crate::engine::Phase;
use crate::run::{pretty, write_atomic};
use crate::strategy::Considered;

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
    pub summary: String,
    /// The comparison the outcome follows from: the program as it was, then the best candidate.
    pub comparison: Option<Comparison>,
    /// The level its p value was held to.
    pub significance: f64,
    /// Whether the comparison is on data the best candidate was chosen on, so that its difference is an overestimate.
    pub selection_biased: bool,
    /// Both on the validation set.
    pub validation: Option<Pair>,
    /// Both on the test set.
    pub test: Option<Pair>,
    /// All candidates, in the order they were tried.
    pub candidates: Vec<CandidateReport>,
    /// The best that was found for each example of the validation set.
    #[serde(default)]
    pub front: Vec<FrontRow>,
    /// The best candidate's label.
    pub best: String,
    /// The kept candidate's label.
    pub kept: String,
    /// What each phase took.
    pub phases: Vec<Phase>,
    /// What the run took in all, with what earlier processes spent on it.
    pub spent: Spent,
    /// Why the optimizer went this way, where it chose one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What people should know.
    pub notes: Vec<String>,
    /// The prompts before and after, by predictor path; then the texts that can be learned, by theirs.
    pub prompts: Vec<Prompts>,
}

/// The program as it was and the best candidate on the same data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The program as it was.
    pub baseline: Evaluation,
    /// The best candidate.
    pub best: Evaluation,
}

/// A candidate with its figures on the validation set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub label: String,
    /// How many demonstrations its predictors have together.
    pub demos: usize,
    /// Whether all of the validation set was run.
    pub complete: bool,
    /// Its figures; `None` when nothing was run.
    pub score: Option<Summary>,
    /// The candidates it was made from, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Its score on each row of the validation set; `null` where the row does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Option<f64>>,
    /// What an example costs in the mean; `None` when nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<MeanCost>,
}

/// What is the same in every call of a predictor (system message and demonstrations), before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompts {
    /// The predictor.
    pub path: String,
    /// As it was.
    pub before: String,
    /// As it is in the best candidate.
    pub after: String,
}

/// The report in lines for a terminal: the outcome, the candidates, what it took, what to know.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        if !self.candidates.is_empty() {
            writeln!(f, "\ncandidates on the validation set")?;
        }
        let width = self
            .candidates
            .iter()
            .map(|known| known.label.chars().count())
            .max();
        for known in &self.candidates {
            write!(
                f,
                "  {:width$}  {:>3} demos",
                known.label,
                known.demos,
                width = width.unwrap_or(0)
            )?;
            match known.score.as_ref().map(|score| (score.mean, score.interval)) {
                Some((Some(mean), Some(interval))) if known.complete => {
                    write!(f, "  {mean:.3} [{:.3}, {:.3}]", interval.low, interval.high)?;
                }
                Some((Some(mean), _)) if known.complete => write!(f, "  {mean:.3}")?,
                Some(_) if !known.complete => f.write_str("  not scored in full")?,
                _ => f.write_str("  not scored")?,
            }
            writeln!(f, "{}", if known.label == self.kept { "  kept" } else { "" })?;
        }
        let lineage = lineage::text(self);
        if !lineage.is_empty() {
            write!(f, "\nlineage\n{lineage}")?;
        }
        let front = front::text(self);
        if !front.is_empty() {
            write!(f, "\nworth their price\n{front}")?;
        }
        writeln!(f, "\nspent")?;
        for phase in &self.phases {
            let Phase {
                name,
                rollouts,
                calls,
                seconds,
                ..
            } = phase;
            writeln!(
                f,
                "  {name:9}  {rollouts:>6} rollouts  {calls:>6} calls  {seconds:>8.1} s"
            )?;
        }
        if !self.reasons.is_empty() {
            writeln!(f, "\nwhy this way")?;
        }
        for reason in &self.reasons {
            writeln!(f, "  - {reason}")?;
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

/// What a report is made from.
pub(crate) struct Story<'a> {
    pub(crate) task: &'a Task<'a>,
    /// With all models that candidates name.
    pub(crate) ctx: &'a Context,
    pub(crate) baseline: &'a Candidate,
    pub(crate) best: &'a Arc<Candidate>,
    pub(crate) kept: &'a Candidate,
    pub(crate) candidates: &'a [Considered],
    pub(crate) validation: Option<(Evaluation, Evaluation)>,
    pub(crate) test: Option<(Evaluation, Evaluation)>,
    pub(crate) verdict: Verdict,
    pub(crate) phases: Vec<Phase>,
    pub(crate) spent: Spent,
    pub(crate) reasons: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) failure_score: f64,
}

impl Report {
    pub(crate) fn new(story: Story<'_>) -> Self {
        let task = story.task;
        let pair =
            |pair: Option<(Evaluation, Evaluation)>| pair.map(|(baseline, best)| Pair { baseline, best });
        let name = task.metric.name();
        let candidates = story.candidates.iter().map(|known| CandidateReport {
            id: known.candidate.id().to_owned(),
            label: known.candidate.label().to_owned(),
            demos: known.candidate.demos(),
            complete: !known.rows.is_empty() && known.rows.iter().all(Option::is_some),
            score: (!known.rows.is_empty()).then(|| {
                let rows = known.rows.iter().flatten().map(|done| done.row.clone()).collect();
                Evaluation::from_rows(name, rows, story.failure_score).summary()
            }),
            parents: known.candidate.parents().to_vec(),
            cost: MeanCost::of(known),
            scores: known
                .rows
                .iter()
                .map(|done| done.as_ref()?.row.score(story.failure_score))
                .collect(),
        });
        Self {
            optimizer: task.recipe.name().to_owned(),
            settings: task.recipe.settings(),
            seed: task.options.seed,
            lm: task.ctx.lm().name().to_owned(),
            metric: name.to_owned(),
            outcome: story.verdict.outcome,
            summary: words(&story),
            candidates: candidates.collect(),
            front: lineage::front(story.candidates, story.failure_score),
            best: story.best.label().to_owned(),
            kept: story.kept.label().to_owned(),
            prompts: prompts::of(task, story.ctx, story.baseline, story.best),
            comparison: story.verdict.comparison,
            significance: story.verdict.alpha,
            selection_biased: story.verdict.biased,
            validation: pair(story.validation),
            test: pair(story.test),
            phases: story.phases,
            spent: story.spent,
            reasons: story.reasons,
            notes: story.notes,
        }
    }

    #[cfg(test)]
    fn for_tests(candidates: Vec<CandidateReport>, front: Vec<FrontRow>) -> Self {
        Self {
            optimizer: String::new(),
            settings: serde_json::Value::Null,
            seed: 0,
            lm: String::new(),
            metric: String::new(),
            outcome: Outcome::Unmeasured,
            summary: String::new(),
            comparison: None,
            significance: 0.05,
            selection_biased: false,
            validation: None,
            test: None,
            candidates,
            front,
            best: String::new(),
            kept: String::new(),
            phases: Vec::new(),
            spent: Spent::default(),
            reasons: Vec::new(),
            notes: Vec::new(),
            prompts: Vec::new(),
        }
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the file can't be written.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomic(path.as_ref(), &pretty(self))
    }

    /// Writes the report as one HTML page without outside parts.
    ///
    /// # Errors
    /// [`dictum_core::Error::File`] when the file can't be written.
    pub fn save_html(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomic(path.as_ref(), html::page(self).as_bytes())
    }
}

/// The outcome in words.
fn words(story: &Story<'_>) -> String {
    let verdict = &story.verdict;
    let best = story.best.label();
    let compared = verdict.comparison.as_ref().map(|comparison| {
        // The comparison's own verdict is at 5 %; what counts here is the verdict at the level asked for.
        let text = comparison.to_string();
        let text = text
            .split_once(": ")
            .map_or(text.as_str(), |(_, figures)| figures);
        if verdict.outcome == Outcome::Cheaper && verdict.biased {
            format!(" On the validation set, on which it was chosen: {text}.")
        } else if verdict.biased {
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
        Outcome::Cheaper => {
            let saving = verdict.saving.map(|saving| {
                let (before, after) = (saving.objective.show(saving.before), saving.objective.show(saving.after));
                format!(
                    "{after} per example in place of {before}, and it is within {} points of the best of all that was found",
                    saving.margin * 100.0
                )
            });
            format!("`{best}` costs less: {}.{compared}", saving.unwrap_or_default())
        }
        Outcome::NoSignificantGain if story.best.id() == story.baseline.id() => {
            format!("No candidate did better than the program as it was; it stays.{compared}")
        }
        Outcome::NoSignificantGain if verdict.comparison.is_none() => format!(
            "`{best}` could not be compared with the program as it was, for there are no rows of both. {stays}"
        ),
        Outcome::NoSignificantGain => {
            format!("`{best}` did best, but its gain is within what chance gives. {stays}{compared}")
        }
        Outcome::Worse => {
            format!("`{best}` is worse than the program as it was on new data. {stays}{compared}")
        }
        Outcome::Unmeasured => format!("`{best}` was not measured: there was no validation or test set."),
    }
}
