//! What is asked of the engine and what it answers.

use crate::error::EngineError;

/// How tokens are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0 always takes the likeliest token; 1 draws from the model's own distribution. Default 0.
    pub temperature: f32,
    /// Draw only from the likeliest tokens whose probabilities add up to this, in `(0, 1]`. Default 1 (all).
    pub top_p: f32,
    /// Seed of this request's generator; unused at temperature 0. Default 0.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
        }
    }
}

impl Sampling {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`EngineError::Setting`] for a temperature that is negative or not finite and a `top_p` outside `(0, 1]`.
    pub fn check(&self) -> Result<(), EngineError> {
        if !self.temperature.is_finite() || self.temperature < 0.0 {
            let cause = format!("{} is not a number from 0 up", self.temperature);
            return Err(EngineError::Setting {
                name: "temperature",
                cause,
            });
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            let cause = format!("{} is not in (0, 1]", self.top_p);
            return Err(EngineError::Setting { name: "top_p", cause });
        }
        Ok(())
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, the grammar was complete, or a stop string was met.
    Stop,
    /// `max_tokens` was reached.
    Length,
}

/// Tokens spent on one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Tokens of the prompt, the chat template's own included.
    pub prompt: usize,
    /// Of `prompt`: tokens whose state was kept from earlier calls, so that they cost nothing.
    pub cached: usize,
    /// Tokens of the answer.
    pub completion: usize,
    /// Of `completion`: tokens that the grammar left no choice about, so that they were not sampled.
    pub forced: usize,
}

/// What a request's channel carries, in order: any number of deltas, then `Done` or `Failed`.
#[derive(Debug)]
pub(crate) enum Event {
    Delta(String),
    Done(Finish, TokenCounts),
    Failed(EngineError),
}
