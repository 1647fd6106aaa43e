//! [`Auto`]: the optimizer that fits the data, the budget and the room there is, and why.

mod decide;
mod search;

use dictum_core::error::Result;
use serde_json::{Value, json};

use crate::options::{Options, optimizer, proposer_options};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;

/// Looks at the program first, then picks what to do, and says why.
///
/// The program as it is answers up to 30 examples of the validation set a second time. From its two scores on them
/// ([`Headroom`](crate::Headroom)), the size of the data, the calls that are left and what a rollout takes follows the plan:
///
/// | what is found | what is done |
/// |---|---|
/// | fewer than 10 examples, or hardly any room, or less room than data of this size could show | nothing more is spent; the report says how much data it would take |
/// | calls for fewer than 2 evaluations on the validation set | `LabeledFewShot` |
/// | for fewer than 5 | `BootstrapFewShot` |
/// | for fewer than 9 | `BootstrapRandomSearch`, racing, of as many candidates as fit |
/// | more, and the metric says in words what is wrong | `Gepa`, then `InferRules` from its best |
/// | more, and it doesn't | `InferRules`, then `Gepa` from its best |
///
/// The reasons stand in the report ([`Report::reasons`](crate::Report::reasons)) and in a dry run, whose made-up answers can't
/// tell whether the metric gives words. The rules come from what the optimizers reach on a simulated task of two steps where
/// both instructions and demonstrations matter: see the table in `docs/optimizers.md`. All of it is one run: the look is
/// journaled and counted like the rest, and the same scores give the same plan.
///
/// It is not in the reference, where one picks an optimizer by reading.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context, program: dictum_core::modules::Predict,
/// #     train: Vec<dictum_core::data::Example>, val: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
/// use dictum_core::{lm::Budget, metrics::exact_match};
/// use dictum_optimize::Auto;
///
/// let auto = Auto::new().budget(Budget::calls(2_000)).run_dir("runs/triage");
/// for reason in auto.dry_run(&ctx, &program, &train, &val).await?.reasons {
///     println!("{reason}");
/// }
/// let compiled = auto.compile(&ctx, &program, &train, &val, exact_match("team")).await?;
/// println!("{}", compiled.report);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Auto {
    options: Options,
}

optimizer!(Auto);
proposer_options!(Auto);

impl Auto {
    /// Nothing needs to be said; a budget helps it to size its plan.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
        }
    }
}

impl Recipe for Auto {
    fn name(&self) -> &'static str {
        "Auto"
    }

    fn settings(&self) -> Value {
        json!({})
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        Ok(Box::new(search::Search::new(plan)))
    }
}
