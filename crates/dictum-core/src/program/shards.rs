//! The latest steps of many threads, each kept where it came from.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Step;

/// Threads that share one shard wait for each other and free each other's steps, which costs an allocator dear: a step is dozens
/// of pieces. With so many shards two busy threads seldom meet.
const SHARDS: usize = 16;

/// The latest steps, numbered as they came. A thread puts its own into a shard and takes its own oldest out.
#[derive(Default)]
pub(super) struct Shards {
    pushed: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
}

type Shard = VecDeque<(u64, Arc<Step>)>;

impl Shards {
    /// Adds a step. Of this thread's, those go that are not among the latest `capacity` of all.
    pub(super) fn push(&self, step: Arc<Step>, capacity: usize) {
        let number = self.pushed.fetch_add(1, Ordering::Relaxed);
        if capacity == 0 {
            return;
        }
        let mut hasher = DefaultHasher::new();
        thread::current().id().hash(&mut hasher);
        let place = hasher.finish() as usize % SHARDS;
        let Some(shard) = self.shards.get(place) else {
            return;
        };
        let is_old = |(known, _): &mut (u64, Arc<Step>)| known.saturating_add(capacity as u64) <= number;
        let mut steps = lock(shard);
        steps.push_back((number, step));
        // What falls out is freed after the lock is gone. One as a rule, for which nothing is allocated.
        let first = steps.pop_front_if(is_old);
        let more: Vec<_> = std::iter::from_fn(|| steps.pop_front_if(is_old)).collect();
        drop(steps);
        drop((first, more));
    }

    /// The latest steps, oldest first, and how many came before them.
    pub(super) fn latest(&self, capacity: usize) -> (Vec<Arc<Step>>, u64) {
        let first = self.dropped(capacity);
        let mut steps: Vec<(u64, Arc<Step>)> = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let latest = shard.iter().filter(|(number, _)| *number >= first);
            steps.extend(latest.cloned());
        }
        steps.sort_by_key(|(number, _)| *number);
        let steps = steps.into_iter().map(|(_, step)| step);
        (steps.collect(), first)
    }

    /// How many steps came before the latest `capacity`.
    pub(super) fn dropped(&self, capacity: usize) -> u64 {
        self.pushed
            .load(Ordering::Relaxed)
            .saturating_sub(capacity as u64)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::program::PredictorId;
    use crate::record::Record;

    fn step(sample: u64) -> Arc<Step> {
        Arc::new(Step {
            predictor: PredictorId::new(),
            path: "self".into(),
            scope: None,
            began: std::time::SystemTime::UNIX_EPOCH,
            took: std::time::Duration::ZERO,
            adapter: "chat",
            sample,
            inputs: Record::new(),
            outcome: Err("none".to_owned()),
            repairs: Vec::new(),
            calls: Vec::new(),
        })
    }

    #[test]
    fn the_latest_of_many_threads_are_kept_in_the_order_they_came() {
        let shards = Shards::default();
        thread::scope(|scope| {
            for thread in 0..4 {
                let shards = &shards;
                scope.spawn(move || (0..50).for_each(|n| shards.push(step(100 * thread + n), 30)));
            }
        });
        let (kept, dropped) = shards.latest(30);
        assert_eq!((kept.len(), dropped), (30, 170));
        // Of each thread the last ones, none twice, in its own order.
        let all: HashSet<u64> = kept.iter().map(|step| step.sample).collect();
        assert_eq!(all.len(), 30);
        for thread in 0..4 {
            let own = kept.iter().map(|step| step.sample).filter(|n| n / 100 == thread);
            let own: Vec<u64> = own.collect();
            let last: Vec<u64> = (0..own.len() as u64)
                .map(|back| 100 * thread + 49 - back)
                .rev()
                .collect();
            assert_eq!(own, last);
        }
        (0..30).for_each(|n| shards.push(step(1000 + n), 30));
        let (kept, dropped) = shards.latest(30);
        assert!(kept.iter().map(|step| step.sample).eq(1000..1030) && dropped == 200);
    }

    #[test]
    fn without_room_nothing_is_kept_but_counted() {
        let shards = Shards::default();
        shards.push(step(0), 0);
        let (kept, dropped) = shards.latest(0);
        assert_eq!((kept.len(), dropped), (0, 1));
    }
}
