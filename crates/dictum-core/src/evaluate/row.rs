//! One line of an evaluation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Outcome, Rollout, Score};
use crate::data::Example;
use crate::error::Error;
use crate::lm::{LmError, LmErrorKind, Usage};
use crate::record::Record;

/// One example with what the program made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The example.
    #[serde(flatten)]
    pub example: Example,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: RowOutcome,
    /// How long the program took, without the metric. In JSON: seconds.
    #[serde(with = "seconds")]
    pub took: Duration,
    /// Calls of the model made, answers from caches included.
    pub calls: u64,
    /// Tokens and money of those that reached a model.
    pub usage: Usage,
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum RowOutcome {
    /// The program gave an output and the metric judged it.
    Scored {
        /// The output.
        prediction: Record,
        /// Its score.
        #[serde(flatten)]
        score: Score,
    },
    /// The program failed.
    Failed {
        /// What kind of failure: see [`Error::cause`].
        cause: String,
        /// The error in words.
        message: String,
    },
    /// The program gave an output and the metric could not judge it.
    Unjudged {
        /// The output.
        prediction: Record,
        /// Why not.
        message: String,
    },
    /// The budget was spent before the row was done.
    NotRun {
        /// The failed call that could not be tried again, if that is where the budget ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<CallFailure>,
    },
}

/// A call of the model that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFailure {
    /// What kind of failure: see [`Error::cause`].
    pub cause: String,
    /// The error in words.
    pub message: String,
}

impl Row {
    /// A row of a finished rollout. One that failed because the budget was spent did not run: the program is not at fault.
    #[must_use]
    pub fn of(example: &Example, rollout: Rollout) -> Self {
        let outcome = match rollout.outcome {
            Outcome::Scored { prediction, score } => RowOutcome::Scored { prediction, score },
            Outcome::Failed(error) => match spent_budget(&error) {
                Some(spent) => RowOutcome::NotRun {
                    after: spent.earlier().map(|failure| CallFailure {
                        cause: failure.kind().name().to_owned(),
                        message: failure.to_string(),
                    }),
                },
                None => RowOutcome::Failed {
                    cause: error.cause().to_owned(),
                    message: error.to_string(),
                },
            },
            Outcome::Unjudged { prediction, error } => RowOutcome::Unjudged {
                prediction,
                message: error.to_string(),
            },
        };
        Self {
            example: example.clone(),
            outcome,
            took: rollout.took,
            calls: rollout.calls,
            usage: rollout.usage,
        }
    }

    /// A row that was never begun.
    #[must_use]
    pub fn not_run(example: &Example) -> Self {
        Self {
            example: example.clone(),
            outcome: RowOutcome::NotRun { after: None },
            took: Duration::ZERO,
            calls: 0,
            usage: Usage::default(),
        }
    }

    /// What the row counts: its score, `failure_score` if the program failed, `None` if it was not judged or not run.
    #[must_use]
    pub fn score(&self, failure_score: f64) -> Option<f64> {
        match &self.outcome {
            RowOutcome::Scored { score, .. } => Some(score.value),
            RowOutcome::Failed { .. } => Some(failure_score),
            RowOutcome::Unjudged { .. } | RowOutcome::NotRun { .. } => None,
        }
    }

    /// The output, if there was one.
    #[must_use]
    pub fn prediction(&self) -> Option<&Record> {
        match &self.outcome {
            RowOutcome::Scored { prediction, .. } | RowOutcome::Unjudged { prediction, .. } => {
                Some(prediction)
            }
            RowOutcome::Failed { .. } | RowOutcome::NotRun { .. } => None,
        }
    }

    /// Kind and words of what went wrong; of a row that was not run, the failed call that the budget ended on.
    #[must_use]
    pub fn error(&self) -> Option<(&str, &str)> {
        match &self.outcome {
            RowOutcome::Failed { cause, message } => Some((cause, message)),
            RowOutcome::Unjudged { message, .. } => Some(("metric", message)),
            RowOutcome::NotRun { after } => after
                .as_ref()
                .map(|failure| (failure.cause.as_str(), failure.message.as_str())),
            RowOutcome::Scored { .. } => None,
        }
    }
}

/// The spent budget at the bottom of an error, also of one that the program wrapped in its own.
fn spent_budget(error: &Error) -> Option<&LmError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let found = match error.downcast_ref::<Error>() {
            Some(Error::Lm(error)) => Some(error),
            _ => error.downcast_ref::<LmError>(),
        };
        if let Some(error) = found.filter(|error| error.kind() == LmErrorKind::Budget) {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(took.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
