//! Programs that show what they do while they do it.
//!
//! A program streams when it is called through [`Module::stream`](super::Module::stream) (or `stream` of a ready-made module): the
//! same call, made in a context that every predictor inside tells its events to. The events of a predictor carry its path; modules
//! inside tell under theirs when they begin and end; a module or tool of your own adds to them with
//! [`Context::status`](super::Context::status). The output at the end is the one that
//! `call` gives for the same answers, and the trace gets the same steps.
//!
//! Events wait in a channel of bounded length. When it is full, predictors stop reading from their models until the consumer has
//! taken some, so a slow consumer makes the models wait and no memory grows. Dropping the stream drops the call, and with it
//! its requests.
//!
//! - [`event`](Event): what happens, by predictor
//! - [`ProgramStream`]: the call under way
//! - [`Context::with_guard`](super::Context::with_guard): ending a call early
//! - [`sse`]: events for a browser

mod event;
mod guard;
mod inside;
mod live;
mod running;
mod sink;
mod sse;

pub use crate::parse::stream::FieldEvent;
pub use event::{Event, EventKind, Streamed};
pub use guard::{PartialField, Seen, Stopped};
pub use running::{ProgramStream, stream_shared};
pub use sse::{sse, sse_frame};

pub(super) use inside::{Inside, cause};
pub(super) use live::Live;
pub(super) use running::run;
pub(super) use sink::Streaming;
