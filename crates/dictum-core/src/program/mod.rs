//! Programs: predictors composed by plain Rust, called in a [`Context`].

mod context;
mod inspect;
mod module;
mod number;
mod observer;
mod overlay;
mod parameters;
mod predictor;
pub(crate) mod reasoning;
mod recorded;
mod repair;
mod roster;
mod shards;
mod spans;
mod state;
pub mod stream;
mod text;
mod trace;
mod trace_file;

pub use context::Context;
pub use module::{DynModule, Module};
pub use number::Threshold;
pub use observer::Observer;
pub use overlay::Overlay;
pub use parameters::{Parameter, ParameterMut, ParameterPath, Parameters, predictors, texts, thresholds};
pub use predictor::{Predictor, PredictorId};
pub use recorded::{RecordedAnswer, RecordedCall, RecordedError, RecordedStep, RecordedTrace};
pub use repair::Repair;
pub use state::{Demo, PredictorState};
pub use text::TextParameter;
pub use trace::{CallRecord, Compared, Purpose, Step, Trace};
pub use trace_file::{TraceWriter, Written};
