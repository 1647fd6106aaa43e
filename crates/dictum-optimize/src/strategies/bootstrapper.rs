//! Making demonstrations: a teacher answers examples, and answers that pass the metric are kept with all their steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::{Error, Result};
use dictum_core::evaluate::RowOutcome;
use dictum_core::lm::Settings;
use dictum_core::program::Demo;
use serde::Serialize;

use super::demos;
use crate::candidate::{Candidate, InputKey};
use crate::plan::{Part, Plan};
use crate::rng::Rng;
use crate::strategy::{Done, DoneStep, Job};

/// How demonstrations are made.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Bootstrap {
    pub(super) max_bootstrapped: usize,
    pub(super) max_labeled: usize,
    pub(super) rounds: u64,
    /// The least score that passes; without one, any above 0.
    pub(super) threshold: Option<f64>,
    /// How many failed rollouts of the teacher end the run with an error; without one, none does.
    pub(super) max_errors: Option<usize>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            max_bootstrapped: 4,
            max_labeled: 16,
            rounds: 1,
            threshold: None,
            max_errors: None,
        }
    }
}

impl Bootstrap {
    /// The teacher: as it is when it has demonstrations, else with labelled ones.
    pub(super) fn teacher(&self, plan: &Plan) -> Arc<Candidate> {
        if self.max_labeled == 0 || plan.teacher.demos() > 0 {
            return plan.teacher.clone();
        }
        Arc::new(demos::with_labeled(
            &plan.teacher,
            "teacher",
            plan,
            self.max_labeled,
            true,
        ))
    }
}

/// Answers examples in order until enough have passed.
///
/// At any time it waits for no more examples than are missing, so no call is made whose answer could not be used. Which
/// examples are kept is what trying them one by one would give.
#[derive(Debug)]
pub(super) struct Bootstrapper {
    how: Bootstrap,
    /// How many examples must pass.
    want: usize,
    teacher: Arc<Candidate>,
    pool: Vec<Arc<Example>>,
    /// The next example to begin with.
    next: usize,
    /// Examples to try: place in the pool, round.
    pending: VecDeque<(usize, u64)>,
    asked: Vec<(usize, u64)>,
    /// Steps of the examples that passed, by place.
    found: BTreeMap<usize, Vec<DoneStep>>,
    attempts: usize,
    /// Causes and first messages of failed attempts.
    errors: Vec<(String, String)>,
}

impl Bootstrapper {
    /// Makes demonstrations from `want` examples of the pool, in its order.
    pub(super) fn new(
        how: &Bootstrap,
        want: usize,
        teacher: Arc<Candidate>,
        pool: Vec<Arc<Example>>,
    ) -> Self {
        Self {
            how: how.clone(),
            want,
            teacher,
            pool,
            next: 0,
            pending: VecDeque::new(),
            asked: Vec::new(),
            found: BTreeMap::new(),
            attempts: 0,
            errors: Vec::new(),
        }
    }

    /// The next attempts; none when enough have passed or all were tried.
    pub(super) fn ask(&mut self) -> Vec<Job> {
        while self.found.len() + self.pending.len() < self.want
            && self.next < self.pool.len()
            && self.how.rounds > 0
        {
            self.pending.push_back((self.next, 0));
            self.next += 1;
        }
        self.asked = self.pending.drain(..).collect();
        let job = |(place, round): &(usize, u64)| {
            let example = self.pool.get(*place)?.clone();
            let settings = Settings {
                // Asking for the same at the same temperature would give much the same answer.
                temperature: (*round > 0).then_some(1.0),
                ..Settings::default()
            };
            Some(Job {
                sample: *round,
                settings,
                steps: true,
                ..Job::new(self.teacher.clone(), example)
            })
        };
        self.asked.iter().filter_map(job).collect()
    }

    /// Whether an answer of this score becomes a demonstration.
    pub(super) fn passes(&self, score: f64) -> bool {
        match self.how.threshold {
            Some(threshold) => score >= threshold,
            None => score > 0.0,
        }
    }

