//! The question for a rule: what would have made the worse attempt like the better one?

use std::sync::Arc;

use dictum_core::Record;
use dictum_core::error::Result;
use dictum_core::signature::SignatureSpec;
use dictum_core::types::Type;
use serde_json::Value;

use super::super::propose::fields_text;
use super::bucket::Attempt;
use crate::candidate::Candidate;
use crate::plan::Plan;
use crate::strategy::{Done, DoneStep, Job};

/// The most characters of one value in a question: enough to see what it is, few enough for a small model.
const SHOWN: usize = 1_500;

/// Asks for rules.
#[derive(Debug)]
pub(super) struct Advisor {
    asked: Arc<Candidate>,
    outline: String,
}

impl Advisor {
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let mut words = String::from(
            "A step of a program is carried out by a language model. You are shown how the program did on one task: an \
             attempt that scored better and one that scored worse, as far as both are known. Write a rule for the step \
             named below, in one to three sentences, that tells it what to do on tasks like this one so that it does as \
             well as the better attempt and avoids the mistake of the worse one. Say when the rule applies and what to do \
             then. Speak to the step itself. Be concrete, use what the feedback says, and don't mention attempts, scores or \
             this very task.",
        );
        if plan.predictors.len() > 1 {
            words.push_str(" If this step has nothing to do with the difference, write only: none");
        }
        let spec = SignatureSpec::builder()
            .name("WriteRule")
            .instructions(words)
            .input("program", Type::str())
            .input("step", Type::str())
            .input("instructions", Type::str())
            .input("expected", Type::str())
            .input("worse_attempt", Type::str())
            .input("better_attempt", Type::str())
            .output("rule", Type::str())
            .build()?;
        let outline = plan
            .predictors
            .iter()
            .map(|part| format!("Step `{}`\n{}", part.path, fields_text(&part.spec)));
        Ok(Self {
            asked: Arc::new(Candidate::proposer("rule", spec)),
            outline: outline.collect::<Vec<_>>().join("\n"),
        })
    }

    /// The questions for a program that learns from these attempts, by the path of the step. A step that did the same in
    /// both attempts can't be what made the difference.
    pub(super) fn questions(
        &self,
        plan: &Plan,
        source: &Candidate,
        better: Option<&Attempt>,
        worse: Option<&Attempt>,
        sample: u64,
    ) -> Vec<(String, Job)> {
        let mut questions = Vec::new();
        for part in &plan.predictors {
            let steps = |attempt: Option<&Attempt>| -> Vec<DoneStep> {
                let steps = attempt
                    .iter()
                    .flat_map(|attempt| &attempt.done.steps)
                    .filter(|step| step.path == part.path);
                steps.cloned().collect()
            };
            if steps(better) == steps(worse) {
                continue;
            }
            let shown = better.or(worse).map(|attempt| &attempt.done.row.example);
            let inputs = Record::new()
                .with("program", self.outline.clone())
                .with("step", part.path.clone())
                .with("instructions", part.instructions(source))
                .with(
                    "expected",
                    shown.map_or(String::new(), |example| lines(example.labels())),
                )
                .with("worse_attempt", told(worse))
                .with("better_attempt", told(better));
            questions.push((
                part.path.clone(),
                Job::question(&self.asked, inputs).sample(sample),
            ));
        }
        questions
    }
}

/// The rule in an answer; `None` when there is none.
pub(super) fn rule(done: Option<&Arc<Done>>) -> Option<String> {
    let text = done?.prediction()?.text("rule")?.trim();
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    (!bare.is_empty() && !bare.eq_ignore_ascii_case("none")).then(|| text.to_owned())
}

/// An attempt in words.
fn told(attempt: Option<&Attempt>) -> String {
    let Some(Attempt { score, done }) = attempt else {
        return "not known".to_owned();
    };
    let mut text = String::new();
    for step in &done.steps {
        text.push_str(&format!(
            "Step `{}` was given:\n{}\n",
            step.path,
            lines(&step.inputs)
        ));
        match &step.failure {
            None => text.push_str(&format!("It gave:\n{}\n", lines(&step.outputs))),
            Some(failure) => text.push_str(&format!("It failed: {}\n", cut(failure))),
        }
    }
    text.push_str(&format!("Score: {score}"));
    let feedback = match &done.row.outcome {
        dictum_core::evaluate::RowOutcome::Scored { score, .. } => score.feedback.as_deref(),
        _ => done.row.error().map(|(_, message)| message),
    };
    if let Some(feedback) = feedback {
        text.push_str(&format!("\nFeedback: {}", cut(feedback)));
    }
    text
}

/// Values in words, one to a line.
fn lines(record: &Record) -> String {
    let line = |(name, value): (&str, &Value)| match value {
        Value::String(text) => format!("{name}: {}", cut(text)),
        other => format!("{name}: {}", cut(&other.to_string())),
    };
    record.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} [...]", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
