//! One request being answered: its sequence, its tokens, its grammar and its text.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use llama_cpp_2::token::LlamaToken;
use llguidance::Matcher;
use llguidance::toktrie::TokTrie;
use tokio::sync::mpsc::UnboundedSender;

use super::request::{Event, Finish, Sampling, TokenCounts};
use super::sampler::{self, Rng};
use super::text::TextOut;
use crate::error::EngineError;
use crate::grammar::Closing;

/// A request as it reaches the engine's thread.
pub(crate) struct Job {
    pub(crate) prompt: Vec<LlamaToken>,
    /// How many tokens at the start of `prompt` other requests are expected to share; `None` lets the engine observe it.
    pub(crate) shared: Option<usize>,
    pub(crate) max_tokens: usize,
    pub(crate) sampling: Sampling,
    pub(crate) stops: Vec<String>,
    pub(crate) matcher: Option<Matcher>,
    pub(crate) closing: Option<Closing>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) ticket: Ticket,
    pub(crate) events: UnboundedSender<Event>,
}

/// Counts a request among the unanswered as long as it lives.
pub(crate) struct Ticket(Arc<AtomicUsize>);

impl Ticket {
    pub(crate) fn new(unanswered: &Arc<AtomicUsize>) -> Self {
        unanswered.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(unanswered))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a step of a slot led to.
pub(crate) enum Step {
    Goes,
    Ended(Finish),
    Failed(EngineError),
}

/// A running request.
pub(crate) struct Slot {
    /// llama.cpp's sequence.
    pub(crate) seq: i32,
    /// The prompt and the answer so far.
    pub(crate) tokens: Vec<LlamaToken>,
    /// How many of `tokens` are in the KV cache.
    pub(crate) computed: usize,
    pub(crate) beginning: Beginning,
    /// Tokens of `tokens` that are the prompt.
    pub(crate) prompt: usize,
    /// How many tokens at the start of the prompt other requests are expected to share.
    pub(crate) shared: usize,
    cached: usize,
    forced: usize,
    max_tokens: usize,
    sampling: Sampling,
    rng: Rng,
    matcher: Option<Matcher>,
    text: TextOut,
    pub(crate) deadline: Option<Instant>,
    // Dropped before the answer's last event is sent; see `end`.
    ticket: Ticket,
    events: UnboundedSender<Event>,
}

/// Where the beginning of a slot's sequence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Not decided yet.
    Open,
    /// Another slot is computing this kept prefix; wait for it.
    Waits(u64),
    /// This slot computes this kept prefix, up to its `shared` tokens, then hands it over.
    Computes(u64),
    /// What could be had is there; the rest is computed.
    There,
}

impl Slot {
    /// Takes a request over and adds what its grammar forces before the first choice.
    pub(crate) fn open(seq: i32, shared: usize, job: Job, trie: &TokTrie) -> (Self, Step) {
        let rng = Rng::new(job.sampling.seed);
        let mut slot = Self {
            seq,
            prompt: job.prompt.len(),
            shared,
            tokens: job.prompt,
            computed: 0,
            beginning: Beginning::Open,
            cached: 0,
            forced: 0,
            max_tokens: job.max_tokens,
            sampling: job.sampling,
            rng,
            matcher: job.matcher,
            text: TextOut::new(job.stops, job.closing),
            deadline: job.deadline,
            ticket: job.ticket,
            events: job.events,
        };
        let step = slot.force(trie);
        (slot, step)
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn cancelled(&self) -> bool {
        self.events.is_closed()
    }

    /// Tokens not yet in the KV cache.
    pub(crate) fn pending(&self) -> &[LlamaToken] {
        self.tokens.get(self.computed..).unwrap_or_default()
    }

    /// Whether there is something to compute now.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.beginning, Beginning::Computes(_) | Beginning::There)
    }

    /// The beginning of this slot's sequence is in the KV cache without having been computed for it.
    pub(crate) fn given(&mut self, tokens: usize) {
        self.computed = tokens;
        self.cached = tokens;
    }

    /// Draws the next token from the logits behind the last one, and adds what the grammar then forces.
    pub(crate) fn advance(&mut self, logits: &[f32], trie: &TokTrie) -> Step {
        let allowed = match &mut self.matcher {
            Some(matcher) => match matcher.compute_mask_or_eos() {
                Ok(mask) => Some(mask.to_list()),
                Err(error) => {
                    return Step::Failed(EngineError::Grammar {
                        cause: error.to_string(),
                    });
                }
            },
            None => None,
        };
        let Some(id) = sampler::choose(logits, allowed.as_deref(), &self.sampling, &mut self.rng) else {
            return Step::Failed(EngineError::Compute {
                cause: "the model gave no usable logits".to_owned(),
            });
        };
        if let Some(matcher) = &mut self.matcher
            && let Err(error) = matcher.consume_token(id)
        {
            return Step::Failed(EngineError::Grammar {
                cause: error.to_string(),
            });
        }
        if trie.eos_tokens().contains(&id) {
            return Step::Ended(Finish::Stop);
        }
        match self.push(id, trie) {
            Step::Goes => self.force(trie),
            step => step,
        }
    }

    /// Appends the tokens that the grammar leaves no choice about. They are computed together with the next step, or never when
    /// the answer ends with them.
    fn force(&mut self, trie: &TokTrie) -> Step {
        let Some(matcher) = &mut self.matcher else {
            return Step::Goes;
        };
        let forced = matcher.consume_ff_tokens();
        if let Some(cause) = matcher.get_error() {
            return Step::Failed(EngineError::Grammar { cause });
        }
        let complete = matcher.is_stopped();
        for id in forced {
            if trie.eos_tokens().contains(&id) {
                return Step::Ended(Finish::Stop);
            }
            self.forced += 1;
            match self.push(id, trie) {
                Step::Goes => {}
                step => return step,
            }
        }
        if complete {
            Step::Ended(Finish::Stop)
        } else {
            Step::Goes
        }
    }

    fn push(&mut self, id: u32, trie: &TokTrie) -> Step {
        if self.tokens.len() - self.prompt >= self.max_tokens {
            return Step::Ended(Finish::Length);
        }
        self.tokens.push(LlamaToken(id.cast_signed()));
        let bytes = if trie.is_special_token(id) {
            &[]
        } else {
            trie.token(id)
        };
        let delta = self.text.push(bytes);
        self.say(delta);
        if self.text.stopped() {
            return Step::Ended(Finish::Stop);
        }
        Step::Goes
    }

    fn say(&self, delta: String) {
        if !delta.is_empty() {
            // A receiver that is gone shows as `cancelled` before the next step.
            let _ = self.events.send(Event::Delta(delta));
        }
    }

    /// Whether `max_tokens` is used up, so that nothing more needs to be computed.
    pub(crate) fn exhausted(&self) -> bool {
        self.tokens.len() - self.prompt >= self.max_tokens
    }

    /// Tells the caller that the answer is complete.
    pub(crate) fn end(mut self, finish: Finish) {
        let rest = self.text.finish(finish == Finish::Stop);
        self.say(rest);
        let counts = TokenCounts {
            prompt: self.prompt,
            cached: self.cached,
            completion: self.tokens.len() - self.prompt,
            forced: self.forced,
        };
        drop(self.ticket);
        let _ = self.events.send(Event::Done(finish, counts));
    }

    /// Tells the caller that there will be no answer.
    pub(crate) fn fail(self, error: EngineError) {
        drop(self.ticket);
        let _ = self.events.send(Event::Failed(error));
    }
}
