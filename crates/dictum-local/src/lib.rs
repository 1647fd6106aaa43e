//! Dictum's embedded default: a GGUF language model that runs in this process, through llama.cpp.
//!
//! ```no_run
//! use dictum_core::lm::Lm;
//! use dictum_local::LocalModel as _;
//!
//! # fn main() -> Result<(), dictum_core::lm::LmError> {
//! let lm = Lm::local().build()?; // the default model, where `dictum models fetch` has put it
//! # Ok(())
//! # }
//! ```
//!
//! - [`LocalLm`] is the engine as a [`dictum_core::lm::LanguageModel`]; [`LocalBuilder`] sets it up.
//! - [`embedder()`] turns texts into vectors in this process: a [`dictum_core::embed::Embedder`].
//! - [`models`] knows which models there are and fetches them. Nothing else in this crate touches the network, and nothing is ever
//!   downloaded that was not asked for.
//! - [`Engine`] is what is underneath, for those who want tokens and grammars without the rest of Dictum.
//!
//! # How it is quick
//!
//! Calls that run at the same time are computed together. What is computed for a prompt's shared beginning (a program's
//! instructions and demonstrations) is kept and copied, within a limit of memory. Answers are decoded under a grammar made from
//! the output fields: text that the grammar leaves no choice about isn't sampled but computed in one go with what follows, and
//! not at all when the answer ends with it. `cargo bench -p dictum-local` compares this with naive use of the same library.
//!
//! # What is the same every time
//!
//! With the same model file, build and machine, a call with the same messages, settings and sample index has the same answer,
//! whichever calls run beside it and whatever was kept from before: down to the last bit of the logits, on the CPU. The price is a
//! lone answer that is computed in batches of two. Another machine or version of llama.cpp may round otherwise and
//! decide a near tie otherwise. On a GPU only the seed is honoured.
//!
//! # Building and running
//!
//! Building needs cmake, a C++ compiler and libclang. Leave `target-cpu` alone or use `x86-64-v3`: with `native`, processors that
//! have AMX crash in llama.cpp's matrix code. llama.cpp's threads spin while they wait for each other; on a machine
//! that is busy with other work set `GOMP_SPINCOUNT=0` before the process starts, or use one thread.

mod embed;
mod engine;
mod error;
mod grammar;
mod lm;
pub mod models;

pub use embed::{EmbedderBuilder, LocalEmbedder, embedder};
pub use engine::{
    Answer, ChatMessage, Delta, Deltas, Engine, EngineConfig, Finish, Generate, Prompt, Sampling, TokenCounts,
};
pub use error::EngineError;
pub use lm::{LocalBuilder, LocalLm, LocalModel};
