//! The random numbers of optimizers.

use dictum_core::evaluate::stats::SplitMix;
use dictum_core::lm::Digest;
use serde::Serialize;

/// A generator whose numbers follow from what it is seeded with, on every platform and in every version: runs must replay.
///
/// SplitMix64, seeded from a [`Digest`] of stable ids (the run's seed, a label, an example's id), never from the order in
/// which work ended.
#[derive(Debug, Clone)]
pub struct Rng(SplitMix);

impl Rng {
    /// The generator of this purpose: equal values give equal numbers, different ones unrelated numbers.
    pub fn of<T: Serialize + ?Sized>(purpose: &T) -> Self {
        Self(SplitMix::new(Digest::of(purpose).to_u64()))
    }

    /// A number below `n`, each equally likely; 0 for an `n` of 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.below(n)
    }

    /// A number in [0, 1), each equally likely.
    pub fn unit(&mut self) -> f64 {
        self.0.unit()
    }

    /// A place, each as likely as its weight says; `None` when no weight is above 0.
    pub fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let total: f64 = weights.iter().filter(|weight| **weight > 0.0).sum();
        let mut left = self.unit() * total;
        let mut last = None;
        for (place, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            last = Some(place);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }

    /// Puts items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_orders_are_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for seed in 0..6_000 {
            let mut items = [0, 1, 2];
            Rng::of(&("shuffle", seed)).shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        // 1000 each; six standard deviations are 173.
        assert!(counts.values().all(|n| (827..=1173).contains(n)), "{counts:?}");
    }
}
