//! Programs: predictors composed by plain Rust, called in a [`Context`].

mod context;
mod inspect;
mod module;
mod overlay;
mod parameters;
mod predictor;
mod repair;
mod state;
pub mod stream;
mod trace;

pub use context::Context;
pub use module::{DynModule, Module};
pub use overlay::Overlay;
pub use parameters::{ParameterPath, Parameters, predictors};
pub use predictor::{Predictor, PredictorId};
pub use repair::Repair;
pub use state::{Demo, PredictorState};
pub use trace::{CallRecord, Purpose, Step, Trace};
