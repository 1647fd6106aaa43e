//! Compiling programs: the run engine and the optimizers of Dictum.
//!
//! ```no_run
//! # async fn example(ctx: dictum_core::program::Context, program: dictum_core::modules::Predict,
//! #     trainset: Vec<dictum_core::data::Example>, valset: Vec<dictum_core::data::Example>,
//! #     testset: Vec<dictum_core::data::Example>) -> dictum_core::Result<()> {
//! use dictum_core::{lm::Budget, metrics::exact_match};
//! use dictum_optimize::BootstrapRandomSearch;
//!
//! let compiled = BootstrapRandomSearch::new()
//!     .candidates(8)
//!     .seed(7)
//!     .budget(Budget::calls(2_000))
//!     .run_dir("runs/triage") // goes on from here after a crash
//!     .confirm_on(&testset)
//!     .compile(&ctx, &program, &trainset, &valset, exact_match("team"))
//!     .await?;
//! println!("{}", compiled.report);
//! compiled.save("triage.json")?;
//! # Ok(()) }
//! ```
//!
//! An optimizer is a deterministic [`Strategy`]: a state machine that asks for rollouts and is told what came of them. The
//! run engine does the rest, and promises:
//!
//! - **The same result.** Same program, data, seed and answers give the same bytes, whatever the concurrency.
//! - **Resume is replay.** Every finished call and rollout is written to the run folder as it ends. The same run started
//!   again is answered from there; `kill -9` loses at most the calls in flight. (A power failure may lose more: lines are
//!   handed to the operating system, not forced to the disk.)
//! - **Hard budgets.** The limit of calls is exact. What it has room for is decided in the strategy's order, not by what
//!   ends first. A candidate whose scoring it cuts short is not considered.
//! - **Honest outcomes.** The winner is compared with the program as it was by a paired test, on a test set where there is
//!   one. A gain that may be chance is called so, and the program stays as it was. Demonstrations are left out when the
//!   example they were made from is asked. Failures are rows with causes.

mod bound;
mod candidate;
mod compile;
mod compiled;
mod cost;
mod engine;
mod front;
mod headroom;
mod options;
mod plan;
mod race;
mod recompile;
mod report;
mod rng;
mod run;
mod scoreboard;
mod stop;
mod strategies;
mod strategy;

pub use candidate::{Candidate, InputKey, Role};
pub use compile::Forecast;
pub use compiled::{Compiled, Outcome, Picked, Ranked};
pub use cost::{Cost, MeanCost, Objective};
pub use engine::{Phase, Progress};
pub use front::Pick;
pub use headroom::Headroom;
pub use options::Optimizer;
pub use plan::{Part, Plan, Recipe, TextPart, ThresholdPart};
pub use recompile::{Recompile, Recompiled};
pub use report::{CandidateReport, FrontRow, Pair, Prompts, Report};
pub use rng::Rng;
pub use run::RunRecord;
pub use scoreboard::Scoreboard;
pub use stop::Stop;
pub use strategies::{
    Auto, BootstrapFewShot, BootstrapFinetune, BootstrapRandomSearch, CheapestWithin, Copro, Custom, Effort,
    Gepa, InferRules, KnnFewShot, LabeledFewShot, MiproV2, Neighbours, ReAnchor, Sequence, Sequenced, Simba,
    Space,
};
pub use strategies::{finetune, gepa};
pub use strategy::{Ask, Batch, Choice, Considered, Done, DoneStep, Job, Saving, Strategy};
