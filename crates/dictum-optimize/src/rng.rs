//! The random numbers of optimizers.

use dictum_core::lm::Digest;
use serde::Serialize;

/// A generator whose numbers follow from what it is seeded with, on every platform and in every version: runs must replay.
///
/// The algorithm is SplitMix64 (Steele, Lea, Flood 2014), 64 bits of state. It is seeded from a [`Digest`] of stable ids
/// (the run's seed, a label, an example's id), never from the order in which work ended.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The generator of this purpose: equal values give equal numbers, different ones unrelated numbers.
    pub fn of<T: Serialize + ?Sized>(purpose: &T) -> Self {
        Self(Digest::of(purpose).to_u64())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, each equally likely; 0 for an `n` of 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        let n = n as u64;
        // Numbers of the last, incomplete round of `n` would make the low ones likelier.
        let limit = u64::MAX - (u64::MAX % n);
        loop {
            let bits = self.next_u64();
            if bits < limit {
                return (bits % n) as usize;
            }
        }
    }

    /// Puts items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }

    /// `k` of the items (all when there are fewer), in random order.
    pub fn sample<T: Clone>(&mut self, items: &[T], k: usize) -> Vec<T> {
        let mut items = items.to_vec();
        self.shuffle(&mut items);
        items.truncate(k);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_published_algorithm() {
        // The first outputs of SplitMix64 for the seed 1234567, as its reference code gives them.
        let mut rng = Rng(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

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
