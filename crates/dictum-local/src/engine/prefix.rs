//! Which prompt beginnings are kept computed, and which give way: bookkeeping only, no llama.cpp in here.

use llama_cpp_2::token::LlamaToken;

/// A prompt beginning kept in a sequence of its own, from which requests copy.
#[derive(Debug)]
pub(crate) struct Prefix {
    /// llama.cpp's sequence id.
    pub(crate) seq: i32,
    pub(crate) tokens: Vec<LlamaToken>,
    /// How many of `tokens` are in the KV cache.
    pub(crate) computed: usize,
    /// Requests that wait for it or copied from it and still run.
    users: usize,
    last_used: u64,
}

/// The kept prefixes, at most as many as there are sequences for them.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    free: Vec<i32>,
    kept: Vec<Prefix>,
    clock: u64,
}

impl PrefixCache {
    pub(crate) fn new(seqs: impl Iterator<Item = i32>) -> Self {
        Self {
            free: seqs.collect(),
            kept: Vec::new(),
            clock: 0,
        }
    }

    /// The kept prefix that shares most with `tokens`: its sequence and how many tokens they share.
    pub(crate) fn best(&self, tokens: &[LlamaToken]) -> Option<(i32, usize)> {
        self.kept
            .iter()
            .map(|prefix| (prefix.seq, common(&prefix.tokens, tokens)))
            .filter(|(_, shared)| *shared > 0)
            .max_by_key(|(_, shared)| *shared)
    }

    pub(crate) fn get_mut(&mut self, seq: i32) -> Option<&mut Prefix> {
        self.kept.iter_mut().find(|prefix| prefix.seq == seq)
    }

    pub(crate) fn get(&self, seq: i32) -> Option<&Prefix> {
        self.kept.iter().find(|prefix| prefix.seq == seq)
    }

    /// Marks a prefix as in use until [`PrefixCache::release`].
    pub(crate) fn hold(&mut self, seq: i32) {
        self.clock += 1;
        let now = self.clock;
        if let Some(prefix) = self.get_mut(seq) {
            prefix.users += 1;
            prefix.last_used = now;
        }
    }

    pub(crate) fn release(&mut self, seq: i32) {
        if let Some(prefix) = self.get_mut(seq) {
            prefix.users = prefix.users.saturating_sub(1);
        }
    }

    /// Cells of the KV cache that the kept prefixes may use. Beginnings that two of them share are counted twice.
    pub(crate) fn cells(&self) -> usize {
        self.kept.iter().map(|prefix| prefix.tokens.len()).sum()
    }

    pub(crate) fn has_free_seq(&self) -> bool {
        !self.free.is_empty()
    }

    /// Starts keeping `tokens`, of which `computed` are already there; `None` when every sequence is taken.
    pub(crate) fn insert(&mut self, tokens: Vec<LlamaToken>) -> Option<i32> {
        let seq = self.free.pop()?;
        self.clock += 1;
        self.kept.push(Prefix {
            seq,
            tokens,
            computed: 0,
            users: 0,
            last_used: self.clock,
        });
        Some(seq)
    }

    /// Gives up the least recently used prefix that nobody uses; its sequence has to be cleared by the caller.
    pub(crate) fn evict(&mut self) -> Option<i32> {
        let (at, _) = self
            .kept
            .iter()
            .enumerate()
            .filter(|(_, prefix)| prefix.users == 0)
            .min_by_key(|(_, prefix)| prefix.last_used)?;
        let seq = self.kept.swap_remove(at).seq;
        self.free.push(seq);
        Some(seq)
    }

    /// Forgets everything, after llama.cpp's cache was cleared.
    pub(crate) fn clear(&mut self) {
        self.free.extend(self.kept.drain(..).map(|prefix| prefix.seq));
    }

    /// Prefixes that somebody waits for, in order of age.
    pub(crate) fn unfinished(&mut self) -> impl Iterator<Item = &mut Prefix> {
        self.kept
            .iter_mut()
            .filter(|prefix| prefix.users > 0 && prefix.computed < prefix.tokens.len())
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

    #[test]
    fn the_longest_shared_beginning_is_found() {
        let mut cache = PrefixCache::new(8..11);
        let short = cache.insert(tokens(&[1, 2])).unwrap();
        let long = cache.insert(tokens(&[1, 2, 3, 4])).unwrap();
        assert_eq!(cache.best(&tokens(&[1, 2, 3, 9])), Some((long, 3)));
        assert_eq!(cache.best(&tokens(&[7])), None);
        assert_ne!(short, long);
    }

    #[test]
    fn the_least_recently_used_gives_way_and_those_in_use_never() {
        let mut cache = PrefixCache::new(0..2);
        let old = cache.insert(tokens(&[1])).unwrap();
        let new = cache.insert(tokens(&[2])).unwrap();
        assert_eq!(cache.insert(tokens(&[3])), None);
        cache.hold(old);
        assert_eq!(cache.evict(), Some(new));
        assert_eq!(cache.evict(), None);
        cache.release(old);
        assert_eq!(cache.evict(), Some(old));
        assert_eq!(cache.cells(), 0);
    }

    #[test]
    fn only_a_prefix_somebody_waits_for_is_computed() {
        let mut cache = PrefixCache::new(0..2);
        let seq = cache.insert(tokens(&[1, 2])).unwrap();
        assert_eq!(cache.unfinished().count(), 0);
        cache.hold(seq);
        assert_eq!(cache.unfinished().count(), 1);
        cache.get_mut(seq).unwrap().computed = 2;
        assert_eq!(cache.unfinished().count(), 0);
    }
}
