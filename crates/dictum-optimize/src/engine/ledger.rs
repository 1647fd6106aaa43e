//! Which rollouts the budget of calls has room for, the same at every concurrency.
//!
//! Rollouts are admitted in the strategy's order. While work is under way it is not known how many calls it will take, so
//! each rollout in flight has its limit set aside in full. One is admitted beside others only when the budget holds its
//! limit too; else it waits until those before it have ended and it is known what they took. Admitted early or late, a
//! rollout finds that all before it leave room for its limit, so what is admitted does not depend on what was in flight.
//! The last calls, too few for a whole limit, go to one rollout at a time. When none is left, those go on whose calls others
//! have made already, as long as they make none of their own.

/// The account of a run's calls.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Calls that may be spent; `None` without limit.
    calls: Option<u64>,
    /// Calls set aside for each rollout in flight.
    limit: u64,
    /// Calls of ended rollouts.
    spent: u64,
}

/// Whether a rollout may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and take so many calls.
    Go(u64),
    /// It may not until another has ended.
    Wait,
    /// There is no call left.
    Spent,
}

impl Ledger {
    pub(super) fn new(calls: Option<u64>, limit: u64) -> Self {
        Self {
            calls,
            limit: limit.max(1),
            spent: 0,
        }
    }

    /// Sets what may be spent in all, of which some may be spent already.
    pub(super) fn allow(&mut self, calls: Option<u64>) {
        self.calls = calls;
    }

    #[cfg(test)]
    pub(super) fn spent(&self) -> u64 {
        self.spent
    }

    /// The most calls a rollout may take.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// `known` says whether the calls of the rollout may have been made already by one that shares them, once all before it
    /// have ended.
    pub(super) fn admit(&self, in_flight: usize, known: impl FnOnce() -> bool) -> Admission {
        let Some(calls) = self.calls else {
            return Admission::Go(u64::MAX);
        };
        let left = calls.saturating_sub(self.spent);
        let set_aside = self.limit.saturating_mul(in_flight as u64);
        if left >= set_aside.saturating_add(self.limit) {
            Admission::Go(self.limit)
        } else if in_flight > 0 {
            Admission::Wait
        } else if left > 0 || known() {
            Admission::Go(left)
        } else {
            Admission::Spent
        }
    }

    pub(super) fn ended(&mut self, calls: u64) {
        self.spent = self.spent.saturating_add(calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs rollouts that take these calls, ended in an order the picker chooses. Gives which were admitted with how many
    /// calls, and how many calls were made at most.
    fn simulate(
        budget: u64,
        limit: u64,
        costs: &[u64],
        concurrency: usize,
        mut pick: impl FnMut(usize) -> usize,
    ) -> Vec<u64> {
        let mut ledger = Ledger::new(Some(budget), limit);
        let (mut next, mut flight, mut done) = (0, Vec::new(), Vec::new());
        loop {
            while next < costs.len() && flight.len() < concurrency {
                match ledger.admit(flight.len(), || false) {
                    Admission::Go(most) => flight.push((next, costs[next].min(most))),
                    _ => break,
                }
                next += 1;
            }
            assert!(ledger.spent() + flight.iter().map(|(_, cost)| cost).sum::<u64>() <= budget);
            if flight.is_empty() {
                break;
            }
            let (place, cost) = flight.swap_remove(pick(flight.len()));
            ledger.ended(cost);
            done.push((place, cost));
        }
        done.sort_unstable();
        done.into_iter().map(|(_, cost)| cost).collect()
    }

    #[test]
    fn what_is_admitted_depends_neither_on_concurrency_nor_on_what_ends_first() {
        for case in 0..500_u64 {
            let mut rng = crate::Rng::of(&("ledger", case));
            let costs: Vec<u64> = (0..60).map(|_| rng.below(6) as u64).collect();
            let budget = rng.below(160) as u64;
            let alone = simulate(budget, 5, &costs, 1, |_| 0);
            for concurrency in [2, 7, 16] {
                let together = simulate(budget, 5, &costs, concurrency, |n| rng.below(n));
                assert_eq!(alone, together, "case {case}");
            }
        }
    }
}
