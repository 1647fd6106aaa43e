//! [`Space`]: which settings of which predictors may be tried.

use std::fmt;

use dictum_core::error::{Error, Result};
use serde::Serialize;

use crate::candidate::Candidate;
use crate::plan::Part;

/// Settings that may be tried, of one predictor or of each. What a predictor has already is always among them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Space {
    /// `None`: each predictor, each on its own.
    path: Option<String>,
    lms: Vec<String>,
    adapters: Vec<String>,
    temperatures: Vec<f64>,
    demos: Vec<usize>,
    reasoning: bool,
}

impl Space {
    /// The space of every predictor of the program, each on its own. Nothing is in it yet.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The space of the predictor at this path. Nothing is in it yet.
    #[must_use]
    pub fn of(path: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::default()
        }
    }

    /// Models, by their names in the context's roster
    /// ([`Context::with_lms`](dictum_core::program::Context::with_lms)).
    #[must_use]
    pub fn lms<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.lms.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adapters, by name: `chat`, `json`, `xml`, and those the context was given.
    #[must_use]
    pub fn adapters<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.adapters.extend(names.into_iter().map(Into::into));
        self
    }

    /// Temperatures.
    #[must_use]
    pub fn temperatures(mut self, temperatures: impl IntoIterator<Item = f64>) -> Self {
        self.temperatures.extend(temperatures);
        self
    }

    /// Numbers of demonstrations: the first so many of those the predictor has. Numbers above what it has are left out.
    #[must_use]
    pub fn demos(mut self, numbers: impl IntoIterator<Item = usize>) -> Self {
        self.demos.extend(numbers);
        self
    }

    /// With and without reasoning before the answer; see
    /// [`PredictorState::reasoning`](dictum_core::program::PredictorState::reasoning).
    #[must_use]
    pub fn reasoning(mut self) -> Self {
        self.reasoning = true;
        self
    }
}

/// One setting of one predictor in place of what it has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    Lm(String),
    Adapter(String),
    Temperature(f64),
    Demos(usize),
    Reasoning(bool),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lm(name) | Self::Adapter(name) => f.write_str(name),
            Self::Temperature(temperature) => write!(f, "temperature {temperature}"),
            Self::Demos(1) => f.write_str("1 demo"),
            Self::Demos(demos) => write!(f, "{demos} demos"),
            Self::Reasoning(true) => f.write_str("reasoning"),
            Self::Reasoning(false) => f.write_str("no reasoning"),
        }
    }
}

/// What can be set in place of what one predictor has of one kind.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// The predictor's place in the program.
    pub(super) part: usize,
    pub(super) settings: Vec<Setting>,
}

impl Axis {
    /// How many choices there are, that of leaving it as it is among them.
    pub(super) fn choices(&self) -> usize {
        self.settings.len() + 1
    }

    /// The setting of a choice; `None` for leaving it as it is.
    pub(super) fn setting(&self, choice: usize) -> Option<&Setting> {
        self.settings.get(choice.checked_sub(1)?)
    }
}

/// The axes of these spaces, models first: predictors in the order of the program.
pub(super) fn axes(spaces: &[Space], parts: &[Part]) -> Result<Vec<Axis>> {
    for path in spaces.iter().filter_map(|space| space.path.as_ref()) {
        if !parts.iter().any(|part| part.path == *path) {
            let known: Vec<&str> = parts.iter().map(|part| part.path.as_str()).collect();
            return Err(Error::input(
                path,
                format!("is no predictor of the program; it has `{}`", known.join("`, `")),
            ));
        }
    }
    let kinds: [fn(&Space, &Part) -> Vec<Setting>; 5] = [lms, demos, reasoning, adapters, temperatures];
    let mut all = Vec::new();
    for kind in kinds {
        for (place, part) in parts.iter().enumerate() {
            let mine = spaces
                .iter()
                .filter(|space| space.path.as_ref().is_none_or(|path| *path == part.path));
            let mut settings: Vec<Setting> = Vec::new();
            for setting in mine.flat_map(|space| kind(space, part)) {
                if !settings.contains(&setting) {
                    settings.push(setting);
                }
            }
            if !settings.is_empty() {
                all.push(Axis {
                    part: place,
                    settings,
                });
            }
        }
    }
    Ok(all)
}

fn lms(space: &Space, part: &Part) -> Vec<Setting> {
    let others = space
        .lms
        .iter()
        .filter(|name| part.state.lm.as_ref() != Some(name));
    others.cloned().map(Setting::Lm).collect()
}

fn adapters(space: &Space, part: &Part) -> Vec<Setting> {
    let others = space
        .adapters
        .iter()
        .filter(|name| part.state.adapter.as_ref() != Some(name));
    others.cloned().map(Setting::Adapter).collect()
}

fn temperatures(space: &Space, part: &Part) -> Vec<Setting> {
    let others = space
        .temperatures
        .iter()
        .filter(|t| part.state.settings.temperature != Some(**t));
    others.copied().map(Setting::Temperature).collect()
}

fn demos(space: &Space, part: &Part) -> Vec<Setting> {
    let fewer = space
        .demos
        .iter()
        .filter(|number| **number < part.state.demos.len());
    fewer.copied().map(Setting::Demos).collect()
}

fn reasoning(space: &Space, part: &Part) -> Vec<Setting> {
    let mut settings = Vec::new();
    for on in [true, false] {
        let mut state = part.state.clone();
        let now = state.asked(&part.spec);
        state.reasoning = Some(on);
        // Where it makes no difference there is nothing to try.
        if space.reasoning && state.asked(&part.spec) != now {
            settings.push(Setting::Reasoning(on));
        }
    }
    settings
}

/// The candidate with these choices, one per axis.
pub(super) fn candidate(base: &Candidate, parts: &[Part], axes: &[Axis], choices: &[usize]) -> Candidate {
    let mut words: Vec<String> = Vec::new();
    let mut candidate = base.clone();
    for (place, part) in parts.iter().enumerate() {
        let settings: Vec<&Setting> = axes
            .iter()
            .zip(choices)
            .filter(|(axis, _)| axis.part == place)
            .filter_map(|(axis, choice)| axis.setting(*choice))
            .collect();
        if settings.is_empty() {
            continue;
        }
        let mut state = part.state.clone();
        let mut sources = base.sources_of(&part.path);
        for setting in &settings {
            match setting {
                Setting::Lm(name) => state.lm = Some(name.clone()),
                Setting::Adapter(name) => state.adapter = Some(name.clone()),
                Setting::Temperature(temperature) => state.settings.temperature = Some(*temperature),
                Setting::Demos(number) => {
                    state.demos.truncate(*number);
                    sources.truncate(*number);
                }
                Setting::Reasoning(on) => state.reasoning = Some(*on),
            }
        }
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        words.push(match parts.len() {
            1 => settings.join(", "),
            _ => format!("{}: {}", part.path, settings.join(", ")),
        });
        candidate = candidate.with(&part.path, state, sources);
    }
    match words.is_empty() {
        true => candidate,
        false => candidate.labelled(&words.join("; ")).made_from(&[base]),
    }
}
