//! The budget, and the arguments that make a search of that size. One number stands for both systems.

use serde::Serialize;

use crate::args::Args;
use crate::tasks::Task;

/// The model that does the task.
pub(crate) const TASK_MODEL: &str = "qwen2.5-coder-0.5b";
/// The model that proposes.
pub(crate) const PROPOSER: &str = "qwen2.5-coder-1.5b";
/// Tokens of a prompt and its answer.
pub(crate) const CONTEXT: u32 = 8192;
/// Calls in flight.
pub(crate) const CONCURRENCY: usize = 8;
/// Most tokens of an answer of the task's model.
pub(crate) const TASK_TOKENS: u32 = 100;
/// Most tokens of a proposal.
pub(crate) const PROPOSER_TOKENS: u32 = 400;
/// Most demonstrations: made by the program, and in all.
pub(crate) const BOOTSTRAPPED: usize = 4;
pub(crate) const LABELED: usize = 8;

/// How large everything is.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Plan {
    pub(crate) train: usize,
    pub(crate) val: usize,
    pub(crate) test: usize,
    /// Calls of models that a search may make, proposals included. Dictum holds to it; DSPy has no such limit.
    pub(crate) calls: u64,
    /// Random candidates of the random search.
    pub(crate) random: usize,
    /// Choices of instructions and of demonstrations, and trials, of MIPROv2.
    pub(crate) choices: usize,
    pub(crate) trials: usize,
    /// Rollouts of GEPA.
    pub(crate) rollouts: usize,
    /// Batch, candidates and steps of SIMBA.
    pub(crate) batch: usize,
    pub(crate) candidates: usize,
    pub(crate) steps: usize,
}

impl Plan {
    pub(crate) fn of(args: &Args, task: Task) -> Self {
        let questions = Self {
            train: 32,
            val: 25,
            test: 100,
            calls: 200,
            random: 3,
            choices: 3,
            trials: 5,
            rollouts: 180,
            batch: 6,
            candidates: 3,
            steps: 2,
        };
        let whole = match task {
            Task::Questions => questions,
            // A rollout is two calls here.
            Task::Reviews => Self {
                calls: 300,
                random: 2,
                trials: 4,
                rollouts: 135,
                batch: 4,
                ..questions
            },
        };
        if !args.quick {
            return whole;
        }
        Self {
            train: 8,
            val: 6,
            test: 6,
            calls: whole.calls / 4,
            random: 1,
            choices: 2,
            trials: 2,
            rollouts: 18,
            batch: 3,
            candidates: 2,
            steps: 1,
        }
    }
}