    /// What came of the attempts asked for last, in their order.
    pub(super) fn tell(&mut self, done: &[Option<Arc<Done>>]) -> Result<()> {
        for ((place, round), done) in std::mem::take(&mut self.asked).into_iter().zip(done) {
            let Some(done) = done else { continue };
            self.attempts += 1;
            let passed = match &done.row.outcome {
                RowOutcome::Scored { score, .. } => self.passes(score.value),
                _ => false,
            };
            if let Some((cause, message)) = done.row.error() {
                self.errors.push((
                    cause.to_owned(),
                    format!("example {}: {message}", done.row.example.id()),
                ));
            }
            if passed {
                self.found.insert(place, done.steps.clone());
            } else if round + 1 < self.how.rounds {
                self.pending.push_back((place, round + 1));
            }
        }
        match self.how.max_errors {
            Some(most) if self.errors.len() > most => Err(Error::program(format!(
                "bootstrapping stopped after {} failed rollouts of the teacher (`max_errors` is {most}): {}",
                self.errors.len(),
                self.causes()
            ))),
            _ => Ok(()),
        }
    }

    /// The causes of failed attempts with their counts and first messages.
    fn causes(&self) -> String {
        let mut causes: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for (cause, message) in &self.errors {
            causes.entry(cause).or_insert((0, message)).0 += 1;
        }
        let causes = causes
            .iter()
            .map(|(cause, (count, message))| format!("{count} x {cause} (first: {message})"));
        causes.collect::<Vec<_>>().join("; ")
    }

    /// The examples that passed with the calls behind their answers, in the order of the pool.
    pub(super) fn passed(&self) -> impl Iterator<Item = (&Arc<Example>, &[DoneStep])> {
        let steps = self.found.iter();
        steps.filter_map(|(place, steps)| Some((self.pool.get(*place)?, steps.as_slice())))
    }

    /// How many attempts were made, and why some of them failed; nothing for none.
    pub(super) fn attempts(&self) -> (usize, String) {
        (self.attempts, self.causes())
    }

    /// What people should know of how it went, if anything.
    pub(super) fn note(&self) -> Option<String> {
        let short = self.found.len() < self.want;
        if !short && self.errors.is_empty() {
            return None;
        }
        let mut note = format!(
            "bootstrapping made demonstrations from {} of the {} examples wanted, in {} attempts",
            self.found.len(),
            self.want,
            self.attempts
        );
        if !self.errors.is_empty() {
            note.push_str(&format!(
                ", of which {} failed: {}",
                self.errors.len(),
                self.causes()
            ));
        }
        Some(note)
    }

    /// The program with what was found: for each predictor its own calls in the examples that passed, then labelled
    /// examples that were not used.
    pub(super) fn candidate(&self, label: &str, plan: &Plan) -> Candidate {
        let used: Vec<InputKey> = self
            .found
            .keys()
            .filter_map(|place| Some(InputKey::of(self.pool.get(*place)?)))
            .collect();
        let fresh = self
            .pool
            .iter()
            .filter(|example| !used.contains(&InputKey::of(example)));
        let fresh: Vec<Arc<Example>> = fresh.cloned().collect();
        let base = &plan.baseline;
        let mut candidate = Candidate::new(label, base.role(), base.overlay().clone());
        for part in &plan.predictors {
            let (mut demos, mut sources) = self.bootstrapped(part, plan.seed);
            let room = self.how.max_labeled.saturating_sub(demos.len());
            let rng = Rng::of(&("fill", plan.seed, label, &part.path));
            let (labeled, from) = demos::pick(part, &fresh, room, Some(rng));
            demos.extend(labeled);
            sources.extend(from);
            let mut state = base.overlay().get(&part.path).cloned().unwrap_or_default();
            state.demos = demos;
            candidate = candidate.with(&part.path, state, sources);
        }
        candidate
    }

    fn bootstrapped(&self, part: &Part, seed: u64) -> (Vec<Demo>, Vec<Option<InputKey>>) {
        let made = self.found.keys().filter_map(|place| {
            let source = InputKey::of(self.pool.get(*place)?);
            Some((self.demo(*place, part, seed)?, Some(source)))
        });
        made.unzip()
    }

    /// A predictor's own call in the example at this place of the pool, if it passed.
    pub(super) fn demo(&self, place: usize, part: &Part, seed: u64) -> Option<Demo> {
        let (example, steps) = (self.pool.get(place)?, self.found.get(&place)?);
        let calls: Vec<&DoneStep> = steps
            .iter()
            .filter(|step| step.path == part.path && step.failure.is_none())
            .collect();
        let (last, earlier) = calls.split_last()?;
        // A predictor called several times: the last call half of the time, for it saw most, else any earlier one.
        let mut rng = Rng::of(&("call", seed, example.id(), &part.path));
        let call = earlier.get(rng.below(2 * earlier.len())).unwrap_or(last);
        let fields = call.inputs.iter().chain(call.outputs.iter());
        Some(Demo::augmented(
            fields.map(|(name, value)| (name, value.clone())).collect(),
        ))
    }
}
