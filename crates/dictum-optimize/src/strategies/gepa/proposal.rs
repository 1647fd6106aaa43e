//! The question for better instructions, and what is kept of the answer.

use std::sync::Arc;

use dictum_core::Record;
use dictum_core::error::{Error, Result};
use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::Type;
use serde::Serialize;

use crate::candidate::Candidate;
use crate::plan::{Component, TextPart};
use crate::strategies::propose::{cleaned, fields_text};

/// How better instructions are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking {
    /// The user's own question, in place of ours.
    pub(super) question: Option<SignatureSpec>,
    /// The user's own wording of ours.
    pub(super) wording: Option<String>,
    pub(super) guidance: Option<String>,
    /// Notes to look things up in, with their titles.
    pub(super) notes: Vec<(String, String)>,
    /// Most characters of the instructions.
    pub(super) max_chars: Option<usize>,
}

const WORDING: &str = "You improve the instructions of one step of a program. A language model follows them. You see the \
instructions it has now, and for some examples what went in, what came out, and feedback on it. Find out what the \
instructions lack, and write better ones.\n\
Keep what works. Say what to do, then the rules and facts that the feedback shows to be missing, in plain words, one a line. Where the \
step must choose among answers, say for each how to tell that it is the right one. The instructions must help with inputs that nobody \
has seen yet: never copy the inputs of the examples into them. Write the new instructions only, in full, with nothing before or after \
them.";

const WORDING_OF_TEXTS: &str = "You improve a text that a program uses beside the instructions of its steps, such as the \
description of a tool. You see what the text is for, what it says now, and for some examples what the steps of the program made of \
them, with feedback. Find out what the text lacks, and write a better one for the same purpose.\n\
Keep what works and what the place of the text calls for: its form, and about its length unless more must be said. Put in the \
facts and rules that the feedback shows to be missing. The text must help with inputs that nobody has seen yet: never copy the \
inputs or the answers of the examples into it. Write the new text only, in full, with nothing before or after it.";

const SHORTER_TEXT: &str = "Make the text shorter than the limit. Keep every rule and fact that matters. Write the shorter text \
only, with nothing before or after it.";

const SHORTER: &str = "Make the instructions shorter than the limit. Keep every rule and fact that matters. Write the \
shorter instructions only, with nothing before or after them.";

/// The inputs a question may have, with what they are. What small models should go by stands late, what was tried early.
const INPUTS: [(&str, &str); 7] = [
    ("step", "What the step takes and what it must give."),
    ("notes", "Notes on the subject."),
    (
        "tried",
        "Instructions that were tried before and did no better. Don't propose them again.",
    ),
    ("current_instructions", "The instructions the step has now."),
    ("examples", "What it made of some examples, with feedback."),
    ("guidance", "What the new instructions must heed."),
    ("limit", "How long the new instructions may be."),
];

/// The same for a text, under the names the question has for them, and for a question of one's own.
const OF_TEXTS: [(&str, &str, &str); 7] = [
    ("step", "purpose", "What the text is for."),
    ("notes", "notes", "Notes on the subject."),
    (
        "tried",
        "tried",
        "Texts that were tried before and did no better. Don't propose them again.",
    ),
    ("current_instructions", "current_text", "The text as it is now."),
    (
        "examples",
        "examples",
        "What the program made of some examples, with feedback.",
    ),
    ("guidance", "guidance", "What the new text must heed."),
    ("limit", "limit", "How long the new text may be."),
];

/// What a question is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lesson<'a> {
    pub(super) component: &'a Component,
    pub(super) current: &'a str,
    pub(super) examples: &'a str,
    /// Proposals that were no better, with what came of them.
    pub(super) tried: &'a [String],
}

impl Asking {
    /// Fails when the user's own question can't be asked.
    pub(super) fn check(&self) -> Result<()> {
        let Some(question) = &self.question else {
            return Ok(());
        };
        for field in question.inputs() {
            if !INPUTS.iter().any(|(name, _)| *name == field.name) && field.when_absent().is_none() {
                let known: Vec<&str> = INPUTS.iter().map(|(name, _)| *name).collect();
                return Err(Error::input(
                    "proposal_question",
                    format!(
                        "has the input `{}`, which can't be filled in; the inputs it may have are `{}`",
                        field.name,
                        known.join("`, `")
                    ),
                ));
            }
        }
        if !question.inputs().iter().any(|field| field.name == "examples") {
            return Err(Error::input("proposal_question", "needs the input `examples`"));
        }
        Ok(())
    }

