//! How much is tried.

use dictum_core::error::{Error, Result};
use serde::Serialize;

/// How much [`MiproV2`](super::MiproV2) tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// 6 sets of demonstrations and 3 instructions for each predictor, at most 100 examples of the validation set.
    Light,
    /// 12 sets, 6 instructions, at most 300 examples.
    Medium,
    /// 18 sets, 9 instructions, at most 1000 examples.
    Heavy,
}

impl Effort {
    fn candidates(self) -> usize {
        match self {
            Self::Light => 6,
            Self::Medium => 12,
            Self::Heavy => 18,
        }
    }

    fn most_validation(self) -> usize {
        match self {
            Self::Light => 100,
            Self::Medium => 300,
            Self::Heavy => 1_000,
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Wish {
    pub(super) auto: Option<Effort>,
    pub(super) candidates: Option<usize>,
    pub(super) trials: Option<usize>,
    /// The size of minibatches with the number of trials from one full evaluation to the next; inside `None` for none.
    pub(super) minibatch: Option<Option<(usize, usize)>>,
    /// Whether there are trials until the budget ends.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) use_budget: bool,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Size {
    /// Sets of demonstrations for each predictor.
    pub(super) sets: usize,
    /// Instructions for each predictor, its own included.
    pub(super) instructions: usize,
    pub(super) trials: usize,
    /// How many examples of the validation set are used.
    pub(super) validation: usize,
    pub(super) minibatch: Option<(usize, usize)>,
}

/// Larger validation sets are scored on in minibatches.
const SMALL: usize = 50;
const MINIBATCH: usize = 35;
const FULL_EVERY: usize = 5;

impl Wish {
    pub(super) fn resolve(&self, dimensions: usize, zero_shot: bool, valset: usize) -> Result<Size> {
        if let (true, Some(_)) = (self.use_budget, self.trials) {
            let words = "says how many there are; leave it out for as many as the budget has room for";
            return Err(Error::input("trials", words));
        }
        let (candidates, auto) = match (self.auto, self.candidates, self.trials) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                let words = "says how much is tried; leave it out to say `candidates` and `trials` yourself";
                return Err(Error::input("auto", words));
            }
            (_, Some(0), _) => return Err(Error::input("candidates", "must be at least 1")),
            (_, None, Some(_)) => {
                let words = "needs `candidates` beside it: how many instructions and sets of demonstrations to choose from";
                return Err(Error::input("trials", words));
            }
            (_, _, Some(0)) => return Err(Error::input("trials", "must be at least 1")),
            (_, Some(candidates), _) => (candidates, None),
            (auto, None, None) => {
                let auto = auto.unwrap_or(Effort::Light);
                (auto.candidates(), Some(auto))
            }
        };
        let validation = auto.map_or(valset, |auto| valset.min(auto.most_validation()));
        let minibatch = match self.minibatch {
            None => (validation > SMALL).then_some((MINIBATCH, FULL_EVERY)),
            Some(None) => None,
            Some(Some((0, _) | (_, 0))) => {
                return Err(Error::input(
                    "minibatch",
                    "must have at least 1 example, and a full evaluation after at least 1 trial",
                ));
            }
            Some(Some((examples, _))) if examples > validation => {
                let words = format!(
                    "has {examples} examples, but there are only {validation} to score on; ask for fewer, or for \
                     `full_evaluations`"
                );
                return Err(Error::input("minibatch", words));
            }
            // A minibatch of everything is a full evaluation.
            Some(Some((examples, _))) if examples == validation => None,
            Some(given) => given,
        };
        let instructions = match auto {
            Some(_) if !zero_shot => candidates / 2,
            _ => candidates,
        };
        Ok(Size {
            sets: candidates,
            instructions,
            trials: match self.use_budget {
                true => usize::MAX,
                false => self.trials.unwrap_or_else(|| trials(dimensions, candidates)),
            },
            validation,
            minibatch,
        })
    }
}

/// The more choices there are to make, and to choose from, the more trials it takes.
fn trials(dimensions: usize, candidates: usize) -> usize {
    let (dimensions, candidates) = (dimensions as f64, candidates as f64);
    (2.0 * dimensions * candidates.log2()).max(1.5 * candidates) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(auto: Option<Effort>, candidates: Option<usize>, trials: Option<usize>) -> Wish {
        Wish {
            auto,
            candidates,
            trials,
            minibatch: None,
            use_budget: false,
        }
    }

    /// The reference's numbers for one and two predictors.
    #[test]
    fn auto_is_as_in_the_reference() {
        let size = |auto, dimensions, zero_shot, valset| {
            let size = wish(Some(auto), None, None)
                .resolve(dimensions, zero_shot, valset)
                .unwrap();
            (
                size.sets,
                size.instructions,
                size.trials,
                size.validation,
                size.minibatch.is_some(),
            )
        };
        assert_eq!(size(Effort::Light, 2, false, 50), (6, 3, 10, 50, false));
        assert_eq!(size(Effort::Light, 1, true, 400), (6, 6, 9, 100, true));
        assert_eq!(size(Effort::Medium, 4, false, 400), (12, 6, 28, 300, true));
        assert_eq!(size(Effort::Heavy, 2, true, 51), (18, 18, 27, 51, true));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let problem = |wish: Wish| wish.resolve(2, false, 40).unwrap_err().to_string();
        let light = Some(Effort::Light);
        assert!(problem(wish(light, Some(4), None)).contains("auto"));
        assert!(problem(wish(light, None, Some(4))).contains("auto"));
        assert!(problem(wish(None, None, Some(4))).contains("candidates"));
        assert!(problem(wish(None, Some(0), None)).contains("at least 1"));
        assert!(problem(wish(None, Some(2), Some(0))).contains("at least 1"));
        let batch = |batch| Wish {
            minibatch: Some(Some(batch)),
            ..Wish::default()
        };
        assert!(problem(batch((41, 5))).contains("only 40"));
        assert!(problem(batch((0, 5))).contains("at least 1"));
        assert!(problem(batch((10, 0))).contains("at least 1"));
        assert_eq!(batch((40, 5)).resolve(2, false, 40).unwrap().minibatch, None);
    }
}
