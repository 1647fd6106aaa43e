//! What a proposer should know: a summary of the data, what the program is for, and what each step does in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::record;

use super::describe::{example_text, numbered};
use super::{Unused, cleaned, program_text, question};
use crate::candidate::Candidate;
use crate::plan::Plan;
use crate::strategy::{Done, Job};

/// So many examples are shown when the program is described.
const SHOWN: usize = 3;
/// At most so many batches of examples are looked at.
const BATCHES: usize = 10;

/// Which facts are wanted.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Wanted {
    /// A summary of the data, made from batches of so many examples.
    pub(in super::super) data: Option<usize>,
    /// What the program is for, and each step in it.
    pub(in super::super) program: bool,
}

/// What was found out.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Facts {
    pub(in super::super) data: Option<String>,
    pub(in super::super) program: Option<String>,
    /// By predictor path.
    pub(in super::super) parts: BTreeMap<String, String>,
}

/// Asks for the facts: first for observations on batches of examples and for the program's purpose, all at once; then
/// for the summary of the observations and for the role of each step.
pub(in super::super) struct Grounding {
    steps: String,
    paths: Vec<String>,
    examples: Vec<Arc<Example>>,
    wanted: Wanted,
    stage: u8,
    asked: Vec<Asked>,
    observations: Vec<String>,
    facts: Facts,
    unused: Unused,
    observe: Arc<Candidate>,
    summarize: Arc<Candidate>,
    describe: Arc<Candidate>,
    role: Arc<Candidate>,
}

#[derive(Debug, Clone)]
enum Asked {
    Observation,
    Summary,
    Program,
    Part(String),
}

impl Grounding {
    pub(in super::super) fn new(plan: &Plan, wanted: Wanted) -> Result<Self> {
        let candidate = |label: &str, spec| Arc::new(Candidate::proposer(label, spec));
        let observe = question(
            "Observe",
            "Look at examples of a data set and note in a few sentences what they have in common: what they are about, what \
             is asked, how the answers look (form, length, style, choices), and what makes them hard.",
            &[("examples", "some examples of the data set")],
            ("observations", "what they have in common, in a few sentences"),
        )?;
        let summarize = question(
            "Summarize",
            "Several people noted what they saw in parts of one data set. Put their notes together in two or three sentences \
             that tell somebody who has to solve such tasks what to expect.",
            &[("notes", "the notes, one after the other")],
            ("summary", "two or three sentences"),
        )?;
        let describe = question(
            "DescribeProgram",
            "A program asks a language model in one or more steps. Say in two or three sentences what the whole program is \
             for and how its steps work together.",
            &[
                ("steps", "the steps with what each takes, gives and is told"),
                (
                    "examples",
                    "some examples of what goes in and what should come out",
                ),
            ],
            ("purpose", "two or three sentences"),
        )?;
        let role = question(
            "DescribeStep",
            "A program asks a language model in several steps. Say in one or two sentences what one of the steps must do so \
             that the whole program gives right answers.",
            &[
                ("steps", "the steps with what each takes, gives and is told"),
                ("purpose", "what the program is for"),
                ("step", "the name of the step that is asked about"),
            ],
            ("role", "one or two sentences about this step"),
        )?;
        Ok(Self {
            steps: program_text(&plan.predictors, &plan.texts),
            paths: plan.predictors.iter().map(|part| part.path.clone()).collect(),
            examples: plan.trainset.clone(),
            wanted,
            stage: 0,
            asked: Vec::new(),
            observations: Vec::new(),
            facts: Facts::default(),
            unused: Unused::default(),
            observe: candidate("observations", observe),
            summarize: candidate("data summary", summarize),
            describe: candidate("program description", describe),
            role: candidate("step description", role),
        })
    }

    /// The next questions; none when all is found out.
    pub(in super::super) fn ask(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        self.asked.clear();
        while jobs.is_empty() && self.stage < 2 {
            self.stage += 1;
            let more = if self.stage == 1 {
                self.first()
            } else {
                self.second()
            };
            (self.asked, jobs) = more.into_iter().unzip();
        }
        for _ in &jobs {
            self.unused.asked();
        }
        jobs
    }

    fn first(&self) -> Vec<(Asked, Job)> {
        let mut asked = Vec::new();
        if let Some(size) = self.wanted.data {
            for batch in self.examples.chunks(size.max(1)).take(BATCHES) {
                let texts = batch.iter().map(|example| example_text(example));
                let inputs = record! { examples: numbered("Example", texts) };
                asked.push((Asked::Observation, Job::question(&self.observe, inputs)));
            }
        }
        if self.wanted.program {
            let texts = self.examples.iter().take(SHOWN);
            let texts = numbered("Example", texts.map(|example| example_text(example)));
            let inputs = record! { steps: self.steps.clone(), examples: texts };
            asked.push((Asked::Program, Job::question(&self.describe, inputs)));
        }
        asked
    }

    fn second(&mut self) -> Vec<(Asked, Job)> {
        let mut asked = Vec::new();
        match self.observations.as_slice() {
            [] => {}
            [one] => self.facts.data = Some(one.clone()),
            many => {
                let notes = numbered("Note", many.iter().cloned());
                let inputs = record! { notes: notes };
                asked.push((Asked::Summary, Job::question(&self.summarize, inputs)));
            }
        }
        // The purpose of a program of one step is what the step does.
        if let (Some(purpose), true) = (&self.facts.program, self.paths.len() > 1) {
            for path in &self.paths {
                let inputs =
                    record! { steps: self.steps.clone(), purpose: purpose.clone(), step: path.clone() };
                asked.push((Asked::Part(path.clone()), Job::question(&self.role, inputs)));
            }
        }
        asked
    }

    /// What came of them, in their order.
    pub(in super::super) fn tell(&mut self, done: &[Option<Arc<Done>>]) {
        for (asked, done) in std::mem::take(&mut self.asked).into_iter().zip(done) {
            let Some(done) = done else { continue };
            let answer = done.prediction().and_then(|answer| answer.iter().next());
            let text = match answer.and_then(|(_, value)| value.as_str()).map(cleaned) {
                Some(Ok(text)) => text,
                Some(Err(why)) => {
                    self.unused.not_used(why);
                    continue;
                }
                None => {
                    self.unused.not_used("failed");
                    continue;
                }
            };
            match asked {
                Asked::Observation => self.observations.push(text),
                Asked::Summary => self.facts.data = Some(text),
                Asked::Program => self.facts.program = Some(text),
                Asked::Part(path) => {
                    self.facts.parts.insert(path, text);
                }
            }
        }
    }

    pub(in super::super) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(in super::super) fn note(&self) -> Option<String> {
        self.unused.note("descriptions")
    }
}