    /// What identifies it, for the run's settings.
    pub(super) fn settings(&self) -> impl Serialize {
        serde_json::json!({
            "question": self.question.as_ref().map(|spec| format!("{}\n{spec}", spec.instructions())),
            "wording": self.wording,
            "guidance": self.guidance,
            "notes": self.notes,
            "max_chars": self.max_chars,
        })
    }

    /// The question about one component, with its inputs.
    pub(super) fn ask(&self, lesson: Lesson<'_>) -> Result<(Arc<Candidate>, Record)> {
        let (step, inputs_of) = match lesson.component {
            Component::Instructions(part) => {
                let inputs = INPUTS.map(|(name, what)| (name, name, what));
                (fields_text(&part.spec), inputs)
            }
            Component::Text(TextPart { path, purpose, .. }) => (format!("`{path}`: {purpose}"), OF_TEXTS),
        };
        let notes: Vec<String> = self
            .notes
            .iter()
            .map(|(title, text)| format!("{title}\n{}", text.trim()))
            .collect();
        let limit = self.max_chars.map(|most| format!("At most {most} characters."));
        let filled = inputs_of.into_iter().map(|(name, shown, what)| {
            let value = match name {
                "current_instructions" => Some(lesson.current.to_owned()),
                "step" => Some(step.clone()),
                "examples" => Some(lesson.examples.trim_end().to_owned()),
                "tried" => Some(lesson.tried.join("\n\n")).filter(|text| !text.is_empty()),
                "guidance" => self.guidance.clone(),
                "notes" => Some(notes.join("\n\n")).filter(|text| !text.is_empty()),
                _ => limit.clone(),
            };
            (name, shown, what, value)
        });
        let mut inputs = Record::new();
        let question = match &self.question {
            Some(own) => {
                for (name, _, _, value) in filled {
                    if own.inputs().iter().any(|field| field.name == name) {
                        inputs.insert(name, value.unwrap_or_default());
                    }
                }
                own.clone()
            }
            // What there is nothing to say of is left out: small models stumble over empty fields.
            None => {
                let (wording, output, better) = match lesson.component {
                    Component::Instructions(_) => (WORDING, "new_instructions", "The better instructions."),
                    Component::Text(_) => (WORDING_OF_TEXTS, "new_text", "The better text."),
                };
                let mut builder =
                    SignatureSpec::builder().instructions(self.wording.as_deref().unwrap_or(wording));
                for (_, name, what, value) in filled {
                    if let Some(value) = value {
                        builder = builder.field(FieldSpec::input(name, Type::str()).with_description(what));
                        inputs.insert(name, value);
                    }
                }
                let output = FieldSpec::output(output, Type::str());
                builder.field(output.with_description(better)).build()?
            }
        };
        Ok((Arc::new(Candidate::proposer("reflection", question)), inputs))
    }

    /// The question that makes the words of a component shorter, when they are too long.
    pub(super) fn shorten(
        &self,
        component: &Component,
        text: &str,
    ) -> Result<Option<(Arc<Candidate>, Record)>> {
        let Some(most) = self.max_chars.filter(|most| text.chars().count() > *most) else {
            return Ok(None);
        };
        let (wording, input, output) = match component {
            Component::Instructions(_) => (SHORTER, "instructions", "shorter_instructions"),
            Component::Text(_) => (SHORTER_TEXT, "text", "shorter_text"),
        };
        let question = SignatureSpec::builder()
            .instructions(wording)
            .input(input, Type::str())
            .input("limit", Type::str())
            .output(output, Type::str())
            .build()?;
        let inputs = Record::new()
            .with(input, text)
            .with("limit", format!("At most {most} characters."));
        Ok(Some((
            Arc::new(Candidate::proposer("shortening", question)),
            inputs,
        )))
    }

