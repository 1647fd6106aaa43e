//! The engine's thread: it owns the llama.cpp context, admits requests and computes them together, one batch a step.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use llguidance::toktrie::TokEnv;

use super::prefix::{PrefixCache, common};
use super::slot::{Job, Slot, Step};
use crate::error::EngineError;

/// Fewer shared tokens than this are not worth a sequence of their own.
const WORTH_KEEPING: usize = 32;
/// A kept prefix that misses at most this many of the tokens that could be shared is good enough.
const GOOD_ENOUGH: usize = 16;
/// Prompts remembered to observe what unannounced requests share.
const REMEMBERED: usize = 8;

pub(crate) struct Worker<'model> {
    context: LlamaContext<'model>,
    batch: LlamaBatch<'static>,
    batch_size: usize,
    cells: usize,
    tokenizer: TokEnv,
    jobs: Receiver<Job>,
    waiting: VecDeque<Job>,
    slots: Vec<Slot>,
    free: Vec<i32>,
    prefixes: PrefixCache,
    recent: VecDeque<Vec<LlamaToken>>,
    open: bool,
}

impl<'model> Worker<'model> {
    pub(crate) fn new(
        context: LlamaContext<'model>,
        tokenizer: TokEnv,
        jobs: Receiver<Job>,
        parallel: i32,
        prefixes: i32,
    ) -> Self {
        let batch_size = context.n_batch() as usize;
        Self {
            cells: context.n_ctx() as usize,
            batch: LlamaBatch::new(batch_size, 1),
            batch_size,
            context,
            tokenizer,
            jobs,
            waiting: VecDeque::new(),
            slots: Vec::new(),
            // Handed out from the end: sequence 0 first.
            free: (0..parallel).rev().collect(),
            prefixes: PrefixCache::new(parallel..parallel + prefixes),
            recent: VecDeque::new(),
            open: true,
        }
    }

    /// Works until every handle of the engine is gone and nothing is left to do.
    pub(crate) fn run(mut self) {
        loop {
            self.receive();
            self.drop_cancelled();
            if !self.open && self.slots.is_empty() && self.waiting.is_empty() {
                return;
            }
            self.admit();
            self.start_slots();
            if let Err(error) = self.step() {
                self.fail_all(&error);
            }
        }
    }

