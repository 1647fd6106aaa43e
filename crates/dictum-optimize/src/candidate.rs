//! Candidates: a program in other states, with where its demonstrations came from.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use dictum_core::data::Example;
use dictum_core::lm::Digest;
use dictum_core::program::{Overlay, PredictorState};
use dictum_core::signature::SignatureSpec;
use serde::{Deserialize, Serialize};

/// Which program a candidate is a state of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The program being compiled.
    Student,
    /// The program that makes demonstrations.
    Teacher,
    /// No program: a question of the search itself, such as for better instructions.
    Proposer,
}

/// What identifies the inputs of an example: examples that ask the same have the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputKey(String);

impl InputKey {
    /// The key of an example.
    #[must_use]
    pub fn of(example: &Example) -> Self {
        Self(short(&Digest::of(example.inputs())))
    }
}

/// The first 16 hex digits of a digest.
pub(crate) fn short(digest: &Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(16);
    text
}

/// What tells candidates apart.
#[derive(Debug, Clone)]
struct Ids {
    /// By all it has in place of the program's own.
    id: String,
    /// By all of this but thresholds.
    calls: String,
}

/// A candidate: states for predictors, with the examples their demonstrations were made from, texts, and thresholds.
#[derive(Debug, Clone)]
pub struct Candidate {
    label: String,
    role: Role,
    overlay: Overlay,
    /// By predictor path, one entry per demonstration, in their order.
    sources: BTreeMap<String, Vec<Option<InputKey>>>,
    /// The candidates it was made from, by id.
    parents: Vec<String>,
    /// What a proposer is asked.
    question: Option<Arc<SignatureSpec>>,
    /// Made once, when it is asked for: every rollout asks.
    ids: OnceLock<Box<Ids>>,
}

impl Candidate {
    /// A candidate of these states, named for people by `label`. Where its demonstrations came from is not known.
    pub fn new(label: impl Into<String>, role: Role, overlay: Overlay) -> Self {
        Self {
            label: label.into(),
            role,
            overlay,
            sources: BTreeMap::new(),
            parents: Vec::new(),
            question: None,
            ids: OnceLock::new(),
        }
    }

    /// A question that the search itself asks, of this signature: see [`Job::question`](crate::Job::question).
    pub fn proposer(label: impl Into<String>, question: SignatureSpec) -> Self {
        Self {
            question: Some(Arc::new(question)),
            ..Self::new(label, Role::Proposer, Overlay::new())
        }
    }

    /// The same with this state for the predictor at `path`. `sources` says for each demonstration which example it was
    /// made from, in their order.
    #[must_use]
    pub fn with(mut self, path: &str, state: PredictorState, sources: Vec<Option<InputKey>>) -> Self {
        self.overlay.set(path, state);
        self.sources.insert(path.to_owned(), sources);
        self.ids = OnceLock::new();
        self
    }

    /// The same with this text in place of the one at `path`.
    #[must_use]
    pub fn with_text(mut self, path: &str, text: &str) -> Self {
        self.overlay.set_text(path, text);
        self.ids = OnceLock::new();
        self
    }

    /// The same with this number in place of the threshold at `path`.
    #[must_use]
    pub fn with_threshold(mut self, path: &str, value: f64) -> Self {
        self.overlay.set_threshold(path, value);
        self.ids = OnceLock::new();
        self
    }

