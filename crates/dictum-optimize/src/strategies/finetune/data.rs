//! The files of examples: made from calls, in an order that follows from the seed.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::finetune::DataLimits;
use dictum_core::program::{Context, DynModule, Predictor, predictors};

use super::chat::{Line, line};
use crate::candidate::{Candidate, InputKey};
use crate::rng::Rng;
use crate::run::write_atomic;
use crate::strategy::DoneStep;

/// What a model learns from: chats made from calls that passed.
#[derive(Debug, Clone)]
pub struct TrainingData {
    /// One file for all predictors, or one for each.
    pub files: Vec<TrainingFile>,
    /// How many examples of the trainset passed the metric.
    pub passed: usize,
    /// How many calls were left out because their media have no place in a chat file: sounds, documents, ids of files.
    pub left_out: usize,
    /// How it went, for people: failed rollouts, a budget that ended early.
    pub notes: Vec<String>,
}

/// The examples for one model.
#[derive(Debug, Clone)]
pub struct TrainingFile {
    /// The paths of the predictors whose calls it holds.
    pub predictors: Vec<String>,
    /// The examples to learn from.
    pub training: ChatFile,
    /// The examples to measure on meanwhile, where a share was set apart.
    pub validation: Option<ChatFile>,
}

/// A file of chats, one JSON object in a line.
#[derive(Clone)]
pub struct ChatFile {
    /// Its name: `train.jsonl`.
    pub name: String,
    /// Where it was written; `None` without a run folder.
    pub path: Option<PathBuf>,
    /// How many chats it holds.
    pub examples: usize,
    /// What stands in it.
    pub content: String,
}

impl fmt::Debug for ChatFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatFile")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("examples", &self.examples)
            .finish_non_exhaustive()
    }
}

impl ChatFile {
    fn new(name: String, lines: &[Line]) -> Self {
        Self {
            name,
            path: None,
            examples: lines.len(),
            content: lines.iter().map(|line| format!("{}\n", line.text)).collect(),
        }
    }

    fn write_to(&mut self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.name);
        write_atomic(&path, self.content.as_bytes())?;
        self.path = Some(path);
        Ok(())
    }
}

impl TrainingData {
    /// Writes all files into a folder that is there.
    ///
    /// # Errors
    /// [`Error::File`] when a file can't be written.
    pub fn write_to(&mut self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        for file in &mut self.files {
            file.training.write_to(folder)?;
            if let Some(validation) = &mut file.validation {
                validation.write_to(folder)?;
            }
        }
        Ok(())
    }

