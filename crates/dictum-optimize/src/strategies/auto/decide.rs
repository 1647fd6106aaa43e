//! What to do, from what was found, and why.

use crate::headroom::Headroom;
use crate::plan::Recipe;
use crate::strategies::{BootstrapFewShot, BootstrapRandomSearch, Gepa, InferRules, LabeledFewShot};

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) train: usize,
    pub(super) val: usize,
    /// Rows the winner is compared on: the test set's, else the validation set's.
    pub(super) rows: usize,
    pub(super) confirmed: bool,
    pub(super) headroom: Option<Headroom>,
    /// Calls that are left; `None` without limit.
    pub(super) calls: Option<u64>,
    /// Calls of a rollout, in the mean.
    pub(super) per_rollout: f64,
    /// Rows of the look that were not perfect, and of these how many the metric said something about.
    pub(super) wrong: usize,
    pub(super) told: usize,
    /// Whether the answers were made up for a dry run.
    pub(super) made_up: bool,
}

/// One optimizer of the plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leg {
    Labeled { demos: usize },
    Bootstrap,
    RandomSearch { candidates: usize },
    InferRules { candidates: usize },
    Gepa { rollouts: Option<usize> },
}

/// The plan: optimizers one after another, none where nothing is worth a try.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    pub(super) legs: Vec<Leg>,
    pub(super) reasons: Vec<String>,
}

/// Data below this says nothing about new data, whatever is done with it.
const LEAST_EXAMPLES: usize = 10;
/// Less room than this is not worth the calls.
const LEAST_ROOM: f64 = 0.02;
/// The error rate of racing.
const RACING: f64 = 0.05;
/// Evaluations on the validation set that are needed for more than labelled demonstrations, for a search among sets of
/// demonstrations, and for proposals.
const FOR_BOOTSTRAP: f64 = 2.0;
const FOR_SEARCH: f64 = 5.0;
const FOR_PROPOSALS: f64 = 9.0;

impl Leg {
    pub(super) fn recipe(&self) -> Box<dyn Recipe> {
        match self {
            Self::Labeled { demos } => Box::new(LabeledFewShot::new().k(*demos)),
            Self::Bootstrap => Box::new(BootstrapFewShot::new().max_labeled(4)),
            Self::RandomSearch { candidates } => {
                let search = BootstrapRandomSearch::new().max_labeled(4);
                Box::new(search.candidates(*candidates).racing(RACING))
            }
            Self::InferRules { candidates } => {
                Box::new(InferRules::new().candidates(*candidates).racing(RACING))
            }
            Self::Gepa { rollouts: None } => Box::new(Gepa::medium()),
            Self::Gepa {
                rollouts: Some(rollouts),
            } => Box::new(Gepa::new().rollouts(*rollouts)),
        }
    }

    /// In words.
    fn words(&self) -> String {
        match self {
            Self::Labeled { demos } => format!("LabeledFewShot with {demos} demonstrations"),
            Self::Bootstrap => "BootstrapFewShot".to_owned(),
            Self::RandomSearch { candidates } => {
                format!("BootstrapRandomSearch of {candidates} candidates, racing")
            }
            Self::InferRules { candidates } => format!("InferRules of {candidates} candidates, racing"),
            Self::Gepa { rollouts: None } => "a medium Gepa".to_owned(),
            Self::Gepa {
                rollouts: Some(rollouts),
            } => format!("Gepa with {rollouts} rollouts"),
        }
    }
}

/// What to do.
pub(super) fn decide(facts: &Facts) -> Decision {
    let mut reasons = Vec::new();
    let legs = legs(facts, &mut reasons);
    if let [first, rest @ ..] = legs.as_slice() {
        let mut plan = format!("so it is {}", first.words());
        for leg in rest {
            plan.push_str(&format!(", then from its best {}", leg.words()));
        }
        reasons.push(plan);
    } else {
        reasons.push("so nothing more was spent, and the program stays as it is".to_owned());
    }
    Decision { legs, reasons }
}

