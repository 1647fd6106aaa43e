//! The engine's thread: it owns the llama.cpp context, admits requests and computes them together.
//!
//! # The same answer whatever else runs
//!
//! What a request gets must not depend on which requests run beside it or what was kept from before, down to the last bit of
//! the logits: a tie decided otherwise would make a compiled program differ from run to run. Measured on llama.cpp's CPU kernels,
//! that holds under these rules, and this file, [`chunk`] and [`super::start`](super::Engine::start) keep them:
//!
//! - Every sequence has a KV stream of its own (no unified cache), so that the order in which attention adds up its terms
//!   is the order of the sequence's own tokens.
//! - Flash attention is off: its blocks depend on how many rows are computed together.
//! - A matrix product takes another way through the kernels for rows outside of groups of four, and again for fewer than eight
//!   rows. So every token must be computed in the same kind of company each time, in the last layer too, where only the rows
//!   count whose logits are asked for. Prompts are computed in groups of eight but for their end, and reused in groups of
//!   eight. Single tokens of answers are computed eight sequences at a time, filled up with idle ones if need be, with logits
//!   for all; or always alone in an engine for one request at a time. Only prompts are reused, never answers.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::session::{LlamaStateSeqFlags, SeqState};
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use llguidance::toktrie::TokEnv;

use super::chunk;
use super::prefix::{PrefixCache, Progress, common};
use super::request::{Event, Finish};
use super::slot::{Beginning, Job, Slot, Step};
use crate::error::EngineError;

/// Fewer shared tokens than this are not worth a snapshot.
const WORTH_KEEPING: usize = 32;
/// A beginning that misses at most this many of the tokens that could be shared is good enough.
const GOOD_ENOUGH: usize = 16;
/// Prompts remembered to observe what unannounced requests share.
const REMEMBERED: usize = 8;

/// A sequence that no request uses; what is in it may be of use to the next.
struct Idle {
    seq: i32,
    tokens: Vec<LlamaToken>,
}

pub(crate) struct Worker<'model> {
    context: LlamaContext<'model>,
    batch: LlamaBatch<'static>,
    batch_size: usize,
    tokenizer: TokEnv,
    jobs: Receiver<Job>,
    waiting: VecDeque<Job>,
    slots: Vec<Slot>,
    idle: Vec<Idle>,
    parallel: usize,
    /// Answers computed together, at least: a group, or one where there is never another.
    rows: i32,
    prefixes: PrefixCache<SeqState>,
    recent: VecDeque<Vec<LlamaToken>>,
    open: bool,
}

