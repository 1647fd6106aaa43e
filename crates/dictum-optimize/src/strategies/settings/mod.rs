//! [`CheapestWithin`]: the cheapest settings that are good enough.

mod search;
mod space;

pub use space::Space;

use dictum_core::error::{Error, Result};
use serde_json::{Value, json};

use crate::cost::Objective;
use crate::options::{Options, optimizer};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;
use search::Search;

/// Finds the cheapest settings of a program (model, adapter, temperature, number of demonstrations, reasoning, for each of
/// its predictors) whose score is within so many points of the best, and says how sure that is. It starts from the program
/// with the state it has, such as one that was compiled for a dear model, and changes no text.
///
/// ```no_run
/// # async fn example(dear: dictum_core::lm::Lm, cheap: dictum_core::lm::Lm, program: dictum_core::modules::Predict,
/// #     trainset: Vec<dictum_core::data::Example>, valset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::{metrics::exact_match, program::Context};
/// use dictum_optimize::{CheapestWithin, Space};
///
/// let ctx = Context::new(dear).with_lms([("cheap", cheap)]);
/// let found = CheapestWithin::points(2.0)
///     .over(Space::all().lms(["cheap"]).demos([0, 4]).reasoning())
///     .compile(&ctx, &program, &trainset, &valset, exact_match("team"))
///     .await?;
/// println!("{}", found.report);
/// # Ok(()) }
/// ```
///
/// - **The claim.** "Within" is shown, not seen: for the chosen settings a one-sided paired test refutes, for each of the
///   others that were scored, that they are worse than it by the points or more. The chance that any settings are chosen that
///   are in truth worse than the best by more than the points is at most the level (5 % if not set): each of the settings that
///   were tried gets an equal share of it. The test is exact for scores of 0 and 1, and holds for any scores from 0 to 1. For
///   other scores nothing can be shown. What can't be shown is not claimed: then the best by its mean stands, under the same
///   rule as with any optimizer, and the report says about how many rows would be needed. It is many: to show 2 points between
///   programs that differ on every tenth row takes about a thousand.
/// - **The cost** is money where all prices are known, else tokens, else calls, as measured on the validation set; the report
///   says which. A price that is not known is unknown, never 0. Or it is what [`CheapestWithin::by`] says.
/// - **The search.** All combinations are scored when there are no more than [`CheapestWithin::most`]. Else one setting is
///   searched at a time, in the order models, demonstrations, reasoning, adapters, temperatures, in the order of the program:
///   up first, taking the best choice of each, then down from there, taking the cheapest that did not score below the best by
///   more than the points. What needs two changes at once can be missed then, and "the best" is the best that was scored.
/// - **Racing** ends the scoring of settings that will not come within the points of the leader any more. Of those that
///   would have, at most 5 % are dropped ([`CheapestWithin::racing`]).
/// - **The outcome** is [`Cheaper`](crate::Outcome::Cheaper) when what was found costs less than the program as it was, unless
///   a test set shows it to be worse by more than the points. It is not held to be better.
#[derive(Debug, Clone)]
pub struct CheapestWithin {
    options: Options,
    margin: f64,
    level: f64,
    spaces: Vec<Space>,
    by: Option<Objective>,
    racing: f64,
    most: usize,
}

optimizer!([] CheapestWithin);

impl CheapestWithin {
    /// Within so many points: hundredths of a score from 0 to 1. The space is empty until [`CheapestWithin::over`] says what
    /// to try.
    #[must_use]
    pub fn points(points: f64) -> Self {
        Self {
            options: Options::default(),
            margin: points / 100.0,
            level: 0.05,
            spaces: Vec::new(),
            by: None,
            racing: 0.05,
            most: 32,
        }
    }

    /// What to try. Several spaces add up.
    #[must_use]
    pub fn over(mut self, space: Space) -> Self {
        self.spaces.push(space);
        self
    }

    /// How sure the claim has to be, between 0 and 1; 0.95 if not set.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.level = 1.0 - confidence;
        self
    }

    /// What is to be low, in place of money, tokens or calls. By [`Objective::Latency`] the choice follows from measured
    /// times: a run that goes on from its journal chooses the same, one from the start may not, and neither may one whose
    /// rollouts a crash cut off.
    #[must_use]
    pub fn by(mut self, objective: Objective) -> Self {
        self.by = Some(objective);
        self
    }

    /// How often settings may be dropped early that would have come within the points in the end; 0.05 if not set, and 0 for
    /// scoring all in full.
    #[must_use]
    pub fn racing(mut self, error_rate: f64) -> Self {
        self.racing = error_rate;
        self
    }

    /// The most combinations that are all tried; 32 if not set. With more, one setting is searched at a time.
    #[must_use]
    pub fn most(mut self, combinations: usize) -> Self {
        self.most = combinations;
        self
    }
}

impl Recipe for CheapestWithin {
    fn name(&self) -> &'static str {
        "CheapestWithin"
    }

    fn settings(&self) -> Value {
        json!({
            "margin": self.margin,
            "level": self.level,
            "spaces": self.spaces,
            "by": self.by,
            "racing": self.racing,
            "most": self.most,
        })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        let share = |name: &str, value: f64, zero: bool| {
            if (value > 0.0 && value < 1.0) || (zero && value == 0.0) {
                return Ok(());
            }
            Err(Error::input(name, format!("is {value}, which is out of range")))
        };
        share("points", self.margin, false)?;
        share("confidence", 1.0 - self.level, false)?;
        share("racing", self.racing, true)?;
        let axes = space::axes(&self.spaces, &plan.predictors)?;
        if axes.is_empty() {
            return Err(Error::input(
                "space",
                "has nothing to try: say what with `over(Space::all().lms([...]))`; settings the program has already, and \
                 more demonstrations than it has, are left out",
            ));
        }
        Ok(Box::new(Search::new(self, plan, axes)))
    }
}
