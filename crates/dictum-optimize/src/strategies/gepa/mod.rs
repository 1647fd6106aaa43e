//! [`Gepa`]: instructions that learn from what went wrong.

mod acceptance;
mod batches;
mod budget;
mod components;
mod frontier;
mod lane;
mod merge;
mod pool;
mod proposal;
mod reflect;
mod sampling;
mod search;
mod select;
mod tally;

pub use acceptance::{Acceptance, Selection};
pub use components::{Components, Turn};
pub use frontier::Frontier;
pub use sampling::Sampling;
pub use select::Parent;

use dictum_core::error::{Error, Result};
use dictum_core::signature::SignatureSpec;
use serde_json::{Value, json};

use crate::options::{Options, optimizer, proposer_options};
use crate::plan::{Plan, Recipe};
use crate::strategy::Strategy;
use budget::{Rollouts, Stop};
use components::Selector;
use proposal::Asking;
use reflect::Showing;
use search::Search;

/// Writes better instructions from what went wrong (Agrawal and others 2025, "GEPA: Reflective Prompt Evolution Can Outperform
/// Reinforcement Learning", arXiv 2507.19457).
///
/// In each round a candidate answers a minibatch of the trainset. A model is shown what went into one of its predictors, what
/// came out and what the metric said in words ([`Score::with_feedback`](dictum_core::evaluate::Score::with_feedback)), and
/// writes new instructions for it. The child answers the same examples. When its scores sum to more, it is scored on the
/// validation set and joins the pool. The next parent is one of those that are best at some example, so that different
/// strengths live on. The best in the mean wins. Instructions change, and the texts the program declares
/// ([`TextParameter`](dictum_core::program::TextParameter)), which take their turns after the predictors: of a text the proposer
/// is shown what it is for, what it says, and all steps of the examples. Demonstrations and settings stay as they are.
///
/// The metric matters more than any option here: one that says why an answer is wrong teaches more than a number. A strong
/// model for the proposals ([`Gepa::proposer_context`]) pays off, for there are few of them.
///
/// ```no_run
/// # use dictum_core::{data::Example, metrics::exact_match, modules::Predict, program::Context};
/// # async fn example(ctx: Context, strong: Context, program: Predict, train: Vec<Example>, val: Vec<Example>)
/// # -> dictum_core::Result<()> {
/// use dictum_optimize::{Gepa, gepa::Sampling};
///
/// let compiled = Gepa::light()
///     .proposer_context(&strong)
///     .sampling(Sampling::Steady(4))
///     .run_dir("runs/triage")
///     .compile(&ctx, &program, &train, &val, exact_match("team"))
///     .await?;
/// println!("{}", compiled.report);
/// # Ok(()) }
/// ```
///
/// **As a search at inference time**, for the best answers to the very examples at hand: give the same examples as trainset
/// and validation set, with [`Gepa::allow_overlap`]. The report's front ([`Report::front`](crate::Report::front)) has the best
/// output found for each.
///
/// Other than DSPy's `GEPA` and the package `gepa` it stands on:
/// - The budget is never overshot: a proposal is not begun that could not be scored in full. It counts rollouts; a rollout of the
///   same candidate on the same example is done and counted once, in minibatches and validation alike. A budget without room
///   for one proposal says so. If none is set, the search is a light one.
/// - Merging is off unless asked for: in the paper it hurts one of two models. A merge that comes out as a candidate seen
///   before is not tried.
/// - Proposals that were no better are remembered. A child seen before is not tried again, and the next question about the same
///   parent and predictor shows the last four. Rounds without anything new end the search.
/// - The proposer is asked at temperature 1 unless told otherwise, in words of our own; it sees the predictor's fields, and
///   where the metric says nothing in words, the labels ([`Gepa::hide_labels`]).
/// - Answers that could not be read are shown as such unless told otherwise; in DSPy that is an option.
/// - Feedback for single predictors is given by the metric in the same score
///   ([`Score::with_feedback_for`](dictum_core::evaluate::Score::with_feedback_for)); the metric isn't called a second time.
/// - Steps are known by the predictor's path, not by its signature: two predictors with the same signature stay apart.
/// - When the predictor whose turn it is was not called on the minibatch, the next one takes its turn.
/// - On a minibatch, a row the metric can't judge or whose model could not be reached counts for neither parent nor child, and is
///   not shown to the proposer.
/// - Minibatches go on into the next epoch where several proposals at a time use one up; the last of an epoch is filled with
///   the examples seen longest ago.
/// - With a frontier of objectives, a row the program failed on counts as the failure score in each.
/// - Instructions beyond [`Gepa::max_chars`] are asked for again once, and then left out; DSPy raises an error.
/// - A selector of components of one's own is a closure with a name ([`Gepa::select_components`]); it sees the rollouts.
/// - Reference notes are titles with texts ([`Gepa::note`]), not folders of skills. There is no proposal of code or images, and
///   no callback that takes the proposer's place: a question of one's own does ([`Gepa::proposal_question`]).
/// - Beside the reference's ways to make several proposals at a time there is [`Sampling::Steady`], which does not wait for
///   rounds to end.
#[derive(Debug, Clone)]
pub struct Gepa {
    options: Options,
    how: How,
}

