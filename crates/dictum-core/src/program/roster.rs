//! What states may name: the models and adapters of a context.

use std::sync::Arc;

use super::{Parameters, PredictorState, predictors};
use crate::adapter::{self, Adapter};
use crate::error::{Error, Result};
use crate::lm::Lm;

/// Models and adapters by name. Few, so they are looked through one after the other.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    lms: Vec<(Arc<str>, Lm)>,
    adapters: Vec<(Arc<str>, Arc<dyn Adapter>)>,
}

impl Roster {
    /// Without models, with the adapters there are.
    pub(super) fn new() -> Self {
        let known = adapter::NAMES.iter();
        Self {
            lms: Vec::new(),
            adapters: known
                .filter_map(|name| Some((Arc::from(*name), adapter::by_name(name)?)))
                .collect(),
        }
    }

    pub(super) fn add_lm(&mut self, name: Arc<str>, lm: Lm) {
        put(&mut self.lms, name, lm);
    }

    pub(super) fn add_adapter(&mut self, name: Arc<str>, adapter: Arc<dyn Adapter>) {
        put(&mut self.adapters, name, adapter);
    }

    pub(super) fn lms(&self) -> impl Iterator<Item = (&str, &Lm)> {
        self.lms.iter().map(|(name, lm)| (&**name, lm))
    }

    pub(super) fn adapters(&self) -> impl Iterator<Item = (&str, &Arc<dyn Adapter>)> {
        self.adapters.iter().map(|(name, adapter)| (&**name, adapter))
    }

    pub(super) fn lms_mut(&mut self) -> impl Iterator<Item = (&str, &mut Lm)> {
        self.lms.iter_mut().map(|(name, lm)| (&**name, lm))
    }

    pub(super) fn lm(&self, name: &str, path: &str) -> Result<&Lm> {
        find(&self.lms, name).ok_or_else(|| {
            let known = names(self.lms().map(|(name, _)| name));
            Error::input(
                path,
                format!("wants the model `{name}`; the context has {known} (give it models with `with_lms`)"),
            )
        })
    }

    pub(super) fn adapter(&self, name: &str, path: &str) -> Result<&Arc<dyn Adapter>> {
        find(&self.adapters, name).ok_or_else(|| {
            let known = names(self.adapters().map(|(name, _)| name));
            Error::input(
                path,
                format!("wants the adapter `{name}`; the context has {known} (give it others with `with_adapters`)"),
            )
        })
    }

    /// Whether the models and adapters a state names are there.
    pub(super) fn check(&self, path: &str, state: &PredictorState) -> Result<()> {
        if let Some(name) = &state.lm {
            self.lm(name, path)?;
        }
        if let Some(name) = &state.adapter {
            self.adapter(name, path)?;
        }
        Ok(())
    }

    /// The same for all predictors of a program. `over` gives the states that hold in place of the program's own.
    pub(super) fn check_program<'a, P: Parameters + ?Sized>(
        &self,
        program: &P,
        over: impl Fn(&str) -> Option<&'a PredictorState>,
    ) -> Result<()> {
        for (path, predictor) in predictors(program) {
            self.check(&path, over(&path).unwrap_or(predictor.state()))?;
        }
        Ok(())
    }
}

fn put<T>(entries: &mut Vec<(Arc<str>, T)>, name: Arc<str>, value: T) {
    match entries.iter_mut().find(|(known, _)| *known == name) {
        Some(entry) => entry.1 = value,
        None => entries.push((name, value)),
    }
}

fn find<'a, T>(entries: &'a [(Arc<str>, T)], name: &str) -> Option<&'a T> {
    entries
        .iter()
        .find(|(known, _)| &**known == name)
        .map(|(_, value)| value)
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}
