//! [`Simba`]: steps over small batches, in which examples with mixed results are learned from.

mod advice;
mod bucket;
mod edit;
mod search;

use dictum_core::error::{Error, Result};
use dictum_core::program::Context;
use serde::Serialize;
use serde_json::{Value, json};

use crate::options::{Options, optimizer, proposer_options};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;

/// Stochastic introspective mini-batch ascent. Each step answers a batch of the trainset several times, with programs drawn
/// from the best so far. Where answers to one example differ most in score there is most to learn: from there a program
/// gets the better attempt as a demonstration, or a rule that a model writes from comparing the better with the worse one.
/// The programs made so are tried on the same batch, and the step's winner is scored on the validation set.
///
/// Texts the program declares beside its predictors stay as they are: advice goes to the end of instructions, and the
/// description of a tool is no place for it. [`Gepa`](super::Gepa) changes them.
///
/// Other than DSPy's `SIMBA`:
/// - The best on the validation set wins (a quarter of the trainset is split off where none is given); DSPy chooses on the
///   trainset, which demonstrations and rules were made from. Winners are scored as they are found, not at the end, so that
///   a budget that ends early leaves something to choose. As there, no more than `candidates` winners are scored, evenly
///   spaced over the steps.
/// - A demonstration is left out when the example it came from is answered.
/// - The program as it is is tried on each batch too. DSPy never scores it, so that its mean stays 0 and it is hardly ever
///   drawn again.
/// - Rules are asked for one predictor at a time, in plain text; of predictors that did the same in both attempts none is
///   asked for. DSPy asks for all at once as a dictionary, and shows the program's source code in place of an outline.
/// - A bucket from which nothing can be learned, and a program that is known already, give no candidate; the next bucket
///   does. DSPy tries the program anyway. Rules the model fails to give leave the step with a candidate less.
/// - Attempts that can't be judged don't count. A trainset smaller than a batch makes the batch.
#[derive(Debug, Clone)]
pub struct Simba {
    options: Options,
    how: How,
}

/// The numbers of the search.
#[derive(Debug, Clone, Serialize)]
struct How {
    batch: usize,
    candidates: usize,
    steps: usize,
    max_demos: usize,
    max_field_chars: usize,
    temperature: f64,
    sampling: f64,
    sources: f64,
    racing: Option<f64>,
}

optimizer!(Simba);
proposer_options!(Simba);

impl Simba {
    /// 8 steps over batches of 32, each answered 6 times, with up to 7 new programs and at most 4 demonstrations.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: How {
                batch: 32,
                candidates: 6,
                steps: 8,
                max_demos: 4,
                max_field_chars: 100_000,
                temperature: 1.0,
                sampling: 0.2,
                sources: 0.2,
                racing: None,
            },
        }
    }

    /// How many examples a step looks at; 32 if not set, at least 1.
    #[must_use]
    pub fn batch_size(mut self, examples: usize) -> Self {
        self.how.batch = examples.max(1);
        self
    }

    /// How often a step answers each example, and one less than the programs it makes at most; 6 if not set, at least 1.
    /// So many of the steps' winners are scored on the validation set.
    #[must_use]
    pub fn candidates(mut self, candidates: usize) -> Self {
        self.how.candidates = candidates.max(1);
        self
    }

    /// How many steps; 8 if not set.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.how.steps = steps;
        self
    }

    /// Most demonstrations of a predictor; 4 if not set. Before one more is added, some are dropped at random. With 0 only
    /// rules are added.
    #[must_use]
    pub fn max_demos(mut self, demos: usize) -> Self {
        self.how.max_demos = demos;
        self
    }

    /// The most characters of a text input in a demonstration; 100,000 if not set. The rest is cut off.
    #[must_use]
    pub fn max_field_chars(mut self, chars: usize) -> Self {
        self.how.max_field_chars = chars;
        self
    }

    /// The model's temperature when a batch is answered several times; 1 if not set.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.how.temperature = temperature;
        self
    }

    /// How evenly programs are drawn to answer a batch: the temperature of a softmax over their mean scores; 0.2 if not
    /// set. Close to 0 the best is drawn nearly always.
    #[must_use]
    pub fn sampling_temperature(mut self, temperature: f64) -> Self {
        self.how.sampling = temperature;
        self
    }

    /// How evenly programs are drawn to be changed, likewise; 0.2 if not set.
    #[must_use]
    pub fn source_temperature(mut self, temperature: f64) -> Self {
        self.how.sources = temperature;
        self
    }

    /// Stops scoring a step's winner on the validation set when it can no longer win. One that would have won is dropped
    /// with at most this probability (0.05, say). If not set, all are scored in full. The report says what it saved.
    #[must_use]
    pub fn racing(mut self, error_rate: f64) -> Self {
        self.how.racing = Some(error_rate);
        self
    }

    /// Another context for one of the times a batch is answered: that of a stronger model, say, whose good attempts are
    /// learned from. Its calls count against the run's budget, in place of one that context has.
    #[must_use]
    pub fn teacher_context(mut self, ctx: &Context) -> Self {
        self.options.teacher_context = Some(ctx.clone());
        self
    }
}

impl Recipe for Simba {
    fn name(&self) -> &'static str {
        "Simba"
    }

    fn settings(&self) -> Value {
        json!(self.how)
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        for (name, temperature) in [
            ("sampling_temperature", self.how.sampling),
            ("source_temperature", self.how.sources),
        ] {
            if !(temperature.is_finite() && temperature > 0.0) {
                return Err(Error::input(name, "must be a finite number above 0"));
            }
        }
        Ok(Box::new(search::Search::new(plan, self.how.clone())?))
    }
}
