//! Which children go on to the validation set, by their minibatches.

use serde::Serialize;

/// When a child that was tried on a minibatch goes on to the validation set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceptance {
    /// Its scores sum to more than its parent's.
    #[default]
    Strict,
    /// Its scores sum to at least its parent's: steps aside are allowed.
    OrEqual,
}

impl Acceptance {
    /// Whether a gain is enough.
    pub(super) fn accepts(self, gain: f64) -> bool {
        match self {
            Self::Strict => gain > 0.0,
            Self::OrEqual => gain >= 0.0,
        }
    }
}

/// Which of the accepted children of one round go on, when several were proposed at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// The one that gained most.
    Best,
    /// So many that gained most.
    Top(usize),
}

impl Selection {
    /// The places that go on, of the gains of accepted children.
    pub(super) fn of(self, gains: &[f64]) -> Vec<usize> {
        let most = match self {
            Self::All => return (0..gains.len()).collect(),
            Self::Best => 1,
            Self::Top(most) => most,
        };
        let mut places: Vec<usize> = (0..gains.len()).collect();
        let gain = |place: &usize| gains.get(*place).copied().unwrap_or(f64::NEG_INFINITY);
        // Stable: among equals the first.
        places.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
        places.truncate(most);
        places.sort_unstable();
        places
    }
}

/// What the child gained on the rows that count for both: the difference of sums.
pub(super) fn gain(parent: &[Option<f64>], child: &[Option<f64>]) -> f64 {
    let (before, after) = sums(parent, child);
    after - before
}

/// The sums over the rows that count for both: a metric that can't judge a row says nothing of either.
pub(super) fn sums(parent: &[Option<f64>], child: &[Option<f64>]) -> (f64, f64) {
    let both = parent.iter().zip(child).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    both.fold((0.0, 0.0), |(before, after), (a, b)| (before + a, after + b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_count_for_both_are_compared() {
        let parent = [Some(1.0), None, Some(0.25), Some(0.0)];
        let child = [Some(0.5), Some(1.0), None, Some(1.0)];
        assert_eq!(sums(&parent, &child), (1.0, 1.5));
        assert!(Acceptance::Strict.accepts(gain(&parent, &child)));
        assert!(!Acceptance::Strict.accepts(gain(&parent, &parent)));
        assert!(Acceptance::OrEqual.accepts(gain(&parent, &parent)));
        assert!(!Acceptance::OrEqual.accepts(gain(&child, &parent)));
    }

    #[test]
    fn the_largest_gains_go_on_in_the_order_of_proposing() {
        let gains = [1.0, 3.0, 2.0, 3.0];
        assert_eq!(Selection::All.of(&gains), [0, 1, 2, 3]);
        assert_eq!(Selection::Best.of(&gains), [1]);
        assert_eq!(Selection::Top(3).of(&gains), [1, 2, 3]);
        assert_eq!(Selection::Top(9).of(&gains), [0, 1, 2, 3]);
    }
}