    /// The instructions in an answer: its last text output, cleaned; `None` when there is none that can be used.
    pub(super) fn read(answer: Option<&Record>) -> Option<String> {
        // A question of one's own may have the model think first: the instructions come last.
        let (_, value) = answer?.iter().filter(|(_, value)| value.is_string()).last()?;
        cleaned(value.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use dictum_core::program::PredictorState;
    use dictum_core::record;

    use super::*;
    use crate::plan::Part;

    fn part() -> Component {
        Component::Instructions(Part {
            path: "a".into(),
            spec: SignatureSpec::parse("question, topic -> answer").unwrap(),
            state: PredictorState::default(),
        })
    }

    fn lesson<'a>(component: &'a Component, tried: &'a [String]) -> Lesson<'a> {
        Lesson {
            component,
            current: "Answer.",
            examples: "Example 1",
            tried,
        }
    }

    #[test]
    fn the_last_text_of_an_answer_is_the_proposal() {
        assert_eq!(Asking::read(Some(&record! { new_instructions: " \n" })), None);
        let thought = record! { reasoning: "Hm.", new_instructions: "Count." };
        assert_eq!(Asking::read(Some(&thought)).as_deref(), Some("Count."));
        assert_eq!(Asking::read(None), None);
    }

    #[test]
    fn only_what_there_is_to_say_is_in_the_question() {
        let part = part();
        let (_, inputs) = Asking::default().ask(lesson(&part, &[])).unwrap();
        assert_eq!(
            inputs.names().collect::<Vec<_>>(),
            ["step", "current_instructions", "examples"]
        );
        assert_eq!(
            inputs.text("step"),
            Some("- takes `question` (str)\n- takes `topic` (str)\n- gives `answer` (str)")
        );
        let full = Asking {
            guidance: Some("Be brief.".into()),
            notes: vec![("Units".into(), "Metric.".into())],
            max_chars: Some(80),
            ..Asking::default()
        };
        let tried = ["Count twice.".to_owned()];
        let (asked, inputs) = full.ask(lesson(&part, &tried)).unwrap();
        assert_eq!(inputs.len(), 7);
        assert_eq!(inputs.text("tried"), Some("Count twice."));
        assert_eq!(inputs.text("notes"), Some("Units\nMetric."));
        let other = Asking::default().ask(lesson(&part, &tried)).unwrap().0;
        assert_ne!(asked.id(), other.id());
    }

    #[test]
    fn a_text_is_asked_for_by_its_purpose() {
        let text = Component::Text(TextPart {
            path: "tool".into(),
            purpose: "tells when to count".into(),
            text: "Counts.".into(),
        });
        let (_, inputs) = Asking::default().ask(lesson(&text, &[])).unwrap();
        assert_eq!(inputs.text("purpose"), Some("`tool`: tells when to count"));
        assert_eq!(
            inputs.names().collect::<Vec<_>>(),
            ["purpose", "current_text", "examples"]
        );
        let own = Asking {
            question: Some(SignatureSpec::parse("step, current_instructions, examples -> new").unwrap()),
            ..Asking::default()
        };
        let (_, inputs) = own.ask(lesson(&text, &[])).unwrap();
        assert_eq!(inputs.text("step"), Some("`tool`: tells when to count"));
    }

    #[test]
    fn a_question_of_ones_own_is_asked_with_the_inputs_it_wants() {
        let own = |signature: &str| Asking {
            question: Some(SignatureSpec::parse(signature).unwrap()),
            ..Asking::default()
        };
        let part = part();
        let asking = own("examples, guidance -> thoughts, improved");
        asking.check().unwrap();
        let (_, inputs) = asking.ask(lesson(&part, &[])).unwrap();
        assert_eq!(inputs, record! { examples: "Example 1", guidance: "" });
        let error = own("examples, weather -> improved")
            .check()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`weather`") && error.contains("`current_instructions`"),
            "{error}"
        );
        assert!(own("tried -> improved").check().is_err());
    }

    #[test]
    fn instructions_beyond_the_limit_are_asked_for_again() {
        let asking = Asking {
            max_chars: Some(5),
            ..Asking::default()
        };
        assert!(
            asking.shorten(&part(), "abcde").unwrap().is_none()
                && asking.shorten(&part(), "äöüßé").unwrap().is_none()
        );
        let (_, inputs) = asking.shorten(&part(), "abcdef").unwrap().unwrap();
        assert_eq!(inputs.text("limit"), Some("At most 5 characters."));
    }
}
