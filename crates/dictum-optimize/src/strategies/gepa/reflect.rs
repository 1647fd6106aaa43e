//! What a proposer learns from: what went into a predictor, what came out, and what the metric said.

use std::sync::Arc;

use dictum_core::Record;
use dictum_core::evaluate::RowOutcome;
use dictum_core::lm::LmErrorKind;
use serde_json::Value;

use crate::plan::Component;
use crate::rng::Rng;
use crate::strategy::{Done, DoneStep};

/// So many calls of a rollout are shown for a text.
const STEPS: usize = 6;

/// How examples are shown.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Showing {
    /// Most characters of one value.
    pub(super) value_chars: usize,
    /// Whether an answer that could not be read is shown as what it is.
    pub(super) format_failures: bool,
    /// Whether the labels are shown where the metric says nothing in words.
    pub(super) labels: bool,
    /// The score of a perfect row.
    pub(super) perfect: f64,
}

/// Whether a rollout says anything about the program: not when the metric could not judge it, or the model could not be
/// reached.
pub(super) fn tells_of_program(done: &Done) -> bool {
    use LmErrorKind::{
        Auth, Billing, Budget, Cancelled, Internal, RateLimit, Replay, Server, Timeout, Transport,
        Unavailable,
    };
    let outages = [
        Auth,
        Billing,
        Budget,
        Cancelled,
        Internal,
        RateLimit,
        Replay,
        Server,
        Timeout,
        Transport,
        Unavailable,
    ];
    match &done.row.outcome {
        RowOutcome::Scored { .. } => true,
        RowOutcome::Failed { cause, .. } => outages.iter().all(|kind| kind.name() != cause),
        RowOutcome::Unjudged { .. } | RowOutcome::NotRun { .. } => false,
    }
}

/// Whether there is something to learn of each component: a predictor must have been called. Who reads a text is not known.
pub(super) fn called(components: &[Component], rollouts: &[Option<Arc<Done>>]) -> Vec<bool> {
    let has = |component: &Component| {
        let mut rollouts = rollouts.iter().flatten();
        match component {
            Component::Instructions(part) => rollouts
                .flat_map(|done| &done.steps)
                .any(|step| step.path == part.path),
            Component::Text(_) => rollouts.any(|done| tells_of_program(done)),
        }
    };
    components.iter().map(has).collect()
}

impl Showing {
    /// The examples in words, of one predictor its own calls; empty when no rollout called it. Who reads a text is not known:
    /// of each rollout all calls are shown, as far as there are few.
    pub(super) fn examples(
        &self,
        component: &Component,
        rollouts: &[Option<Arc<Done>>],
        seed: u64,
    ) -> String {
        let mut text = String::new();
        let mut number = 0;
        let path = component.path();
        for done in rollouts.iter().flatten().filter(|done| tells_of_program(done)) {
            let mut rng = Rng::of(&("gepa step", seed, path, done.row.example.id()));
            let shown: Vec<&DoneStep> = match component {
                Component::Instructions(_) => self.step(path, &done.steps, &mut rng).into_iter().collect(),
                Component::Text(_) => done.steps.iter().take(STEPS).collect(),
            };
            if shown.is_empty() && matches!(component, Component::Instructions(_)) {
                continue;
            }
            number += 1;
            if number > 1 {
                text.push('\n');
            }
            text.push_str(&format!("Example {number}\n"));
            for step in shown {
                if matches!(component, Component::Text(_)) {
                    text.push_str(&format!("Step `{}`\n", step.path));
                }
                self.call(&mut text, step);
            }
            if done.steps.len() > STEPS && matches!(component, Component::Text(_)) {
                text.push_str(&format!("({} more steps)\n", done.steps.len() - STEPS));
            }
            text.push_str(&format!("Feedback: {}\n", self.feedback(path, done)));
        }
        text
    }

    /// One call: what went in and what came out.
    fn call(&self, text: &mut String, step: &DoneStep) {
        text.push_str("Inputs:\n");
        self.fields(text, &step.inputs);
        match &step.failure {
            Some(failure) => {
                text.push_str("Outputs: none that could be read.\n");
                if self.format_failures {
                    text.push_str(&format!("What was wrong: {}\n", self.cut(failure)));
                }
            }
            None => {
                text.push_str("Outputs:\n");
                self.fields(text, &step.outputs);
            }
        }
    }

