//! The attempts at one example, and what the spread of their scores says.

use std::sync::Arc;

use crate::strategy::Done;

/// One attempt at an example.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) score: f64,
    pub(super) done: Arc<Done>,
}

/// All attempts at one example, the best first.
#[derive(Debug)]
pub(super) struct Bucket(Vec<Attempt>);

impl Bucket {
    /// `None` without attempts.
    pub(super) fn new(mut attempts: Vec<Attempt>) -> Option<Self> {
        attempts.sort_by(|a, b| b.score.total_cmp(&a.score));
        (!attempts.is_empty()).then_some(Self(attempts))
    }

    pub(super) fn best(&self) -> Option<&Attempt> {
        self.0.first()
    }

    pub(super) fn worst(&self) -> Option<&Attempt> {
        self.0.last()
    }

    pub(super) fn scores(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|attempt| attempt.score)
    }

    /// How much there is to learn: first how far best and worst are apart, then how good the best is, then how far it is
    /// above the mean.
    fn rank(&self) -> [f64; 3] {
        let (Some(best), Some(worst)) = (self.best(), self.worst()) else {
            return [0.0; 3];
        };
        let mean = self.scores().sum::<f64>() / self.0.len() as f64;
        [best.score - worst.score, best.score, best.score - mean]
    }
}

/// Puts those first from which there is most to learn. Among equals the order stays.
pub(super) fn sort(buckets: &mut [Bucket]) {
    let compare = |a: &Bucket, b: &Bucket| {
        let pairs = b.rank().into_iter().zip(a.rank());
        pairs
            .map(|(b, a)| b.total_cmp(&a))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    buckets.sort_by(compare);
}

/// The value below which this share of the scores lies, interpolated between neighbours; 0 without scores.
pub(super) fn percentile(scores: &[f64], share: f64) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, above) = (
        sorted.get(place.floor() as usize),
        sorted.get(place.ceil() as usize),
    );
    match (below, above) {
        (Some(below), Some(above)) => below + (above - below) * place.fract(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile([3, 1, 2, 10], [10, 50, 90]) is [1.3, 2.5, 7.9].
        for (share, expected) in [(0.1, 1.3), (0.5, 2.5), (0.9, 7.9)] {
            assert!((percentile(&[3.0, 1.0, 2.0, 10.0], share) - expected).abs() < 1e-12);
        }
        assert_eq!(percentile(&[0.5], 0.9), 0.5);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