    /// Checks what can be known before anything is uploaded.
    pub(super) fn check(&self, limits: DataLimits, provider: &str) -> Result<()> {
        for file in &self.files {
            let (training, least) = (&file.training, limits.least_examples);
            if training.examples < least {
                return Err(Error::input(
                    "trainset",
                    format!(
                        "gave {} examples for {} (from {} that passed the metric), and {provider} wants at least {least}; \
                         give more training examples, a better teacher, more `rounds`, or a lower `metric_threshold`",
                        training.examples, training.name, self.passed
                    ),
                ));
            }
            for file in [Some(training), file.validation.as_ref()].into_iter().flatten() {
                if file.content.len() > limits.most_bytes {
                    return Err(Error::input(
                        "trainset",
                        format!(
                            "makes {} of {} bytes, and {provider} takes at most {}",
                            file.name,
                            file.content.len(),
                            limits.most_bytes
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What the files are to be.
pub(super) struct Wanted<'a> {
    pub(super) program: &'a dyn DynModule,
    /// The context the tuned model will be called in.
    pub(super) ctx: &'a Context,
    /// The states the program will have then.
    pub(super) student: &'a Candidate,
    /// One file for each predictor.
    pub(super) per_predictor: bool,
    /// Share of the examples that is only measured on.
    pub(super) validation: f64,
    pub(super) seed: u64,
}

/// A call, rendered, with whether its example is only measured on.
struct Call {
    predictor: usize,
    line: Line,
    held_out: bool,
}

/// Makes the files from the calls behind passing answers.
pub(super) fn make<'a>(
    wanted: &Wanted<'_>,
    passed: impl Iterator<Item = (&'a Arc<Example>, &'a [DoneStep])>,
) -> Result<TrainingData> {
    let passed: Vec<(&Arc<Example>, &[DoneStep])> = passed.collect();
    let held_out = held_out(wanted, &passed);
    let all = predictors(wanted.program);
    let whole = wanted
        .ctx
        .with_overlay(wanted.program, wanted.student.overlay())?;
    let mut calls = Vec::new();
    let mut left_out = 0;
    for (example, steps) in &passed {
        let key = InputKey::of(example);
        let ctx = match wanted.student.without(&key) {
            Some(overlay) => &wanted.ctx.with_overlay(wanted.program, &overlay)?,
            None => &whole,
        };
        let fits = |step: &&DoneStep| step.failure.is_none();
        for step in steps.iter().filter(fits) {
            let Some((predictor, (_, known))) = find(&all, &step.path) else {
                continue;
            };
            let state = wanted.student.overlay().get(&step.path).unwrap_or(known.state());
            match line(known, ctx, state, (&step.inputs, &step.outputs))? {
                Some(line) => calls.push(Call {
                    predictor,
                    line,
                    held_out: held_out.contains(&key),
                }),
                None => left_out += 1,
            }
        }
    }
    let paths: Vec<String> = all.into_iter().map(|(path, _)| path).collect();
    let groups: Vec<Vec<usize>> = if wanted.per_predictor {
        (0..paths.len()).map(|one| vec![one]).collect()
    } else {
        vec![(0..paths.len()).collect()]
    };
    let files = groups.iter().map(|group| {
        let of = |place: &usize| paths.get(*place).cloned();
        let own: Vec<String> = group.iter().filter_map(of).collect();
        let infix = match (wanted.per_predictor, group.first(), own.first()) {
            (true, Some(place), Some(path)) => format!("-{}-{}", place + 1, plain(path)),
            _ => String::new(),
        };
        let calls = calls.iter().filter(|call| group.contains(&call.predictor));
        file(wanted, own, &infix, calls)
    });
    Ok(TrainingData {
        files: files.collect(),
        passed: passed.len(),
        left_out,
        notes: Vec::new(),
    })
}

fn find<'a, 'b>(
    all: &'b [(String, &'a Predictor)],
    path: &str,
) -> Option<(usize, &'b (String, &'a Predictor))> {
    all.iter().enumerate().find(|(_, (own, _))| own == path)
}

/// A path as part of a file's name.
fn plain(path: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    path.chars().map(|c| if keep(c) { c } else { '_' }).collect()
}

/// The examples that are only measured on. All calls of an example go together: its later calls tell of its earlier ones.
fn held_out(wanted: &Wanted<'_>, passed: &[(&Arc<Example>, &[DoneStep])]) -> HashSet<InputKey> {
    let keys: BTreeSet<InputKey> = passed.iter().map(|(example, _)| InputKey::of(example)).collect();
    let mut keys: Vec<InputKey> = keys.into_iter().collect();
    if wanted.validation <= 0.0 || keys.len() < 2 {
        return HashSet::new();
    }
    Rng::of(&("finetune validation", wanted.seed)).shuffle(&mut keys);
    let share = (wanted.validation.min(1.0) * keys.len() as f64).round() as usize;
    keys.truncate(share.clamp(1, keys.len() - 1));
    keys.into_iter().collect()
}

fn file<'a>(
    wanted: &Wanted<'_>,
    predictors: Vec<String>,
    infix: &str,
    calls: impl Iterator<Item = &'a Call>,
) -> TrainingFile {
    let (mut training, mut validation) = (Vec::new(), Vec::new());
    let mut known: HashSet<&str> = HashSet::new();
    for call in calls {
        if known.insert(&call.line.text) {
            let side = if call.held_out {
                &mut validation
            } else {
                &mut training
            };
            side.push(call.line.clone());
        }
    }
    // What is learned is not measured on, whichever example it came from.
    let learned: HashSet<String> = training.iter().map(|line: &Line| line.asked.clone()).collect();
    validation.retain(|line| !learned.contains(&line.asked));
    Rng::of(&("finetune order", wanted.seed, infix)).shuffle(&mut training);
    Rng::of(&("finetune validation order", wanted.seed, infix)).shuffle(&mut validation);
    TrainingFile {
        predictors,
        training: ChatFile::new(format!("train{infix}.jsonl"), &training),
        validation: (!validation.is_empty())
            .then(|| ChatFile::new(format!("validation{infix}.jsonl"), &validation)),
    }
}
