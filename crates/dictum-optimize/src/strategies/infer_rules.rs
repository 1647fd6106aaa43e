//! [`InferRules`]: rules that a model reads out of examples, at the end of the instructions.

use std::collections::HashSet;
use std::sync::Arc;

use dictum_core::Record;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::RowOutcome;
use dictum_core::lm::Settings;
use dictum_core::signature::SignatureSpec;
use dictum_core::types::Type;
use serde_json::{Value, json};

use super::bootstrapper::{Bootstrap, Bootstrapper};
use super::demos;
use crate::candidate::Candidate;
use crate::options::{Options, optimizer, proposer_options, teacher_options};
use crate::plan::{Part, Plan, Recipe};
use crate::rng::Rng;
use crate::scoreboard::Scoreboard;
use crate::strategy::{Ask, Batch, Choice, Done, Job, Strategy};

/// Bootstraps demonstrations, then lets a model write rules for each predictor that explain the examples, several times
/// over. Each set of rules is put at the end of the instructions of the bootstrapped program; the best on the validation
/// set wins. The program as it is, and the bootstrapped one without rules, are candidates too.
///
/// Texts the program declares beside its predictors stay as they are: rules are for those who answer. [`Gepa`](super::Gepa)
/// changes them.
///
/// Other than DSPy's `InferRules`:
/// - Every candidate has its own rules. DSPy writes them into a signature all candidates share: what it returns has the
///   last rules, not the best, and so has the program it was given.
/// - Each candidate's rules are read from its own shuffle of the examples, as many as fit a length; DSPy shows all of them
///   in one order and drops examples until the model takes the prompt.
/// - Predictors whose outputs the examples don't label are shown their own calls in rollouts that passed the metric. Beside
///   good examples stand mistakes that bootstrapping met, with the metric's feedback.
/// - No validation set: a quarter of the trainset is split off, not half.
/// - Rules the model fails to give leave their predictor as it was. Candidates that came out the same are scored once.
/// - What [`BootstrapFewShot`](super::BootstrapFewShot) says of bootstrapping holds here too.
#[derive(Debug, Clone)]
pub struct InferRules {
    options: Options,
    how: Bootstrap,
    candidates: usize,
    rules: usize,
    racing: Option<f64>,
}

optimizer!(InferRules);
teacher_options!(InferRules);
proposer_options!(InferRules);

impl InferRules {
    /// 10 candidates of up to 10 rules, with at most 4 bootstrapped and 16 demonstrations in all.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: Bootstrap::default(),
            candidates: 10,
            rules: 10,
            racing: None,
        }
    }

    /// So many candidates with rules; 10 if not set.
    #[must_use]
    pub fn candidates(mut self, candidates: usize) -> Self {
        self.candidates = candidates;
        self
    }

    /// How many rules a predictor gets at most; 10 if not set.
    #[must_use]
    pub fn rules(mut self, rules: usize) -> Self {
        self.rules = rules;
        self
    }

    /// Stops scoring a candidate when it can no longer win. One that would have won is dropped with at most this
    /// probability (0.05, say). If not set, all are scored in full. The report says what it saved.
    #[must_use]
    pub fn racing(mut self, error_rate: f64) -> Self {
        self.racing = Some(error_rate);
        self
    }
}

impl Recipe for InferRules {
    fn name(&self) -> &'static str {
        "InferRules"
    }

    fn settings(&self) -> Value {
        json!({ "bootstrap": self.how, "candidates": self.candidates, "rules": self.rules, "racing": self.racing })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        if self.rules == 0 {
            return Err(Error::input("rules", "must be at least 1"));
        }
        let board = Scoreboard::new(plan.valset.clone(), plan.failure_score);
        Ok(Box::new(Search {
            board: match self.racing {
                Some(rate) => board.racing(rate, plan.seed),
                None => board,
            },
            bootstrapper: Bootstrapper::new(
                &self.how,
                self.how.max_bootstrapped,
                self.how.teacher(&plan),
                plan.trainset.clone(),
            ),
            asked: Arc::new(Candidate::proposer("rules", question(self.rules)?)),
            plan,
            candidates: self.candidates,
            stage: Stage::Bootstrap,
            base: None,
            mistakes: Vec::new(),
            questions: Vec::new(),
            rules: Vec::new(),
        }))
    }
}