optimizer!(Gepa);
proposer_options!(Gepa);

/// The settings of a search.
#[derive(Debug, Clone)]
struct How {
    rollouts: Rollouts,
    minibatch: usize,
    sampling: Sampling,
    parent: Parent,
    components: Components,
    /// The user's own selector, in place of those.
    selector: Option<Selector>,
    /// The paths of predictors and texts that may change.
    only: Option<Vec<String>>,
    frontier: Frontier,
    acceptance: Acceptance,
    selection: Selection,
    skip_perfect: bool,
    merge: bool,
    max_merges: usize,
    stop: Stop,
    showing: Showing,
    asking: Asking,
    temperature: Option<f64>,
}

impl Gepa {
    /// A light search: minibatches of 3, one proposal at a time, parents from the front, predictors in turn, no merging.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            how: How {
                rollouts: Rollouts::Auto(budget::LIGHT),
                minibatch: 3,
                sampling: Sampling::default(),
                parent: Parent::default(),
                components: Components::default(),
                selector: None,
                only: None,
                frontier: Frontier::default(),
                acceptance: Acceptance::default(),
                selection: Selection::default(),
                skip_perfect: true,
                merge: false,
                max_merges: 5,
                stop: Stop::default(),
                showing: Showing {
                    value_chars: 2_000,
                    format_failures: true,
                    labels: true,
                    perfect: 1.0,
                },
                asking: Asking::default(),
                temperature: Some(1.0),
            },
        }
    }

    /// The rollouts of a search of about 6 candidates for each predictor, as the reference reckons them: 500 for one predictor
    /// and 30 validation examples.
    #[must_use]
    pub fn light() -> Self {
        Self::new()
    }

    /// The rollouts of a search of about 12 candidates for each predictor: 840 for one predictor and 30 validation examples.
    #[must_use]
    pub fn medium() -> Self {
        let mut gepa = Self::new();
        gepa.how.rollouts = Rollouts::Auto(budget::MEDIUM);
        gepa
    }

    /// The rollouts of a search of about 18 candidates for each predictor: 1245 for one predictor and 30 validation examples.
    #[must_use]
    pub fn heavy() -> Self {
        let mut gepa = Self::new();
        gepa.how.rollouts = Rollouts::Auto(budget::HEAVY);
        gepa
    }

    /// At most so many rollouts of the program, the first scoring on the validation set included. The proposer's questions
    /// are none; [`Gepa::budget`] counts them too.
    #[must_use]
    pub fn rollouts(mut self, rollouts: usize) -> Self {
        self.how.rollouts = Rollouts::Exactly(rollouts);
        self
    }

    /// At most as many rollouts as so many evaluations of the trainset and the validation set take.
    #[must_use]
    pub fn full_evals(mut self, evals: usize) -> Self {
        self.how.rollouts = Rollouts::FullEvals(evals);
        self
    }

    /// Examples in a minibatch; 3 if not set, at least 1.
    #[must_use]
    pub fn minibatch(mut self, examples: usize) -> Self {
        self.how.minibatch = examples.max(1);
        self
    }

    /// How many proposals are made at a time; one if not set.
    #[must_use]
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.how.sampling = sampling;
        self
    }

    /// Which of the accepted children of a round are scored on the validation set; all if not set.
    #[must_use]
    pub fn selection(mut self, selection: Selection) -> Self {
        self.how.selection = selection;
        self
    }

    /// Which candidate a proposal starts from; one of the front if not set.
    #[must_use]
    pub fn parent(mut self, parent: Parent) -> Self {
        self.how.parent = parent;
        self
    }

    /// Which predictors a proposal changes; one after the other if not set.
    #[must_use]
    pub fn components(mut self, components: Components) -> Self {
        self.how.components = components;
        self
    }

    /// Picks what a proposal changes by a closure, in place of [`Gepa::components`]: it gives places in [`Turn::paths`]. What the
    /// minibatch says nothing about is passed over; where nothing is left, nothing is proposed. The same turn must always give
    /// the same places, or the run can't be resumed and its result depends on chance. `name` stands for the closure in
    /// `run.json`: change it when the closure changes.
    ///
    /// ```
    /// use dictum_optimize::Gepa;
    /// // The last predictor that was called, for its words decide the answer.
    /// let gepa = Gepa::new().select_components("last called", |turn| {
    ///     turn.called.iter().rposition(|called| *called).into_iter().collect()
    /// });
    /// ```
    #[must_use]
    pub fn select_components(
        mut self,
        name: impl Into<String>,
        pick: impl Fn(&Turn<'_>) -> Vec<usize> + Send + Sync + 'static,
    ) -> Self {
        self.how.selector = Some(Selector {
            name: name.into(),
            pick: std::sync::Arc::new(pick),
        });
        self
    }

    /// Changes the predictors and texts at these paths only; all if not set.
    #[must_use]
    pub fn only<T: Into<String>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        self.how.only = Some(paths.into_iter().map(Into::into).collect());
        self
    }

    /// What candidates must be best at to stand on the front; an example if not set.
    #[must_use]
    pub fn frontier(mut self, frontier: Frontier) -> Self {
        self.how.frontier = frontier;
        self
    }

    /// When a child goes on to the validation set; when it is better on its minibatch, if not set.
    #[must_use]
    pub fn acceptance(mut self, acceptance: Acceptance) -> Self {
        self.how.acceptance = acceptance;
        self
    }

    /// Merges candidates that changed different predictors: the child has what each of them changed, and is tried on five
    /// validation examples first. Worth it for programs of several predictors only.
    #[must_use]
    pub fn merge(mut self) -> Self {
        self.how.merge = true;
        self
    }

    /// Most merges that are accepted; 5 if not set.
    #[must_use]
    pub fn max_merges(mut self, merges: usize) -> Self {
        self.how.max_merges = merges;
        self
    }

    /// The score of a perfect answer; 1 if not set.
    #[must_use]
    pub fn perfect_score(mut self, score: f64) -> Self {
        self.how.showing.perfect = score;
        self
    }

    /// Asks for proposals on minibatches too that were answered perfectly. Otherwise they are skipped.
    #[must_use]
    pub fn keep_perfect(mut self) -> Self {
        self.how.skip_perfect = false;
        self
    }

    /// Ends the search when a candidate's mean on the validation set reaches this.
    #[must_use]
    pub fn stop_at_score(mut self, score: f64) -> Self {
        self.how.stop.score = Some(score);
        self
    }

    /// Ends the search after so many proposals.
    #[must_use]
    pub fn max_proposals(mut self, proposals: usize) -> Self {
        self.how.stop.proposals = Some(proposals);
        self
    }

    /// Ends the search after so many proposals without a new best.
    #[must_use]
    pub fn patience(mut self, proposals: usize) -> Self {
        self.how.stop.patience = Some(proposals);
        self
    }

    /// Asks the proposer at this temperature; 1 if not set. `None` leaves it to its context.
    #[must_use]
    pub fn proposal_temperature(mut self, temperature: impl Into<Option<f64>>) -> Self {
        self.how.temperature = temperature.into();
        self
    }

    /// What the new instructions must heed: a style, a language, things never to say.
    #[must_use]
    pub fn guidance(mut self, words: impl Into<String>) -> Self {
        self.how.asking.guidance = Some(words.into());
        self
    }

    /// A note on the subject for the proposer to learn from, with its title. May be called several times.
    #[must_use]
    pub fn note(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.how.asking.notes.push((title.into(), text.into()));
        self
    }

    /// Most characters of a predictor's instructions; no limit if not set.
    #[must_use]
    pub fn max_chars(mut self, characters: usize) -> Self {
        self.how.asking.max_chars = Some(characters);
        self
    }

    /// Most characters of one value in the examples the proposer is shown; 2000 if not set.
    #[must_use]
    pub fn shown_chars(mut self, characters: usize) -> Self {
        self.how.showing.value_chars = characters.max(1);
        self
    }

    /// Doesn't show the proposer what the labels say. They are shown only where the metric gives no words, for answers that
    /// are not perfect.
    #[must_use]
    pub fn hide_labels(mut self) -> Self {
        self.how.showing.labels = false;
        self
    }

    /// Doesn't show the proposer what was wrong with answers that could not be read.
    #[must_use]
    pub fn hide_format_failures(mut self) -> Self {
        self.how.showing.format_failures = false;
        self
    }

    /// Asks for proposals with these instructions in place of ours.
    #[must_use]
    pub fn proposal_wording(mut self, instructions: impl Into<String>) -> Self {
        self.how.asking.wording = Some(instructions.into());
        self
    }

    /// Asks this question for proposals in place of ours. Its last text output is taken for the new instructions. It needs the
    /// input `examples`, and may have `current_instructions`, `step`, `tried`, `guidance`, `notes` and `limit`, all texts; what
    /// there is nothing to say of is empty.
    #[must_use]
    pub fn proposal_question(mut self, question: SignatureSpec) -> Self {
        self.how.asking.question = Some(question);
        self
    }
}