impl<'model> Worker<'model> {
    pub(crate) fn new(
        context: LlamaContext<'model>,
        tokenizer: TokEnv,
        jobs: Receiver<Job>,
        sequences: i32,
        parallel: usize,
        prefix_bytes: usize,
    ) -> Self {
        let batch_size = context.n_batch() as usize;
        Self {
            batch: LlamaBatch::new(batch_size, 1),
            batch_size,
            context,
            tokenizer,
            jobs,
            waiting: VecDeque::new(),
            slots: Vec::new(),
            idle: (0..sequences)
                .map(|seq| Idle {
                    seq,
                    tokens: Vec::new(),
                })
                .collect(),
            parallel,
            rows: sequences.min(chunk::ROWS as i32),
            prefixes: PrefixCache::new(prefix_bytes),
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
            if let Err(error) = self.work() {
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

    /// Lets go of requests that nobody waits for any more or whose deadline has passed.
    fn drop_cancelled(&mut self) {
        let now = Instant::now();
        let late = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        self.waiting.retain(|job| {
            if late(job.deadline) {
                let _ = job.events.send(Event::Failed(EngineError::Deadline));
            }
            !late(job.deadline) && !job.events.is_closed()
        });
        for slot in std::mem::take(&mut self.slots) {
            if slot.cancelled() {
                tracing::debug!(seq = slot.seq, "request cancelled");
                self.vacate(&slot);
            } else if late(slot.deadline) {
                self.vacate(&slot);
                slot.fail(EngineError::Deadline);
            } else {
                self.slots.push(slot);
            }
        }
    }

    /// Gives a slot's sequence back. Its prompt stays in it, for the next request that begins the same.
    fn vacate(&mut self, slot: &Slot) {
        if let Beginning::Computes(id) = slot.beginning {
            self.prefixes.abandon(id);
        }
        let keep = chunk::whole(slot.prompt.min(slot.computed));
        let kept = self.trim(slot.seq, keep);
        let tokens = slot.tokens.get(..kept).unwrap_or_default().to_vec();
        self.idle.push(Idle {
            seq: slot.seq,
            tokens,
        });
    }

    /// Cuts a sequence down to its first `keep` tokens; returns how many are left.
    fn trim(&mut self, seq: i32, keep: usize) -> usize {
        let from = u32::try_from(keep).ok().filter(|from| *from > 0);
        match self
            .context
            .clear_kv_cache_seq(Some(seq.cast_unsigned()), from, None)
        {
            Ok(true) => keep,
            // Models with recurrent state can only be cleared whole.
            _ => {
                if let Err(error) = self
                    .context
                    .clear_kv_cache_seq(Some(seq.cast_unsigned()), None, None)
                {
                    tracing::warn!(%error, seq, "could not clear a sequence");
                }
                0
            }
        }
    }

    /// Gives waiting requests a slot, in order, and decides where the beginnings of their sequences come from.
    fn admit(&mut self) {
        while self.slots.len() < self.parallel {
            let Some(job) = self.waiting.pop_front() else {
                break;
            };
            let Some(idle) = self.choose_idle(&job.prompt) else {
                self.waiting.push_front(job);
                break;
            };
            let expected = job.shared.unwrap_or_else(|| self.observed(&job.prompt));
            let shared = chunk::reusable(expected, job.prompt.len());
            self.remember(&job.prompt);
            let there = chunk::reusable(common(&idle.tokens, &job.prompt), job.prompt.len());
            // What the prompt does not share goes now: a slot that waits may be a filler, at the first position not computed.
            let there = self.trim(idle.seq, there);
            let tokenizer = self.tokenizer.clone();
            let (mut slot, step) = Slot::open(idle.seq, shared, job, tokenizer.tok_trie());
            slot.given(there);
            self.settle(slot, step);
        }
        let mut slots = std::mem::take(&mut self.slots);
        for slot in &mut slots {
            let undecided = match slot.beginning {
                Beginning::Open => true,
                Beginning::Waits(id) => self.prefixes.progress(id) != Progress::Computing,
                Beginning::Computes(_) | Beginning::There => false,
            };
            if undecided {
                self.decide(slot);
            }
        }
        self.slots = slots;
    }

    /// Takes an idle sequence that has most of the prompt already. Among equals the first, so that the sequences in use lie close
    /// together: gaps between them cost computing.
    fn choose_idle(&mut self, prompt: &[LlamaToken]) -> Option<Idle> {
        let shared: Vec<usize> = self
            .idle
            .iter()
            .map(|idle| common(&idle.tokens, prompt))
            .collect();
        let most = shared.iter().copied().max()?;
        let (at, _) = (0..)
            .zip(shared)
            .filter(|(_, shared)| shared + GOOD_ENOUGH >= most)
            .min_by_key(|(at, _)| self.idle.get(*at).map(|idle| idle.seq))?;
        Some(self.idle.swap_remove(at))
    }

    /// Fills the beginning of a slot's sequence from what is there, or says who computes it.
    fn decide(&mut self, slot: &mut Slot) {
        let limit = chunk::reusable(slot.prompt, slot.prompt);
        let own = slot.computed;
        let prompt = slot.tokens.get(..slot.prompt).unwrap_or_default();
        let kept = self
            .prefixes
            .best(prompt)
            .map(|(id, shared)| (id, shared.min(limit)));
        let covered = kept.map_or(0, |(_, shared)| shared);
        let wanted = slot.shared >= WORTH_KEEPING && covered + GOOD_ENOUGH < slot.shared;
        let mut compute = None;
        if wanted && own < slot.shared {
            let coming = self.prefixes.computing(prompt);
            if let Some((id, _)) = coming.filter(|(_, shared)| shared + GOOD_ENOUGH >= slot.shared) {
                slot.beginning = Beginning::Waits(id);
                return;
            }
        }
        if wanted {
            compute = Some(
                self.prefixes
                    .begin(prompt.get(..slot.shared).unwrap_or_default().to_vec()),
            );
        }
        let boundary = if compute.is_some() { slot.shared } else { limit };
        let there = match kept {
            Some((id, shared)) if shared > own => {
                self.restore(slot.seq, id, chunk::whole(shared.min(boundary)))
            }
            _ => self.trim(slot.seq, chunk::whole(own.min(boundary))),
        };
        slot.given(there);
        slot.beginning = compute.map_or(Beginning::There, Beginning::Computes);
        self.hand_over(slot);
    }

    /// Loads a kept prefix into a sequence; returns how many tokens are there then.
    fn restore(&mut self, seq: i32, id: u64, keep: usize) -> usize {
        self.trim(seq, 0);
        let Some(state) = self.prefixes.state(id) else {
            return 0;
        };
        if let Err(error) = self.context.state_seq_set(state, seq) {
            tracing::warn!(%error, seq, "could not restore a kept prefix");
            return self.trim(seq, 0);
        }
        self.trim(seq, keep)
    }

    /// Takes the snapshot when a slot has computed just the tokens that others wait for.
    fn hand_over(&mut self, slot: &mut Slot) {
        let Beginning::Computes(id) = slot.beginning else {
            return;
        };
        if slot.computed < slot.shared {
            return;
        }
        slot.beginning = Beginning::There;
        match self.context.state_seq_get(slot.seq, LlamaStateSeqFlags::empty()) {
            Ok(state) => {
                let bytes = state.byte_len();
                self.prefixes.finish(id, state, bytes);
            }
            Err(error) => {
                tracing::warn!(%error, "could not keep a prefix");
                self.prefixes.abandon(id);
            }
        }
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

    /// One step of every answer that needs a single token computed, then one chunk of the oldest request that needs more.
    fn work(&mut self) -> Result<(), EngineError> {
        self.step_singles()?;
        self.step_chunk()
    }

    fn step_singles(&mut self) -> Result<(), EngineError> {
        let mut seqs: Vec<i32> = self
            .slots
            .iter()
            .filter(|slot| slot.runs() && slot.pending().len() == 1)
            .map(|slot| slot.seq)
            .collect();
        seqs.sort_unstable();
        let (Some(first), Some(last)) = (seqs.first().copied(), seqs.last().copied()) else {
            return Ok(());
        };
        // llama.cpp computes neighbouring sequences in one go, so gaps are filled.
        let (first, last) = (first - first % self.rows, last - last % self.rows + self.rows - 1);
        self.batch.clear();
        let mut fillers = Vec::new();
        for seq in first..=last {
            let wanted = if seqs.contains(&seq) {
                self.slots.iter().find(|slot| slot.seq == seq)
            } else {
                None
            };
            if let Some(slot) = wanted {
                let token = slot.pending().first().copied().unwrap_or(LlamaToken(0));
                self.batch
                    .add(token, position(slot.computed)?, &[seq], true)
                    .map_err(compute)?;
            } else {
                let at = self.make_filler(seq);
                self.batch
                    .add(LlamaToken(0), position(at)?, &[seq], true)
                    .map_err(compute)?;
                fillers.push((seq, at));
            }
        }
        self.context.decode(&mut self.batch).map_err(compute)?;
        for (seq, at) in fillers {
            self.trim(seq, at);
        }
        for slot in std::mem::take(&mut self.slots) {
            if seqs.contains(&slot.seq) {
                let row = slot.seq - first;
                self.advance(slot, 1, row)?;
            } else {
                self.slots.push(slot);
            }
        }
        Ok(())
    }

    /// The position at which a sequence that has nothing to compute can take one token to fill a gap.
    fn make_filler(&mut self, seq: i32) -> usize {
        let full = self.sequence_limit();
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.seq == seq) {
            // A slot's own tokens always leave room: its last token is never computed before the answer ends.
            return slot.computed;
        }
        let Some(idle) = self.idle.iter_mut().find(|idle| idle.seq == seq) else {
            return 0;
        };
        if idle.tokens.len() >= full {
            idle.tokens.clear();
            self.trim(seq, 0);
            return 0;
        }
        idle.tokens.len()
    }

    fn sequence_limit(&self) -> usize {
        super::sequence_limit(&self.context, self.slots.len() + self.idle.len())
    }

    fn step_chunk(&mut self) -> Result<(), EngineError> {
        let Some(at) = self
            .slots
            .iter()
            .position(|slot| slot.runs() && slot.pending().len() > 1)
        else {
            return Ok(());
        };
        let mut slot = self.slots.remove(at);
        let boundary = match slot.beginning {
            Beginning::Computes(_) => slot.shared - slot.computed,
            _ => slot.pending().len(),
        };
        let count = chunk::length(boundary, self.batch_size);
        let last = count == slot.pending().len();
        self.batch.clear();
        for (i, token) in slot.pending().iter().take(count).enumerate() {
            let position = position(slot.computed + i)?;
            self.batch
                .add(*token, position, &[slot.seq], last && i + 1 == count)
                .map_err(compute)?;
        }
        if let Err(error) = self.context.decode(&mut self.batch) {
            // Back among the others, so that it hears of the failure too.
            self.slots.push(slot);
            return Err(compute(error));
        }
        if last {
            let row = position(count - 1)?;
            return self.advance(slot, count, row);
        }
        slot.computed += count;
        self.hand_over(&mut slot);
        self.slots.insert(at.min(self.slots.len()), slot);
        Ok(())
    }

    /// `count` more tokens of a slot are computed, all it had; its logits came with the batch's row `row`.
    fn advance(&mut self, mut slot: Slot, count: usize, row: i32) -> Result<(), EngineError> {
        slot.computed += count;
        self.hand_over(&mut slot);
        let tokenizer = self.tokenizer.clone();
        let step = slot.advance(self.context.get_logits_ith(row), tokenizer.tok_trie());
        self.settle(slot, step);
        Ok(())
    }

    fn settle(&mut self, slot: Slot, step: Step) {
        let step = match step {
            Step::Goes if slot.exhausted() => Step::Ended(Finish::Length),
            step => step,
        };
        match step {
            Step::Goes => self.slots.push(slot),
            Step::Ended(finish) => {
                self.vacate(&slot);
                slot.end(finish);
            }
            Step::Failed(error) => {
                self.vacate(&slot);
                slot.fail(error);
            }
        }
    }

    /// After a failed computation nothing in the cache can be trusted: every running request fails and the cache is emptied.
    /// Snapshots of prefixes stay good.
    fn fail_all(&mut self, error: &EngineError) {
        tracing::error!(%error, "the local engine failed; its cache is cleared");
        for slot in std::mem::take(&mut self.slots) {
            self.vacate(&slot);
            slot.fail(EngineError::Compute {
                cause: error.to_string(),
            });
        }
        self.context.clear_kv_cache();
        for idle in &mut self.idle {
            idle.tokens.clear();
        }
    }
}

fn position(at: usize) -> Result<i32, EngineError> {
    i32::try_from(at).map_err(compute)
}

fn compute(error: impl std::fmt::Display) -> EngineError {
    EngineError::Compute {
        cause: error.to_string(),
    }
}
