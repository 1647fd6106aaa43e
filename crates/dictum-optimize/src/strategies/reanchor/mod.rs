//! [`ReAnchor`]: thresholds set by what was seen, without new calls.

mod cuts;
mod descent;
mod search;

use dictum_core::error::{Error, Result};
use serde_json::{Value, json};

use crate::options::{Options, optimizer};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;
use search::Search;

/// Calibrates the thresholds a program declares ([`Threshold`](dictum_core::program::Threshold)): how sure a model must be for
/// its answer to stand, say, where outputs carry a confidence. Nothing else is changed, and where a threshold only decides
/// what becomes of answers that are there, the search takes no calls beyond those that measure the program as it is.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context, trainset: Vec<dictum_core::data::Example>,
/// #     valset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::metrics::exact_match;
/// use dictum_core::modules::Predict;
/// use dictum_core::program::{
///     Context, Module, Parameter, ParameterMut, ParameterPath, Parameters, Threshold,
/// };
/// use dictum_core::{Record, Result, record};
/// use dictum_optimize::ReAnchor;
///
/// /// Says `unsure` where the model is not sure enough.
/// struct Careful {
///     label: Predict,
///     sure: Threshold,
/// }
///
/// // With the crate `dictum` this is `#[derive(Parameters)]`.
/// impl Parameters for Careful {
///     fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
///         path.field("label", |path| self.label.visit(path, visit));
///         path.field("sure", |path| self.sure.visit(path, visit));
///     }
///     fn visit_mut(&mut self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>)) {
///         path.field("label", |path| self.label.visit_mut(path, visit));
///         path.field("sure", |path| self.sure.visit_mut(path, visit));
///     }
/// }
///
/// impl Module for Careful {
///     type Input = Record;
///     type Output = Record;
///     async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
///         let found = self.label.call(ctx, input).await?;
///         let confidence = found.get("confidence").and_then(|value| value.as_f64()).unwrap_or(0.0);
///         let sure = self.sure.passes(ctx, confidence);
///         let label = found.text("label").filter(|_| sure).unwrap_or("unsure");
///         Ok(record! { label: label })
///     }
/// }
///
/// let mut program = Careful {
///     label: Predict::parse("text -> label: str, confidence: float")?,
///     sure: Threshold::new(0.5, "how confident the model must be for its label to stand"),
/// };
/// let found = ReAnchor::new()
///     .compile(&ctx, &program, &trainset, &valset, exact_match("label"))
///     .await?;
/// println!("{}", found.report);
/// found.apply(&mut program)?;
/// # Ok(()) }
/// ```
///
/// - **The evidence.** The program as it is runs once over trainset and validation set. What values its thresholds saw there,
///   on the trainset, says what is worth trying: the numbers halfway between neighbours, at most [`ReAnchor::cuts`] for each
///   threshold. One that was never asked, or saw one value alone, is left as it is, and the report says so.
/// - **The search.** One threshold after another, in the order of the program, takes the number of the highest mean score on
///   the trainset, the others as they are, until a whole round changes none. A number that is only as good as the one that
///   stands does not replace it; among equals the one with the widest gap between its neighbours wins, then the lower one.
/// - **The calls.** Rollouts that differ in thresholds alone share their calls: a request that was made for one of them is
///   answered for all. Where a threshold decides whether a further call is made (another model, a metric that asks one), that
///   call is a new one: it is made once for each example, and counts against the budget.
/// - **The check.** The same search is done on four fifths of the trainset at a time ([`ReAnchor::folds`]), and what it finds
///   is scored on the fifth it did not see. If all fifths together do not score strictly higher than the program as it is, it
///   stays as it is.
/// - **The outcome** is the paired test's, as with any optimizer: on the test set, or on the validation set, on which nothing
///   was chosen here.
///
/// Other than DSPy's `ReAnchor`:
/// - Thresholds alone are calibrated, no weights: DSPy's decision parameters of other kinds are declared as thresholds.
/// - The values a program compares are noted by [`Threshold::passes`](dictum_core::program::Threshold::passes), not found in
///   the outputs of predictors. A number that is only read ([`Threshold::get`](dictum_core::program::Threshold::get)) has no
///   evidence, and stays.
/// - A cache is not needed: the run's journal answers. Sampled answers are shared too, so that candidates are compared on the
///   same ones.
/// - With more values than cuts, each of so many equal shares of them gives its widest gap. No cut lies beyond the values seen.
/// - The folds are drawn by the seed, and each searches anew. Beyond being better there, the gain must be significant, or the
///   program stays as it was.
#[derive(Debug, Clone)]
pub struct ReAnchor {
    options: Options,
    cuts: usize,
    folds: usize,
}

optimizer!(ReAnchor);

impl ReAnchor {
    /// Up to 40 numbers for each threshold, checked on 5 folds.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            cuts: 40,
            folds: 5,
        }
    }

    /// The most numbers tried for each threshold; 40 if not set.
    #[must_use]
    pub fn cuts(mut self, most: usize) -> Self {
        self.cuts = most;
        self
    }

    /// In how many parts the trainset is split for the check, at least 2; 5 if not set. A smaller trainset has as many as it
    /// has examples.
    #[must_use]
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }
}

impl Recipe for ReAnchor {
    fn name(&self) -> &'static str {
        "ReAnchor"
    }

    fn settings(&self) -> Value {
        json!({ "cuts": self.cuts, "folds": self.folds })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        if self.cuts == 0 {
            return Err(Error::input("cuts", "must be at least 1"));
        }
        if self.folds < 2 {
            return Err(Error::input("folds", "must be at least 2"));
        }
        if plan.thresholds.is_empty() {
            return Err(Error::input(
                "program",
                "declares no threshold, so there is nothing to calibrate: make the number it compares with a `Threshold` \
                 among its fields, and ask `passes`",
            ));
        }
        Ok(Box::new(Search::new(plan, self.cuts, self.folds)))
    }
}
