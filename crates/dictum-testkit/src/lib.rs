//! A fake LM server and canned models, for the tests of Dictum.
//!
//! [`FakeServer`] speaks OpenAI's chat completions over loopback and misbehaves on request; [`CannedLm`] answers in process.

mod canned;
pub mod server;

pub use canned::CannedLm;
pub use server::{Chat, FakeServer, Fault, Reply, Seen, event_frame, exception_frame};
