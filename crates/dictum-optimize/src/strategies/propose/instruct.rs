//! Asking for an instruction of one step.

use std::sync::Arc;

use dictum_core::Record;
use dictum_core::error::Result;
use dictum_core::lm::Settings;
use dictum_core::program::Demo;
use dictum_core::signature::SignatureSpec;

use super::describe::numbered;
use super::{Facts, Unused, WARNING, cleaned, demo_text, fields_text, question};
use crate::candidate::Candidate;
use crate::plan::{Component, TextPart};
use crate::strategy::{Done, Job};

/// Hints that make proposals differ, one of which is drawn for each; the first is none.
pub(in super::super) const TIPS: [&str; 6] = [
    "",
    "Be inventive: find a way to put it that nobody would think of first.",
    "Keep it short and clear, one or two sentences.",
    "Say much: which cases there are, what to look at, what form the answer has.",
    "Make plain how much hangs on a right answer.",
    "Begin with who the model is: somebody who is best at just this task.",
];

/// At most so many demonstrations are shown.
const SHOWN: usize = 3;

/// Asks for instructions of steps of one program, with what is known of it.
pub(in super::super) struct Instructor {
    steps: Option<String>,
    facts: Facts,
    temperature: f64,
    unused: Unused,
}

impl Instructor {
    /// With the program's steps as text, or without.
    pub(in super::super) fn new(steps: Option<String>, facts: Facts, temperature: f64) -> Self {
        Self {
            steps,
            facts,
            temperature,
            unused: Unused::default(),
        }
    }

    /// A question for other words of this component. `sample` tells questions apart that are the same.
    pub(in super::super) fn ask(
        &mut self,
        component: &Component,
        demos: &[Demo],
        tip: &str,
        sample: u64,
    ) -> Result<Job> {
        self.unused.asked();
        let shown = demos.iter().filter(|demo| demo.augmented);
        let shown = numbered("Example", shown.take(SHOWN).map(demo_text));
        let role = self.facts.parts.get(component.path()).map(String::as_str);
        let known = [
            ("data", "what the data is like", self.facts.data.as_deref()),
            ("program", "the steps of the program", self.steps.as_deref()),
            (
                "purpose",
                "what the program is for",
                self.facts.program.as_deref(),
            ),
            ("role", "what this step must do", role),
            ("examples", "good answers of this step", Some(shown.as_str())),
            ("hint", "how to go about it", Some(tip)),
        ];
        let current = component.own_words();
        let words = Words::of(component);
        let mut fields = vec![words.subject];
        let mut inputs = Record::new().with(words.subject.0, subject(component));
        for (name, what, text) in known {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                fields.push((name, what));
                inputs.insert(name, text);
            }
        }
        fields.push(words.current);
        inputs.insert("current", current);
        let spec = question(
            words.propose,
            &format!("{} {WARNING}", words.task),
            &fields,
            words.output,
        )?;
        Ok(self.job(component, spec, inputs, sample))
    }

    /// A question for words that are better than those tried, which stand with their scores, the best last.
    pub(in super::super) fn ask_after(
        &mut self,
        component: &Component,
        tried: &[(String, f64)],
        sample: u64,
    ) -> Result<Job> {
        self.unused.asked();
        let tried: Vec<String> = tried
            .iter()
            .map(|(text, score)| format!("Score {score:.3}:\n{text}"))
            .collect();
        let words = Words::of(component);
        let mut fields = vec![words.subject];
        let mut inputs = Record::new().with(words.subject.0, subject(component));
        if let Some(steps) = &self.steps {
            fields.push(("program", "the steps of the program"));
            inputs.insert("program", steps.as_str());
        }
        fields.push(words.tried);
        inputs.insert("tried", tried.join("\n\n"));
        let spec = question(
            words.improve,
            &format!(
                "{} Find out what the better ones have that the others lack, and write a new one that should score higher \
                 than all of them. {WARNING}",
                words.history
            ),
            &fields,
            words.output_after,
        )?;
        Ok(self.job(component, spec, inputs, sample))
    }

    fn job(&self, component: &Component, spec: SignatureSpec, inputs: Record, sample: u64) -> Job {
        let what = match component {
            Component::Instructions(_) => "instruction of",
            Component::Text(_) => "text of",
        };
        let candidate = Arc::new(Candidate::proposer(format!("{what} {}", component.path()), spec));
        Job::question(&candidate, inputs)
            .sample(sample)
            .settings(Settings {
                temperature: Some(self.temperature),
                ..Settings::default()
            })
    }

    /// The words that were proposed, if they are any.
    pub(in super::super) fn read(&mut self, done: Option<&Arc<Done>>) -> Option<String> {
        let answer = done?.prediction();
        let answer = answer.and_then(|answer| answer.text("instruction").or_else(|| answer.text("new_text")));
        match answer.map(cleaned) {
            Some(Ok(text)) => Some(text),
            Some(Err(why)) => {
                self.unused.not_used(why);
                None
            }
            None => {
                self.unused.not_used("failed");
                None
            }
        }
    }

    pub(in super::super) fn note(&self) -> Option<String> {
        self.unused.note("instructions")
    }
}

/// What the questions about one kind of component call it.
struct Words {
    propose: &'static str,
    improve: &'static str,
    subject: (&'static str, &'static str),
    current: (&'static str, &'static str),
    tried: (&'static str, &'static str),
    task: &'static str,
    history: &'static str,
    output: (&'static str, &'static str),
    output_after: (&'static str, &'static str),
}

const OF_INSTRUCTIONS: Words = Words {
    propose: "ProposeInstruction",
    improve: "ImproveInstruction",
    subject: ("step", "the step an instruction is wanted for"),
    current: ("current", "the instruction the step has now"),
    tried: (
        "tried",
        "instructions that were tried, with their scores, from the worst to the best",
    ),
    task: "Write a better instruction for a step in which a language model is asked for some fields, given others. The model \
           sees the instruction, then the fields it is given.",
    history: "Instructions were tried for a step in which a language model is asked for some fields, given others.",
    output: ("instruction", "the instruction, nothing else"),
    output_after: ("instruction", "the new instruction, nothing else"),
};

const OF_TEXTS: Words = Words {
    propose: "ProposeText",
    improve: "ImproveText",
    subject: ("text", "the text that is wanted, and what it is for"),
    current: ("current", "the text as it is now"),
    tried: (
        "tried",
        "texts that were tried, with the program's scores, from the worst to the best",
    ),
    task: "A program that asks a language model uses a text of its own, such as the description of a tool. Write a better one \
           for what it is for.",
    history: "Texts were tried in one place of a program that asks a language model.",
    output: ("new_text", "the text, nothing else"),
    output_after: ("new_text", "the new text, nothing else"),
};

impl Words {
    fn of(component: &Component) -> &'static Self {
        match component {
            Component::Instructions(_) => &OF_INSTRUCTIONS,
            Component::Text(_) => &OF_TEXTS,
        }
    }
}

/// What a component is: a step with its fields, a text with its purpose.
fn subject(component: &Component) -> String {
    match component {
        Component::Instructions(part) => format!("`{}`\n{}", part.path, fields_text(&part.spec)),
        Component::Text(TextPart { path, purpose, .. }) => format!("`{path}`: {purpose}"),
    }
}
