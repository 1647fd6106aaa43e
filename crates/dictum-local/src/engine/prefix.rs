//! Which prompt beginnings are kept computed, and which give way: bookkeeping only, no llama.cpp in here.

use llama_cpp_2::token::LlamaToken;

/// Computed prompt beginnings, least recently used first to go when they take more than their share of memory.
///
/// `S` is the computed state; the engine keeps llama.cpp's snapshot of a sequence, which is as large as the tokens in it (about
/// 12 KB a token for a model of 0.5 billion parameters).
#[derive(Debug)]
pub(crate) struct PrefixCache<S> {
    kept: Vec<Kept<S>>,
    capacity: usize,
    clock: u64,
}

#[derive(Debug)]
struct Kept<S> {
    id: u64,
    tokens: Vec<LlamaToken>,
    /// `None` while some request is computing it.
    state: Option<S>,
    bytes: usize,
    last_used: u64,
}

/// How far a kept beginning is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Ready,
    Computing,
    /// It was given up, or its computation was.
    Gone,
}

impl<S> PrefixCache<S> {
    /// Keeps states of `capacity` bytes together, and always the newest.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            kept: Vec::new(),
            capacity,
            clock: 0,
        }
    }

    /// The ready beginning that shares most with `tokens`, and how many tokens they share.
    pub(crate) fn best(&self, tokens: &[LlamaToken]) -> Option<(u64, usize)> {
        self.longest(tokens, |kept| kept.state.is_some())
    }

    /// The beginning that somebody is computing and that will share most with `tokens`.
    pub(crate) fn computing(&self, tokens: &[LlamaToken]) -> Option<(u64, usize)> {
        self.longest(tokens, |kept| kept.state.is_none())
    }

    fn longest(&self, tokens: &[LlamaToken], of: impl Fn(&Kept<S>) -> bool) -> Option<(u64, usize)> {
        self.kept
            .iter()
            .filter(|kept| of(kept))
            .map(|kept| (kept.id, common(&kept.tokens, tokens)))
            .filter(|(_, shared)| *shared > 0)
            .max_by_key(|(_, shared)| *shared)
    }

    pub(crate) fn progress(&self, id: u64) -> Progress {
        match self.kept.iter().find(|kept| kept.id == id) {
            None => Progress::Gone,
            Some(kept) if kept.state.is_some() => Progress::Ready,
            Some(_) => Progress::Computing,
        }
    }

    /// The state of a ready beginning, which counts as a use of it.
    pub(crate) fn state(&mut self, id: u64) -> Option<&S> {
        self.clock += 1;
        let kept = self.kept.iter_mut().find(|kept| kept.id == id)?;
        kept.last_used = self.clock;
        kept.state.as_ref()
    }

    /// Announces that `tokens` are being computed; [`PrefixCache::finish`] or [`PrefixCache::abandon`] must follow.
    pub(crate) fn begin(&mut self, tokens: Vec<LlamaToken>) -> u64 {
        self.clock += 1;
        self.kept.push(Kept {
            id: self.clock,
            tokens,
            state: None,
            bytes: 0,
            last_used: self.clock,
        });
        self.clock
    }

    /// Keeps what was computed, and lets go of others until all fit.
    pub(crate) fn finish(&mut self, id: u64, state: S, bytes: usize) {
        self.clock += 1;
        let Some(kept) = self.kept.iter_mut().find(|kept| kept.id == id) else {
            return;
        };
        kept.state = Some(state);
        kept.bytes = bytes;
        kept.last_used = self.clock;
        while self.kept.iter().map(|kept| kept.bytes).sum::<usize>() > self.capacity {
            let oldest = self
                .kept
                .iter()
                .enumerate()
                .filter(|(_, kept)| kept.state.is_some() && kept.id != id)
                .min_by_key(|(_, kept)| kept.last_used);
            let Some((at, _)) = oldest else { return };
            self.kept.swap_remove(at);
        }
    }

    /// The computation was given up: those who wait for it must look elsewhere.
    pub(crate) fn abandon(&mut self, id: u64) {
        self.kept.retain(|kept| kept.id != id || kept.state.is_some());
    }
}

/// How many tokens two sequences share at their beginning.
pub(crate) fn common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(ids: &[i32]) -> Vec<LlamaToken> {
        ids.iter().map(|id| LlamaToken(*id)).collect()
    }

    fn keep(cache: &mut PrefixCache<&'static str>, ids: &[i32], state: &'static str, bytes: usize) -> u64 {
        let id = cache.begin(tokens(ids));
        cache.finish(id, state, bytes);
        id
    }

    #[test]
    fn the_longest_shared_beginning_is_found_once_it_is_ready() {
        let mut cache = PrefixCache::new(100);
        let short = keep(&mut cache, &[1, 2], "short", 1);
        let long = cache.begin(tokens(&[1, 2, 3, 4]));
        let wanted = tokens(&[1, 2, 3, 9]);
        assert_eq!(cache.best(&wanted), Some((short, 2)));
        assert_eq!(cache.computing(&wanted), Some((long, 3)));
        cache.finish(long, "long", 1);
        assert_eq!(cache.best(&wanted), Some((long, 3)));
        assert_eq!(cache.computing(&wanted), None);
        assert_eq!(cache.best(&tokens(&[7])), None);
        assert_eq!(cache.state(long), Some(&"long"));
    }

    #[test]
    fn the_least_recently_used_gives_way_to_the_newest() {
        let mut cache = PrefixCache::new(10);
        let first = keep(&mut cache, &[1], "first", 4);
        let second = keep(&mut cache, &[2], "second", 4);
        cache.state(first);
        let third = keep(&mut cache, &[3], "third", 4);
        assert_eq!(cache.progress(first), Progress::Ready);
        assert_eq!(cache.progress(second), Progress::Gone);
        // One that is larger than everything allowed is kept all the same, alone.
        let huge = keep(&mut cache, &[4], "huge", 11);
        assert_eq!(cache.progress(third), Progress::Gone);
        assert_eq!(cache.progress(huge), Progress::Ready);
    }

    #[test]
    fn a_computation_given_up_is_gone_and_a_finished_one_stays() {
        let mut cache = PrefixCache::new(10);
        let given_up = cache.begin(tokens(&[1, 2]));
        assert_eq!(cache.progress(given_up), Progress::Computing);
        cache.abandon(given_up);
        assert_eq!(cache.progress(given_up), Progress::Gone);
        let done = keep(&mut cache, &[1], "done", 1);
        cache.abandon(done);
        assert_eq!(cache.progress(done), Progress::Ready);
    }
}