fn legs(facts: &Facts, reasons: &mut Vec<String>) -> Vec<Leg> {
    let Facts { train, val, rows, .. } = *facts;
    let set = if facts.confirmed {
        "test set"
    } else {
        "validation set"
    };
    reasons.push(format!(
        "there are {train} examples to learn from and {val} to choose by; the winner is compared on the {rows} rows of the \
         {set}"
    ));
    if train + val < LEAST_EXAMPLES {
        reasons.push(format!(
            "{} examples say nothing about new data: label at least {LEAST_EXAMPLES}, better 50, or show the model what there \
             is without measuring it (LabeledFewShot, `keep_best_anyway`)",
            train + val
        ));
        return Vec::new();
    }
    let Some(headroom) = &facts.headroom else {
        reasons.push("no example could be scored twice, so nothing is known of the program".to_owned());
        return Vec::new();
    };
    let found = if facts.made_up { "made-up answers" } else { "it" };
    reasons.push(format!(
        "on {} examples answered twice {found} scored {:.3}, with a mean squared difference of {:.3} between the two",
        headroom.examples, headroom.score, headroom.noise
    ));
    if headroom.room() <= LEAST_ROOM {
        reasons.push(format!(
            "that leaves no room worth the calls: {:.3}",
            headroom.room()
        ));
        return Vec::new();
    }
    if !headroom.is_enough(rows) {
        let needed = headroom
            .rows_for(headroom.room() / 2.0)
            .map_or_else(String::new, |rows| {
                format!("; to see half of the room filled takes {rows} rows")
            });
        reasons.push(format!(
            "{rows} rows can show gains from {:.3}, and there is room for {:.3}: whatever was found could be chance{needed}",
            headroom.smallest_gain(rows),
            headroom.room()
        ));
        return Vec::new();
    }
    reasons.push(format!(
        "{rows} rows can show gains from {:.3}, and there is room for {:.3}",
        headroom.smallest_gain(rows),
        headroom.room()
    ));
    let Some(calls) = facts.calls else {
        reasons.push(
            "no budget of calls was given, so the plan is of usual size; where another budget ends first, the best so far is \
             taken"
                .to_owned(),
        );
        return proposals(facts, None, reasons);
    };
    let rollouts = calls as f64 / facts.per_rollout.max(1.0);
    let evaluations = rollouts / val.max(1) as f64;
    reasons.push(format!(
        "{calls} calls are left for {rollouts:.0} rollouts, or {evaluations:.1} evaluations on the validation set"
    ));
    if evaluations < 1.0 {
        reasons.push("that is too few to score a single candidate".to_owned());
        Vec::new()
    } else if evaluations < FOR_BOOTSTRAP {
        reasons.push("that is enough to score one set of demonstrations".to_owned());
        vec![Leg::Labeled { demos: 4.min(train) }]
    } else if evaluations < FOR_SEARCH {
        reasons.push("that is enough for one set of demonstrations that the program makes itself".to_owned());
        vec![Leg::Bootstrap]
    } else if evaluations < FOR_PROPOSALS {
        reasons.push(
            "that is enough to choose among demonstrations, not for proposals of instructions".to_owned(),
        );
        // Beside them the program as it is and two more candidates are scored.
        let candidates = (evaluations - 3.0).max(1.0) as usize;
        vec![Leg::RandomSearch { candidates }]
    } else {
        proposals(facts, Some(rollouts), reasons)
    }
}

/// Plans with proposals, of so many rollouts.
fn proposals(facts: &Facts, rollouts: Option<f64>, reasons: &mut Vec<String>) -> Vec<Leg> {
    // A tenth of the wrong answers is enough to learn from: there are more in a run than in the look.
    let words = 10 * facts.told >= facts.wrong && facts.told > 0;
    reasons.push(match (facts.made_up, words) {
        (true, _) => "whether the metric says in words what is wrong is not known before the run".to_owned(),
        (false, true) => format!(
            "the metric said what is wrong with {} of {} answers, so Gepa, which learns from words, goes first",
            facts.told, facts.wrong
        ),
        (false, false) => {
            "the metric does not say in words what is wrong, so rules are read out of the examples first".to_owned()
        }
    });
    // What is left over pays for the proposals' own calls, and for bootstrapping.
    let val = facts.val.max(1) as f64;
    let gepa = Leg::Gepa {
        rollouts: rollouts.map(|rollouts| (0.6 * rollouts + val) as usize),
    };
    let rules = Leg::InferRules {
        candidates: rollouts.map_or(10, |rollouts| (0.3 * rollouts / val).clamp(2.0, 10.0) as usize),
    };
    if words || facts.made_up {
        vec![gepa, rules]
    } else {
        // Rules that were read out of labelled examples say first what words would.
        vec![rules, gepa]
    }
}