    /// The same under another name, with these words for the parameters at these paths: texts, or instructions of predictors.
    pub(crate) fn instructed<'a>(
        &self,
        label: impl Into<String>,
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut candidate = self.clone();
        candidate.label = label.into();
        candidate.ids = OnceLock::new();
        for (path, text) in texts {
            if candidate.overlay.text(path).is_some() {
                candidate.overlay.set_text(path, text);
                continue;
            }
            let mut state = candidate.overlay.get(path).cloned().unwrap_or_default();
            state.instructions = Some(text.to_owned());
            candidate.overlay.set(path, state);
        }
        candidate
    }

    /// The same, made from these candidates: for the lineage in the report. It changes no identity.
    #[must_use]
    pub fn made_from(mut self, parents: &[&Candidate]) -> Self {
        self.parents = parents.iter().map(|parent| parent.id().to_owned()).collect();
        self
    }

    /// The ids of the candidates it was made from; none where that is not known or it is the first.
    #[must_use]
    pub fn parents(&self) -> &[String] {
        &self.parents
    }

    /// Identity: 16 hex digits. Candidates of the same program with the same states have the same.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.ids().id
    }

    /// Identity without the thresholds: candidates that have the same ask the same, as far as they ask it.
    pub(crate) fn calls_id(&self) -> &str {
        &self.ids().calls
    }

    fn ids(&self) -> &Ids {
        self.ids.get_or_init(|| {
            let of = |overlay: &Overlay| match &self.question {
                Some(question) => short(&Digest::of(&(self.role, &**question))),
                None => short(&Digest::of(&(self.role, overlay))),
            };
            let id = of(&self.overlay);
            let calls = match self.overlay.thresholds().next() {
                Some(_) => of(&self.overlay.clone().without_thresholds()),
                None => id.clone(),
            };
            Box::new(Ids { id, calls })
        })
    }

    /// What a proposer is asked; `None` for a state of a program.
    pub(crate) fn question(&self) -> Option<&SignatureSpec> {
        self.question.as_deref()
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The program it is a state of.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its states.
    #[must_use]
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// How many demonstrations its predictors have together.
    #[must_use]
    pub fn demos(&self) -> usize {
        self.overlay.iter().map(|(_, state)| state.demos.len()).sum()
    }

    /// The same states as those of another program.
    pub(crate) fn as_role(&self, role: Role) -> Self {
        Self {
            role,
            ids: OnceLock::new(),
            ..self.clone()
        }
    }

    /// The same under another name.
    pub(crate) fn labelled(&self, label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ..self.clone()
        }
    }

    /// The same, with what another candidate has where this one has nothing: for a run that goes on from it.
    pub(crate) fn filled_from(&self, other: &Self) -> Self {
        let mut all = self.clone();
        let is_new = |path: &str| self.overlay.get(path).is_none();
        for (path, state) in other.overlay.iter().filter(|(path, _)| is_new(path)) {
            all = all.with(path, state.clone(), other.sources_of(path));
        }
        let is_new = |path: &str| self.overlay.text(path).is_none();
        for (path, text) in other.overlay.texts().filter(|(path, _)| is_new(path)) {
            all = all.with_text(path, text);
        }
        let is_new = |path: &str| self.overlay.threshold(path).is_none();
        for (path, value) in other.overlay.thresholds().filter(|(path, _)| is_new(path)) {
            all = all.with_threshold(path, value);
        }
        all
    }

    /// For each demonstration of the predictor at `path` which example it was made from, as far as known.
    pub(crate) fn sources_of(&self, path: &str) -> Vec<Option<InputKey>> {
        let demos = self.overlay.get(path).map_or(0, |state| state.demos.len());
        let mut sources = self.sources.get(path).cloned().unwrap_or_default();
        sources.resize(demos, None);
        sources
    }

    /// The examples its demonstrations were made from, as far as known.
    #[must_use]
    pub fn sources(&self) -> HashSet<&InputKey> {
        self.sources.values().flatten().flatten().collect()
    }

    /// Its states without the demonstrations that were made from this example: a program must not be shown the answer it
    /// is asked for. `None` when there is none to leave out.
    #[must_use]
    pub fn without(&self, example: &InputKey) -> Option<Overlay> {
        let leaks = |source: &Option<InputKey>| source.as_ref() == Some(example);
        if !self.sources.values().flatten().any(leaks) {
            return None;
        }
        let mut overlay = self.overlay.clone();
        for (path, sources) in &self.sources {
            let Some(mut state) = overlay.get(path).cloned() else {
                continue;
            };
            let mut place = 0;
            state.demos.retain(|_| {
                let keep = !sources.get(place).is_some_and(leaks);
                place += 1;
                keep
            });
            overlay.set(path, state);
        }
        Some(overlay)
    }
}
