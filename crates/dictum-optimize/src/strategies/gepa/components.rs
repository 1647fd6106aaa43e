//! Which predictors a proposal changes.

use serde::Serialize;

/// Which predictors' instructions a proposal changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Components {
    /// One after the other. Each candidate goes on from where its parents were.
    #[default]
    RoundRobin,
    /// All at once.
    All,
}

impl Components {
    /// The places of the predictors to change, of those that were called (`called`), and where the candidate stands next.
    /// A predictor that no example of the minibatch called has nothing to learn from, so the next one takes its turn.
    pub(super) fn pick(self, at: usize, called: &[bool]) -> (Vec<usize>, usize) {
        let many = called.len().max(1);
        let is_called = |place: usize| called.get(place).copied().unwrap_or(false);
        match self {
            Self::All => ((0..called.len()).filter(|place| is_called(*place)).collect(), at),
            Self::RoundRobin => {
                let turn = (0..many)
                    .map(|step| (at + step) % many)
                    .find(|place| is_called(*place));
                match turn {
                    Some(place) => (vec![place], (place + 1) % many),
                    None => (Vec::new(), at),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictors_take_turns_and_those_not_called_are_passed_over() {
        let turn = |at, called: &[bool]| Components::RoundRobin.pick(at, called);
        assert_eq!(turn(0, &[true, true, true]), (vec![0], 1));
        assert_eq!(turn(2, &[true, true, true]), (vec![2], 0));
        assert_eq!(turn(1, &[true, false, false]), (vec![0], 1));
        assert_eq!(turn(1, &[false, false]), (vec![], 1));
        assert_eq!(Components::All.pick(0, &[true, false, true]), (vec![0, 2], 0));
    }
}
