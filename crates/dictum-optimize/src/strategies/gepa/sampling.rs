//! How many proposals are made at a time, and from which parents.

use serde::Serialize;

/// How many proposals are made at a time. Each has a minibatch of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// One, so that each learns from all before it: fewest rollouts, but little at a time for the model to do.
    #[default]
    Single,
    /// So many from one parent.
    SameParent(usize),
    /// So many from parents picked one by one.
    Independent(usize),
    /// So many parents, each with so many proposals.
    Grid {
        /// How many parents.
        parents: usize,
        /// How many proposals of each.
        proposals: usize,
    },
    /// So many on their way at any time: each that is done makes room for a new one, from the candidates known by then. The
    /// proposer is asked while others are scored, so this is the fastest where calls are slow. All accepted children are
    /// scored, whatever the [`Selection`](super::Selection).
    Steady(usize),
}

impl Sampling {
    /// Whether proposals don't wait for each other.
    pub(super) fn steady(self) -> bool {
        matches!(self, Self::Steady(_))
    }

    /// How many are on their way where they don't wait for each other.
    pub(super) fn lanes(self) -> usize {
        match self {
            Self::Steady(lanes) => lanes.max(1),
            _ => 1,
        }
    }

    /// The parents of the proposals of one round, each picked by `pick`.
    pub(super) fn parents(self, mut pick: impl FnMut(usize) -> usize) -> Vec<usize> {
        let (parents, proposals) = match self {
            Self::Single | Self::Steady(_) => (1, 1),
            Self::SameParent(proposals) => (1, proposals),
            Self::Independent(parents) => (parents, 1),
            Self::Grid { parents, proposals } => (parents, proposals),
        };
        let mut all = Vec::new();
        for number in 0..parents.max(1) {
            let parent = pick(number);
            all.extend(std::iter::repeat_n(parent, proposals.max(1)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_picked_as_often_as_the_rule_says() {
        let parents = |sampling: Sampling| sampling.parents(|number| 10 + number);
        assert_eq!(parents(Sampling::Single), [10]);
        assert_eq!(parents(Sampling::SameParent(3)), [10, 10, 10]);
        assert_eq!(parents(Sampling::Independent(3)), [10, 11, 12]);
        let grid = Sampling::Grid {
            parents: 2,
            proposals: 2,
        };
        assert_eq!(parents(grid), [10, 10, 11, 11]);
    }
}