impl Recipe for Gepa {
    fn name(&self) -> &'static str {
        "Gepa"
    }

    fn settings(&self) -> Value {
        let how = &self.how;
        json!({
            "rollouts": how.rollouts,
            "minibatch": how.minibatch,
            "sampling": how.sampling,
            "parent": how.parent,
            "components": match &how.selector {
                Some(selector) => json!(selector.name),
                None => json!(how.components),
            },
            "only": how.only,
            "frontier": how.frontier,
            "acceptance": how.acceptance,
            "selection": how.selection,
            "skip_perfect": how.skip_perfect,
            "merge": how.merge,
            "max_merges": how.max_merges,
            "stop": how.stop,
            "showing": how.showing,
            "proposal": how.asking.settings(),
            "temperature": how.temperature,
        })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        self.how.asking.check()?;
        for path in self.how.only.iter().flatten() {
            let components = plan.components();
            if components.iter().all(|component| component.path() != path) {
                let known: Vec<&str> = components.iter().map(|component| component.path()).collect();
                return Err(Error::input(
                    "only",
                    format!(
                        "names `{path}`, but the predictors and texts are `{}`",
                        known.join("`, `")
                    ),
                ));
            }
        }
        if let Parent::EpsilonGreedy(epsilon) = self.how.parent
            && !(0.0..=1.0).contains(&epsilon)
        {
            return Err(Error::input("parent", "needs an epsilon between 0 and 1"));
        }
        Ok(Box::new(Search::new(plan, self.how.clone())))
    }
}