    /// Takes what has arrived; sleeps only when there is nothing to compute.
    fn receive(&mut self) {
        if self.open && self.slots.is_empty() && self.waiting.is_empty() {
            match self.jobs.recv() {
                Ok(job) => self.waiting.push_back(job),
                Err(_) => self.open = false,
            }
        }
        loop {
            match self.jobs.try_recv() {
                Ok(job) => self.waiting.push_back(job),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.open = false;
                    return;
                }
            }
        }
    }

    fn drop_cancelled(&mut self) {
        self.waiting.retain(|job| !job.events.is_closed());
        let mut at = 0;
        while let Some(slot) = self.slots.get(at) {
            if slot.cancelled() {
                let slot = self.slots.swap_remove(at);
                self.free_seq(&slot);
            } else {
                at += 1;
            }
        }
    }

    fn free_seq(&mut self, slot: &Slot) {
        self.clear_seq(slot.seq);
        if let Some((seq, _)) = slot.source {
            self.prefixes.release(seq);
        }
        self.free.push(slot.seq);
    }

    fn clear_seq(&mut self, seq: i32) {
        // Removing a whole sequence can't fail; only a part of one can, in models with recurrent state.
        if let Err(error) = self
            .context
            .clear_kv_cache_seq(Some(seq.cast_unsigned()), None, None)
        {
            tracing::warn!(%error, seq, "could not clear a sequence");
        }
    }

    /// Gives waiting requests a slot, in order, as long as there is one and their tokens fit.
    fn admit(&mut self) {
        while !self.free.is_empty() {
            let Some(job) = self.waiting.pop_front() else {
                return;
            };
            let (source, cells) = match self.place(&job) {
                Some(placed) => placed,
                None => {
                    self.waiting.push_front(job);
                    return;
                }
            };
            let Some(seq) = self.free.pop() else { return };
            self.remember(&job.prompt);
            let tokenizer = self.tokenizer.clone();
            let (mut slot, step) = Slot::open(seq, job, tokenizer.tok_trie());
            slot.source = source;
            slot.cells = cells;
            if let Some((prefix, _)) = source {
                self.prefixes.hold(prefix);
            }
            self.settle(slot, step);
        }
    }

    /// Finds where a request's beginning comes from and makes room for the rest; `None` when it has to wait.
    fn place(&mut self, job: &Job) -> Option<(Option<(i32, usize)>, usize)> {
        let whole = job.prompt.len() + job.max_tokens;
        let shareable = job
            .shared
            .unwrap_or_else(|| self.observed(&job.prompt))
            .min(job.prompt.len() - 1);
        let enough = self
            .best(job)
            .is_some_and(|(_, shared)| shared + GOOD_ENOUGH >= shareable);
        if shareable >= WORTH_KEEPING && !enough {
            let beginning = job.prompt.get(..shareable).unwrap_or_default().to_vec();
            if let Some(seq) = self.keep(beginning, whole - shareable) {
                return Some((Some((seq, shareable)), whole - shareable));
            }
        }
        let (source, need) = match self.best(job) {
            Some((seq, shared)) => (Some((seq, shared)), whole - shared),
            None => (None, whole),
        };
        // The source must not be the one that gives way.
        if let Some((seq, _)) = source {
            self.prefixes.hold(seq);
        }
        let fits = self.make_room(need);
        if let Some((seq, _)) = source {
            self.prefixes.release(seq);
        }
        if fits {
            return Some((source, need));
        }
        // With everything evicted the request fits alone, so it never waits for ever.
        if self.slots.is_empty() {
            self.forget_prefixes();
            return Some((None, whole));
        }
        None
    }

    /// The kept prefix to copy from. The last token of a prompt is always computed: its logits are what is wanted.
    fn best(&self, job: &Job) -> Option<(i32, usize)> {
        let (seq, shared) = self.prefixes.best(&job.prompt)?;
        Some((seq, shared.min(job.prompt.len() - 1)))
    }

    /// Starts keeping a new prefix, with room for `rest` more tokens beside it; `None` when there is no room now.
    fn keep(&mut self, beginning: Vec<LlamaToken>, rest: usize) -> Option<i32> {
        let source = self.prefixes.best(&beginning);
        if let Some((seq, _)) = source {
            self.prefixes.hold(seq);
        }
        let fits = self.make_room(beginning.len() + rest);
        if fits && !self.prefixes.has_free_seq() {
            self.evict();
        }
        if let Some((seq, _)) = source {
            self.prefixes.release(seq);
        }
        if !fits {
            return None;
        }
        let seq = self.prefixes.insert(beginning)?;
        if let Some((from, shared)) = source {
            let there = self
                .prefixes
                .get(from)
                .map_or(0, |prefix| prefix.computed.min(shared));
            if there > 0
                && self.copy(from, seq, there)
                && let Some(prefix) = self.prefixes.get_mut(seq)
            {
                prefix.computed = there;
            }
        }
        Some(seq)
    }

    fn make_room(&mut self, need: usize) -> bool {
        loop {
            let used = self.prefixes.cells() + self.slots.iter().map(|slot| slot.cells).sum::<usize>();
            if used + need <= self.cells {
                return true;
            }
            if !self.evict() {
                return false;
            }
        }
    }

    fn evict(&mut self) -> bool {
        let Some(seq) = self.prefixes.evict() else {
            return false;
        };
        self.clear_seq(seq);
        true
    }

    fn forget_prefixes(&mut self) {
        while self.evict() {}
    }

    /// How many tokens this prompt shares with one seen lately.
    fn observed(&self, prompt: &[LlamaToken]) -> usize {
        self.recent
            .iter()
            .map(|seen| common(seen, prompt))
            .max()
            .unwrap_or(0)
    }

    fn remember(&mut self, prompt: &[LlamaToken]) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(prompt.to_vec());
    }

    fn copy(&mut self, from: i32, to: i32, tokens: usize) -> bool {
        let Ok(end) = u32::try_from(tokens) else {
            return false;
        };
        match self.context.copy_kv_cache_seq(from, to, Some(0), Some(end)) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, from, to, tokens, "could not copy a sequence");
                false
            }
        }
    }

    /// Copies the beginnings that have become ready to the slots that wait for them.
    fn start_slots(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        for slot in slots.iter_mut().filter(|slot| !slot.started) {
            match slot.source {
                None => slot.copied(0),
                Some((prefix, tokens)) => {
                    if self
                        .prefixes
                        .get(prefix)
                        .is_some_and(|kept| kept.computed >= tokens)
                    {
                        let copied = self.copy(prefix, slot.seq, tokens);
                        slot.copied(if copied { tokens } else { 0 });
                    }
                }
            }
        }
        self.slots = slots;
    }

    /// Computes one batch and lets every slot whose tokens are all in take its next token.
    fn step(&mut self) -> Result<(), EngineError> {
        let Some(ready) = self.fill()? else { return Ok(()) };
        self.context
            .decode(&mut self.batch)
            .map_err(|error| EngineError::Compute {
                cause: error.to_string(),
            })?;
        let tokenizer = self.tokenizer.clone();
        let slots = std::mem::take(&mut self.slots);
        for mut slot in slots {
            let Some((_, index)) = ready.iter().find(|(seq, _)| *seq == slot.seq) else {
                self.slots.push(slot);
                continue;
            };
            let step = slot.advance(self.context.get_logits_ith(*index), tokenizer.tok_trie());
            self.settle(slot, step);
        }
        Ok(())
    }

    /// Puts the next tokens of everyone into the batch: answers first, then the prefixes that somebody waits for, then
    /// prompts. Returns the slots whose logits come with it, or `None` when there is nothing to compute.
    fn fill(&mut self) -> Result<Option<Vec<(i32, i32)>>, EngineError> {
        self.batch.clear();
        let mut room = self.batch_size;
        let mut ready = Vec::new();
        let add =
            |batch: &mut LlamaBatch<'static>, seq: i32, from: usize, tokens: &[LlamaToken], last: bool| {
                for (at, token) in tokens.iter().enumerate() {
                    let position = i32::try_from(from + at).map_err(compute)?;
                    batch
                        .add(*token, position, &[seq], last && at + 1 == tokens.len())
                        .map_err(compute)?;
                }
                Ok(())
            };
        for answering in [true, false] {
            if !answering {
                for prefix in self.prefixes.unfinished() {
                    let missing = prefix.tokens.get(prefix.computed..).unwrap_or_default();
                    let part = missing.get(..room.min(missing.len())).unwrap_or_default();
                    add(&mut self.batch, prefix.seq, prefix.computed, part, false)?;
                    room -= part.len();
                    prefix.computed += part.len();
                }
            }
            for slot in self
                .slots
                .iter_mut()
                .filter(|slot| slot.started && slot.answering() == answering)
            {
                let pending = slot.pending();
                let part = pending.get(..room.min(pending.len())).unwrap_or_default();
                if part.is_empty() {
                    continue;
                }
                let last = part.len() == pending.len();
                add(&mut self.batch, slot.seq, slot.computed, part, last)?;
                room -= part.len();
                let count = part.len();
                slot.computed += count;
                if last {
                    ready.push((slot.seq, self.batch.n_tokens() - 1));
                }
            }
        }
        Ok((self.batch.n_tokens() > 0).then_some(ready))
    }

    fn settle(&mut self, slot: Slot, step: Step) {
        match step {
            Step::Goes if slot.exhausted() => {
                self.free_seq(&slot);
                slot.end(super::request::Finish::Length);
            }
            Step::Goes => self.slots.push(slot),
            Step::Ended(finish) => {
                self.free_seq(&slot);
                slot.end(finish);
            }
            Step::Failed(error) => {
                self.free_seq(&slot);
                slot.fail(error);
            }
        }
    }

    /// After a failed computation nothing in the cache can be trusted: every running request fails and the cache is emptied.
    fn fail_all(&mut self, error: &EngineError) {
        tracing::error!(%error, "the local engine failed; its cache is cleared");
        for slot in std::mem::take(&mut self.slots) {
            self.free.push(slot.seq);
            slot.fail(EngineError::Compute {
                cause: error.to_string(),
            });
        }
        self.context.clear_kv_cache();
        self.prefixes.clear();
    }
}

fn compute(error: impl std::fmt::Display) -> EngineError {
    EngineError::Compute {
        cause: error.to_string(),
    }
}
