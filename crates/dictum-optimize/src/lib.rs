//! Compiling programs: the run engine and the optimizers of Dictum.
//!
//! An optimizer is a deterministic [`Strategy`] over a run engine that owns the budget, the rollouts and the journal. See
//! [`LabeledFewShot`], [`BootstrapFewShot`] and [`BootstrapRandomSearch`] for what each does, and [`Compiled`] for what
//! they give.

mod candidate;
mod compile;
mod compiled;
mod engine;
mod options;
mod plan;
mod report;
mod rng;
mod run;
mod scoreboard;
mod strategies;
mod strategy;

pub use candidate::{Candidate, InputKey, Role};
pub use compiled::{Compiled, Outcome};
pub use engine::{Phase, Progress};
pub use plan::{Part, Plan, Recipe};
pub use report::{CandidateReport, Pair, Prompts, Report};
pub use rng::Rng;
pub use scoreboard::Scoreboard;
pub use strategies::{BootstrapFewShot, BootstrapRandomSearch, LabeledFewShot};
pub use strategy::{Ask, Batch, Choice, Considered, Done, DoneStep, Job, Strategy};
