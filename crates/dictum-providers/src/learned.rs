//! What a model was learned to refuse.

use std::sync::atomic::{AtomicU8, Ordering};

use dictum_core::lm::{LmError, LmErrorKind, Settings};

/// A parameter that a model may refuse and that a call can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Temperature,
    TopP,
    Seed,
    ReasoningEffort,
}

impl Parameter {
    /// In the order in which they are given up: of two that exclude each other the first goes.
    const ALL: [Self; 4] = [Self::TopP, Self::Temperature, Self::Seed, Self::ReasoningEffort];

    /// Its name in Dictum's settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::Seed => "seed",
            Self::ReasoningEffort => "reasoning_effort",
        }
    }

    /// How the dialects name it in their complaints, in lower case.
    fn wire_names(self) -> &'static [&'static str] {
        match self {
            Self::Temperature => &["temperature"],
            Self::TopP => &["top_p", "topp"],
            Self::Seed => &["seed"],
            Self::ReasoningEffort => &[
                "reasoning_effort",
                // Alone, and behind what it is a part of: `reasoning.effort`, `output_config.effort`.
                "effort",
                "thinkinglevel",
                "thinking_level",
            ],
        }
    }

    fn is_set(self, settings: &Settings) -> bool {
        match self {
            Self::Temperature => settings.temperature.is_some(),
            Self::TopP => settings.top_p.is_some(),
            Self::Seed => settings.seed.is_some(),
            Self::ReasoningEffort => settings.reasoning_effort.is_some(),
        }
    }

    fn unset(self, settings: &mut Settings) {
        match self {
            Self::Temperature => settings.temperature = None,
            Self::TopP => settings.top_p = None,
            Self::Seed => settings.seed = None,
            Self::ReasoningEffort => settings.reasoning_effort = None,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The parameters one model was learned to refuse.
#[derive(Debug, Default)]
pub(crate) struct Learned(AtomicU8);

impl Learned {
    /// Takes out what the model refuses.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        let refused = self.0.load(Ordering::Relaxed);
        if refused == 0 {
            return;
        }
        for parameter in Parameter::ALL {
            if refused & parameter.bit() != 0 {
                parameter.unset(settings);
            }
        }
    }

    /// Remembers a parameter. False when it was known.
    pub(crate) fn add(&self, parameter: Parameter) -> bool {
        self.0.fetch_or(parameter.bit(), Ordering::Relaxed) & parameter.bit() == 0
    }
}

/// The parameter that the model refuses as such, among those that were sent. A complaint about its value is not one: that is
/// the caller's to know, except where the message says that no other value than the model's own is taken.
pub(crate) fn refused(error: &LmError, sent: &Settings) -> Option<Parameter> {
    const REFUSALS: &[&str] = &[
        "unsupported parameter",
        "not support",
        "unsupported value",
        "may only be set to 1",
        "cannot both be",
        "deprecated",
        "not permitted",
        "not allowed",
        "not available",
        "not enabled",
        "unknown parameter",
        "unknown name",
        "unrecognized",
        "unexpected",
        "incompatible",
    ];
    let complains = matches!(
        error.kind(),
        LmErrorKind::InvalidRequest | LmErrorKind::Unsupported
    ) && matches!(error.status(), Some(400 | 422));
    if !complains {
        return None;
    }
    let message = error.message().to_lowercase();
    if !REFUSALS.iter().any(|phrase| message.contains(phrase)) {
        return None;
    }
    Parameter::ALL.into_iter().find(|parameter| {
        // What effort a model knows is the caller's matter; that it knows none is not.
        let is_value = *parameter == Parameter::ReasoningEffort && message.contains("value");
        parameter.is_set(sent) && !is_value && parameter.wire_names().iter().any(|name| names(&message, name))
    })
}

/// Whether the message has the name as a word of its own.
fn names(message: &str, name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    message.match_indices(name).any(|(at, _)| {
        let before = message.get(..at).and_then(|text| text.chars().next_back());
        let after = message
            .get(at + name.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_from_wrong_values() {
        let sent = Settings {
            temperature: Some(0.5),
            top_p: Some(0.9),
            reasoning_effort: Some("low".to_owned()),
            ..Settings::default()
        };
        let read = |message: &str| {
            refused(
                &LmError::new(LmErrorKind::InvalidRequest, message).with_status(400),
                &sent,
            )
        };
        let table = [
            (
                "Unsupported parameter: 'temperature' is not supported with this model.",
                Some(Parameter::Temperature),
            ),
            (
                "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.",
                Some(Parameter::Temperature),
            ),
            (
                "`temperature` may only be set to 1 when thinking is enabled.",
                Some(Parameter::Temperature),
            ),
            (
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
                Some(Parameter::TopP),
            ),
            (
                "Invalid JSON payload received. Unknown name \"topP\" at 'generation_config'",
                Some(Parameter::TopP),
            ),
            (
                "Unknown parameter: 'reasoning_effort'.",
                Some(Parameter::ReasoningEffort),
            ),
            (
                "Unsupported value: 'reasoning_effort' does not support 'none' with this model.",
                None,
            ),
            ("temperature: range: 0..1", None),
            ("Invalid 'temperature': decimal above maximum value.", None),
            // Not sent, so not to be left out.
            (
                "Unsupported parameter: 'seed' is not supported with this model.",
                None,
            ),
            (
                "Unsupported parameter: 'temperature_schedule' is not supported.",
                None,
            ),
        ];
        for (message, expected) in table {
            assert_eq!(read(message), expected, "{message}");
        }
        let other = LmError::new(LmErrorKind::Server, table[0].0).with_status(500);
        assert_eq!(refused(&other, &sent), None);
    }

    #[test]
    fn what_was_learned_is_left_out_and_nothing_else() {
        let learned = Learned::default();
        assert!(learned.add(Parameter::Temperature));
        assert!(!learned.add(Parameter::Temperature));
        let mut settings = Settings {
            temperature: Some(0.5),
            top_p: Some(0.9),
            seed: Some(1),
            ..Settings::default()
        };
        learned.apply(&mut settings);
        assert_eq!(
            (settings.temperature, settings.top_p, settings.seed),
            (None, Some(0.9), Some(1))
        );
    }
}