/// What the proposer is asked.
fn question(rules: usize) -> Result<SignatureSpec> {
    let spec = SignatureSpec::builder()
        .name("InferRules")
        .instructions(format!(
            "A language model carries out a step of a program. You are shown what the step was told, examples of how it \
             should do it, and mistakes it made. First think about what the good examples have in common and what the \
             mistakes got wrong. Then write at most {rules} short rules for the step, one on each line, none saying the same \
             as another. Each must say what to do and when, and hold for new inputs of this kind, not only for these examples.",
        ))
        .input("instructions", Type::str())
        .input("examples", Type::str())
        .input("mistakes", Type::str())
        .output("reasoning", Type::str())
        .output("rules", Type::str())
        .build()?;
    Ok(spec)
}

/// The most characters of examples, and of mistakes, in one question.
const SHOWN: usize = 6_000;

#[derive(Clone, Copy)]
enum Stage {
    Bootstrap,
    /// The program as it is and the bootstrapped one are scored.
    Base,
    Propose,
    Score,
}

struct Search {
    plan: Plan,
    candidates: usize,
    bootstrapper: Bootstrapper,
    board: Scoreboard,
    asked: Arc<Candidate>,
    stage: Stage,
    /// The bootstrapped program.
    base: Option<Arc<Candidate>>,
    /// Attempts that didn't pass.
    mistakes: Vec<Arc<Done>>,
    /// Which candidate and predictor each question is for.
    questions: Vec<(usize, String)>,
    /// Rules by candidate and predictor.
    rules: Vec<(usize, String, String)>,
}

impl Search {
    fn base(&self) -> Arc<Candidate> {
        self.base.clone().unwrap_or_else(|| self.plan.baseline.clone())
    }

    /// Good examples of a predictor in words: its bootstrapped demonstrations and what the trainset labels.
    fn good(&self, part: &Part) -> Vec<String> {
        let state = self.base().overlay().get(&part.path).cloned().unwrap_or_default();
        let made = state.demos.into_iter().filter(|demo| demo.augmented);
        let (labeled, _) = demos::pick(part, &self.plan.trainset, usize::MAX, None);
        made.chain(labeled)
            .map(|demo| lines(&demo.fields, part))
            .collect()
    }

    /// Calls of a predictor in attempts that didn't pass, in words.
    fn bad(&self, part: &Part) -> Vec<String> {
        let told = |done: &Arc<Done>| {
            let step = done.steps.iter().rfind(|step| step.path == part.path)?;
            let fields: Record = step
                .inputs
                .iter()
                .chain(step.outputs.iter())
                .map(|(name, value)| (name, value.clone()))
                .collect();
            let mut text = lines(&fields, part);
            let feedback = match &done.row.outcome {
                RowOutcome::Scored { score, .. } => score.feedback.as_deref(),
                _ => done.row.error().map(|(_, message)| message),
            };
            if let Some(feedback) = feedback {
                text.push_str(&format!("\nWhat was wrong: {feedback}"));
            }
            Some(text)
        };
        self.mistakes.iter().filter_map(told).collect()
    }

    fn propose(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        self.questions.clear();
        let shown: Vec<(Part, Vec<String>, Vec<String>)> = self
            .plan
            .predictors
            .iter()
            .map(|part| (part.clone(), self.good(part), self.bad(part)))
            .collect();
        for candidate in 0..self.candidates {
            for (part, good, bad) in &shown {
                if good.is_empty() && bad.is_empty() {
                    continue;
                }
                let mut rng = Rng::of(&("rules", self.plan.seed, candidate, &part.path));
                let inputs = Record::new()
                    .with("instructions", part.instructions(&self.base()))
                    .with("examples", fitting(good, &mut rng))
                    .with("mistakes", fitting(bad, &mut rng));
                let settings = Settings {
                    temperature: Some(1.0),
                    ..Settings::default()
                };
                self.questions.push((candidate, part.path.clone()));
                jobs.push(
                    Job::question(&self.asked, inputs)
                        .sample(candidate as u64)
                        .settings(settings),
                );
            }
        }
        jobs
    }

