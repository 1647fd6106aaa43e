//! The program as it is called with tuned models: the states of its predictors name them.

use dictum_core::lm::{Capabilities, Lm, Offline};
use dictum_core::program::PredictorState;

use super::TunedModel;
use crate::candidate::Candidate;

/// The program as it is to learn: without demonstrations unless they are kept, and with no model named.
pub(super) fn student(baseline: &Candidate, demos: bool) -> Candidate {
    let mut student = baseline.labelled("tuned");
    for (path, state) in baseline.overlay().iter() {
        let mut state = PredictorState {
            lm: None,
            ..state.clone()
        };
        let mut sources = baseline.sources_of(path);
        if !demos {
            state.demos.clear();
            sources.clear();
        }
        student = student.with(path, state, sources);
    }
    student
}

/// The student with each predictor bound to the model that was trained for it, by the models' names in the roster.
pub(super) fn bound(student: &Candidate, models: &[TunedModel], lms: &[(String, Lm)]) -> Candidate {
    let all = models.iter().zip(lms);
    all.fold(student.clone(), |bound, (model, (name, _))| {
        named(
            &bound,
            |path| model.predictors.iter().any(|own| own == path),
            name,
        )
    })
}

/// The student as it is foreseen: all of it bound to a model that is not there yet.
pub(super) fn foreseen(student: &Candidate, name: &str) -> Candidate {
    named(student, |_| true, name)
}

/// The models of a context in which a run with a tuned model is foreseen.
pub(in crate::strategies) fn stand_in(name: &str) -> (String, Lm) {
    (
        name.to_owned(),
        Lm::new(Offline::new(name, Capabilities::default())),
    )
}

fn named(candidate: &Candidate, which: impl Fn(&str) -> bool, name: &str) -> Candidate {
    let mut bound = candidate.clone();
    for (path, state) in candidate.overlay().iter().filter(|(path, _)| which(path)) {
        let state = PredictorState {
            lm: Some(name.to_owned()),
            ..state.clone()
        };
        bound = bound.with(path, state, candidate.sources_of(path));
    }
    bound
}
