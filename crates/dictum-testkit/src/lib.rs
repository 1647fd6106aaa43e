//! A fake LM server and canned models, for the tests of Dictum.
//!
//! [`FakeServer`] speaks the providers' dialects over loopback and misbehaves on request ([`Trouble`] lists the ways);
//! [`RudeServer`] does not speak HTTP at all; [`FakeTuner`] trains models; [`CannedLm`] answers in process.

mod canned;
pub mod server;
mod tuner;

pub use canned::CannedLm;
pub use server::{
    Asked, Chat, FakeServer, Fault, Garble, Manners, Reply, RudeServer, Seen, Trouble, event_frame,
    exception_frame,
};
pub use tuner::{FakeTuner, Trained, TunerSeen};