    /// The candidates with rules.
    fn with_rules(&self) -> Vec<Arc<Candidate>> {
        let base = self.base();
        let mut seen: HashSet<String> = self
            .board
            .candidates()
            .iter()
            .map(|known| known.candidate.id().to_owned())
            .collect();
        let mut fresh = Vec::new();
        for number in 0..self.candidates {
            let label = format!("rules {}", number + 1);
            let mut candidate = base.labelled(&label);
            for (_, path, rules) in self.rules.iter().filter(|(of, ..)| *of == number) {
                let Some(part) = self.plan.predictors.iter().find(|part| part.path == *path) else {
                    continue;
                };
                let mut state = base.overlay().get(path).cloned().unwrap_or_default();
                let before = part.instructions(&base);
                state.instructions = Some(format!("{before}\n\nKeep to these rules:\n{rules}"));
                candidate = candidate.with(path, state, base.sources_of(path));
            }
            if seen.insert(candidate.id().to_owned()) {
                fresh.push(Arc::new(candidate));
            }
        }
        fresh
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        loop {
            let (phase, jobs) = match self.stage {
                Stage::Bootstrap => ("bootstrap", self.bootstrapper.ask()),
                Stage::Base if self.base.is_none() => {
                    let base = Arc::new(self.bootstrapper.candidate("bootstrap", &self.plan));
                    self.base = Some(base.clone());
                    let mut first = vec![self.plan.baseline.clone()];
                    if base.id() != self.plan.baseline.id() {
                        first.push(base);
                    }
                    ("search", self.board.ask(first))
                }
                Stage::Base => ("search", self.board.more()),
                Stage::Propose => ("propose", self.propose()),
                Stage::Score if !self.rules.is_empty() => {
                    let fresh = self.with_rules();
                    self.rules.clear();
                    ("search", self.board.ask(fresh))
                }
                Stage::Score => ("search", self.board.more()),
            };
            if !jobs.is_empty() {
                return Ask::Rollouts(Batch { phase, jobs });
            }
            self.stage = match self.stage {
                Stage::Bootstrap => Stage::Base,
                Stage::Base => Stage::Propose,
                Stage::Propose | Stage::Score => return Ask::Finished,
            };
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        match self.stage {
            Stage::Bootstrap => {
                let missed = |done: &&Arc<Done>| match &done.row.outcome {
                    RowOutcome::Scored { score, .. } => !self.bootstrapper.passes(score.value),
                    RowOutcome::Failed { .. } => true,
                    RowOutcome::Unjudged { .. } | RowOutcome::NotRun { .. } => false,
                };
                self.mistakes
                    .extend(done.iter().flatten().filter(missed).cloned());
                self.bootstrapper.tell(&done)?;
            }
            Stage::Base | Stage::Score => self.board.tell(done),
            Stage::Propose => {
                for ((candidate, path), answer) in self.questions.drain(..).zip(&done) {
                    let answer = answer.as_ref().and_then(|done| done.prediction()?.text("rules"));
                    if let Some(rules) = answer.map(str::trim).filter(|rules| !rules.is_empty()) {
                        self.rules.push((candidate, path, rules.to_owned()));
                    }
                }
                self.stage = Stage::Score;
            }
        }
        Ok(())
    }

    fn best(&self) -> Choice {
        Choice {
            best: self.board.best().map(|(candidate, _)| candidate),
            candidates: self.board.candidates().to_vec(),
            notes: self
                .bootstrapper
                .note()
                .into_iter()
                .chain(self.board.saved())
                .collect(),
        }
    }
}

/// The values of a predictor's fields in words, outputs after inputs.
fn lines(fields: &Record, part: &Part) -> String {
    let line = |field: &dictum_core::signature::FieldSpec| match fields.get(&field.name)? {
        Value::String(text) => Some(format!("{}: {text}", field.name)),
        other => Some(format!("{}: {other}", field.name)),
    };
    let lines: Vec<String> = part.spec.fields().iter().filter_map(line).collect();
    lines.join("\n")
}

/// Texts in random order, as many as fit.
fn fitting(texts: &[String], rng: &mut Rng) -> String {
    let mut order: Vec<&String> = texts.iter().collect();
    rng.shuffle(&mut order);
    let mut shown = String::new();
    for text in order {
        if shown.len() + text.len() > SHOWN {
            continue;
        }
        if !shown.is_empty() {
            shown.push_str("\n\n");
        }
        shown.push_str(text);
    }
    if shown.is_empty() {
        shown.push_str("none");
    }
    shown
}
