//! Minibatches of the trainset: every example once in an epoch, in a new order each time.

use crate::rng::Rng;

/// Gives minibatches of places in the trainset.
#[derive(Debug)]
pub(super) struct Batches {
    examples: usize,
    size: usize,
    seed: u64,
    epoch: u64,
    /// The rest of this epoch, the next one last.
    rest: Vec<usize>,
}

impl Batches {
    pub(super) fn new(examples: usize, size: usize, seed: u64) -> Self {
        Self {
            examples,
            size: size.max(1),
            seed,
            epoch: 0,
            rest: Vec::new(),
        }
    }

    /// How many minibatches an epoch has.
    pub(super) fn per_epoch(&self) -> usize {
        self.examples.div_ceil(self.size)
    }

    /// The next minibatch.
    pub(super) fn next(&mut self) -> Vec<usize> {
        if self.rest.is_empty() {
            let mut order: Vec<usize> = (0..self.examples).collect();
            Rng::of(&("gepa minibatches", self.seed, self.epoch)).shuffle(&mut order);
            self.epoch += 1;
            // The last minibatch is filled with those seen longest ago, so that none stands in one twice where that can be.
            let missing = self.per_epoch() * self.size - order.len();
            let fill: Vec<usize> = order.iter().copied().cycle().take(missing).collect();
            order.extend(fill);
            order.reverse();
            self.rest = order;
        }
        let at = self.rest.len().saturating_sub(self.size);
        let mut batch = self.rest.split_off(at);
        batch.reverse();
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_example_and_no_minibatch_the_same_twice() {
        let mut batches = Batches::new(10, 3, 7);
        assert_eq!(batches.per_epoch(), 4);
        let mut orders = Vec::new();
        for _ in 0..3 {
            let epoch: Vec<Vec<usize>> = (0..4).map(|_| batches.next()).collect();
            for batch in &epoch {
                let mut alone = batch.clone();
                alone.sort_unstable();
                alone.dedup();
                assert_eq!(alone.len(), 3, "{batch:?}");
            }
            let all: Vec<usize> = epoch.concat();
            // Two are there twice, to fill the last minibatch: the first of this epoch.
            assert_eq!(all[10..], all[..2]);
            let mut sorted = all[..10].to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
            orders.push(all);
        }
        assert_ne!(orders[0], orders[1]);
        let mut again = Batches::new(10, 3, 7);
        assert_eq!(
            (0..4).map(|_| again.next()).collect::<Vec<_>>().concat(),
            orders[0]
        );
    }

    #[test]
    fn fewer_examples_than_a_minibatch_are_repeated() {
        assert_eq!(Batches::new(1, 3, 0).next(), [0, 0, 0]);
        assert_eq!(Batches::new(2, 3, 0).next().len(), 3);
    }
}