    /// The call that is shown: one that failed, for it is what ended the rollout; else any.
    fn step<'a>(&self, path: &str, steps: &'a [DoneStep], rng: &mut Rng) -> Option<&'a DoneStep> {
        let calls: Vec<&DoneStep> = steps.iter().filter(|step| step.path == path).collect();
        let failed = calls.iter().find(|step| step.failure.is_some());
        let any = calls.get(rng.below(calls.len()));
        match failed {
            Some(step) if self.format_failures => Some(step),
            _ => any.copied(),
        }
    }

    fn feedback(&self, path: &str, done: &Done) -> String {
        let score = match &done.row.outcome {
            RowOutcome::Scored { score, .. } => score,
            RowOutcome::Failed { message, .. } => {
                return format!("The program gave no result: {}", self.cut(message));
            }
            RowOutcome::Unjudged { .. } | RowOutcome::NotRun { .. } => return String::new(),
        };
        if let Some(words) = score.feedback_for.get(path).or(score.feedback.as_ref()) {
            return words.clone();
        }
        if score.value >= self.perfect {
            return format!("Good: the score is {}.", score.value);
        }
        let mut words = format!(
            "The score is {}, and {} would be perfect.",
            score.value, self.perfect
        );
        let labels = done.row.example.labels();
        if self.labels && !labels.is_empty() {
            words.push_str(" The program as a whole should have given:\n");
            self.fields(&mut words, labels);
            words.truncate(words.trim_end().len());
        }
        words
    }

    fn fields(&self, text: &mut String, record: &Record) {
        for (name, value) in record.iter() {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            text.push_str(&format!("  {name}: {}\n", self.cut(&value)));
        }
    }

    fn cut(&self, text: &str) -> String {
        match text.char_indices().nth(self.value_chars) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dictum_core::data::Example;
    use dictum_core::evaluate::{Row, Score};
    use dictum_core::program::PredictorState;
    use dictum_core::record;
    use dictum_core::signature::SignatureSpec;

    use super::*;
    use crate::plan::{Part, TextPart};

    const SHOWING: Showing = Showing {
        value_chars: 12,
        format_failures: true,
        labels: true,
        perfect: 1.0,
    };

    fn part(path: &str) -> Component {
        Component::Instructions(Part {
            path: path.into(),
            spec: SignatureSpec::parse("question -> answer").unwrap(),
            state: PredictorState::default(),
        })
    }

    fn step(path: &str, said: &str) -> DoneStep {
        DoneStep {
            path: path.into(),
            inputs: record! { question: "how many?" },
            outputs: record! { answer: said },
            failure: None,
        }
    }

    fn done(outcome: RowOutcome, steps: Vec<DoneStep>) -> Option<Arc<Done>> {
        let example = Example::new(record! { question: "how many?" }, record! { answer: "seven" });
        Some(Arc::new(Done {
            row: Row {
                example,
                outcome,
                took: Duration::ZERO,
                calls: 1,
                usage: Default::default(),
            },
            steps,
            compared: Default::default(),
            spent: 1,
            cost: None,
        }))
    }

    fn scored(score: Score, steps: Vec<DoneStep>) -> Option<Arc<Done>> {
        let prediction = record! { answer: "six" };
        done(RowOutcome::Scored { prediction, score }, steps)
    }

    #[test]
    fn each_predictor_is_told_of_its_own_calls() {
        let score = Score::with_feedback(0.5, "Close.").with_feedback_for("second", "Count again.");
        let steps = vec![step("first", "many"), step("second", "six, as far as I can tell")];
        let rollouts = [scored(score, steps), None];
        assert_eq!(called(&[part("first"), part("third")], &rollouts), [true, false]);
        let text = |path: &str| SHOWING.examples(&part(path), &rollouts, 0);
        assert_eq!(
            text("first"),
            "Example 1\nInputs:\n  question: how many?\nOutputs:\n  answer: many\nFeedback: Close.\n"
        );
        assert!(
            text("second").contains("  answer: six, as far ...\nFeedback: Count again."),
            "{}",
            text("second")
        );
        assert_eq!(text("third"), "");
    }

    #[test]
    fn of_a_text_all_steps_are_shown_with_its_own_feedback() {
        let score = Score::with_feedback(0.5, "Close.").with_feedback_for("tool", "Say what it is for.");
        let steps = vec![step("first", "many"), step("second", "six")];
        let text = Component::Text(TextPart {
            path: "tool".into(),
            purpose: "tells when to count".into(),
            text: "Counts.".into(),
        });
        let rollouts = [scored(score, steps), None];
        assert_eq!(called(std::slice::from_ref(&text), &rollouts), [true]);
        assert_eq!(
            SHOWING.examples(&text, &rollouts, 0),
            "Example 1\nStep `first`\nInputs:\n  question: how many?\nOutputs:\n  answer: many\nStep \
             `second`\nInputs:\n  question: how many?\nOutputs:\n  answer: six\nFeedback: Say what it is for.\n"
        );
    }

    #[test]
    fn without_words_of_the_metric_the_labels_are_shown_for_what_was_not_perfect() {
        let text = |score: f64, showing: &Showing| {
            showing.examples(&part("a"), &[scored(score.into(), vec![step("a", "six")])], 0)
        };
        let told = text(0.0, &SHOWING);
        assert!(told.ends_with("should have given:\n  answer: seven\n"), "{told}");
        assert!(text(1.0, &SHOWING).ends_with("Feedback: Good: the score is 1.\n"));
        let quiet = Showing {
            labels: false,
            ..SHOWING
        };
        assert!(!text(0.0, &quiet).contains("seven"));
    }

    #[test]
    fn an_answer_that_could_not_be_read_is_what_is_shown() {
        let broken = DoneStep {
            outputs: Record::new(),
            failure: Some("no field".into()),
            ..step("a", "")
        };
        let outcome = RowOutcome::Failed {
            cause: "parse".into(),
            message: "nothing".into(),
        };
        let rollouts = [done(outcome, vec![step("a", "one"), broken, step("a", "two")])];
        for seed in 0..8 {
            let text = SHOWING.examples(&part("a"), &rollouts, seed);
            assert!(
                text.contains("What was wrong: no field\nFeedback: The program gave no result: nothing"),
                "{text}"
            );
        }
        let outage = RowOutcome::Failed {
            cause: "transport".into(),
            message: "connection reset".into(),
        };
        let lost = [done(outage, vec![step("a", "one")])];
        assert_eq!(SHOWING.examples(&part("a"), &lost, 0), "");
        assert!(
            tells_of_program(rollouts[0].as_ref().unwrap()) && !tells_of_program(lost[0].as_ref().unwrap())
        );
        let unjudged = RowOutcome::Unjudged {
            prediction: Record::new(),
            message: "no label".into(),
        };
        assert_eq!(
            SHOWING.examples(&part("a"), &[done(unjudged, vec![step("a", "one")])], 0),
            ""
        );
    }
}
