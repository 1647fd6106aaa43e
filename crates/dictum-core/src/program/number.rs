//! Numbers of a program that can be learned beside its predictors: what values are compared with.

use std::fmt;
use std::sync::Arc;

use super::text::ValueId;
use super::trace::Compared;
use super::{Context, Parameter, ParameterMut, ParameterPath, Parameters};
use crate::error::{Error, Result};

/// A number that a program declares as something to be learned: a value is compared with it, and the program goes one way or
/// the other. How sure a model must be for its answer to stand, how alike two texts must be, how high a score.
///
/// It is a field of the program like a predictor is, found by `derive(Parameters)`, saved and loaded with the program's state
/// under its path, and set by the optimizer that calibrates. [`Threshold::passes`] compares, and notes the value in the
/// context's trace ([`Trace::compared`](super::Trace::compared)): from the values that were seen follows what is worth trying.
///
/// ```
/// use dictum_core::lm::{Capabilities, Lm, Offline};
/// use dictum_core::program::{Context, Overlay, Threshold};
///
/// // In a program: `#[derive(Parameters)] struct Triage { sure: Threshold, ... }`.
/// let sure = Threshold::new(0.8, "how confident the model must be for its answer to stand");
/// let ctx = Context::new(Lm::new(Offline::new("none", Capabilities::default())));
/// assert!(sure.passes(&ctx, 0.8) && !sure.passes(&ctx, 0.79));
///
/// // A candidate has another one. Here the threshold is the whole program, and its path is `self`.
/// let ctx = ctx.with_overlay(&sure, &Overlay::new().with_threshold("self", 0.6))?;
/// assert!(sure.passes(&ctx, 0.79));
/// assert_eq!(ctx.trace().compared()[0].value, 0.79);
/// # Ok::<(), dictum_core::Error>(())
/// ```
///
/// # Values that are no numbers
/// A NaN never passes, and an infinite value passes or not as it stands to the threshold; neither is noted, for nothing lies
/// halfway to them. What is learned is finite: an overlay or a [`Threshold::set_learned`] with anything else is an error, and
/// so is writing the state of a program that declares anything else.
///
/// A clone is another threshold with the same number.
pub struct Threshold {
    id: ValueId,
    purpose: Arc<str>,
    declared: f64,
    learned: Option<f64>,
}

impl Threshold {
    /// A threshold as the program declares it, and what it is for, in words for people.
    #[must_use]
    pub fn new(value: f64, purpose: impl Into<Arc<str>>) -> Self {
        Self {
            id: ValueId::fresh(),
            purpose: purpose.into(),
            declared: value,
            learned: None,
        }
    }

    /// The number that holds in this context: that of the candidate it is for, else its own.
    #[must_use]
    pub fn get(&self, ctx: &Context) -> f64 {
        let over = ctx.bound().and_then(|bound| bound.threshold(&self.id));
        over.unwrap_or_else(|| self.value())
    }

    /// Whether a value is as high as the threshold or higher. Notes the value in the context's trace where the context knows
    /// the program ([`Context::for_program`]; an evaluation and an optimizer see to it) and the trace keeps anything.
    #[must_use]
    pub fn passes(&self, ctx: &Context, value: f64) -> bool {
        let threshold = self.get(ctx);
        if value.is_finite()
            && ctx.trace().keeps()
            && let Some(path) = ctx.bound().and_then(|bound| bound.threshold_path(&self.id))
        {
            ctx.trace().note_compared(&Compared {
                path: path.clone(),
                value,
                threshold,
            });
        }
        value >= threshold
    }

    /// Its own number: what was learned, else what was declared.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.learned.unwrap_or(self.declared)
    }

    /// The number as the program declares it.
    #[must_use]
    pub fn declared(&self) -> f64 {
        self.declared
    }

    /// What was learned in its place; `None` if nothing was.
    #[must_use]
    pub fn learned(&self) -> Option<f64> {
        self.learned
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Puts a number in place of the declared one. The declared one itself, and `None`, are nothing learned.
    ///
    /// # Errors
    /// [`Error::Input`] when it is not finite; nothing is changed then.
    pub fn set_learned(&mut self, value: Option<f64>) -> Result<()> {
        if let Some(value) = value {
            check("threshold", value)?;
        }
        self.learned = value.filter(|value| *value != self.declared);
        Ok(())
    }

    pub(super) fn id(&self) -> &ValueId {
        &self.id
    }
}

/// That a number can be a threshold.
pub(super) fn check(path: &str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::input(
        path,
        format!("is {value} as a threshold; it must be a finite number"),
    ))
}

impl Parameters for Threshold {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        visit(path, Parameter::Threshold(self));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        visit(path, ParameterMut::Threshold(self));
    }
}

impl Clone for Threshold {
    fn clone(&self) -> Self {
        Self {
            id: ValueId::fresh(),
            purpose: self.purpose.clone(),
            declared: self.declared,
            learned: self.learned,
        }
    }
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threshold")
            .field("value", &self.value())
            .field("purpose", &self.purpose)
            .finish()
    }
}
