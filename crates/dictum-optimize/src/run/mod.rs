//! The run folder: what the run is, its journal, its lock and its results.

mod folder;
mod identity;
mod journal;
mod layer;
mod record;

pub(crate) use folder::{Folder, file_error, pretty, problem, write_atomic};
pub(crate) use identity::Identity;
pub(crate) use journal::{CallLine, CallResult, Journal};
pub(crate) use layer::{JournalLayer, Scope, not_there};
pub use record::RunRecord;
