//! A fake LM server and canned models, for the tests of Dictum.
//!
//! [`FakeServer`] speaks the providers' dialects over loopback and misbehaves on request ([`Trouble`] lists the ways);
//! [`RudeServer`] does not speak HTTP at all; [`TlsServer`] stands before either with a certificate of any kind;
//! [`FakeTuner`] trains models; [`CannedLm`] answers in process; [`listen`] gives one
//! test a subscriber of its own.

mod canned;
mod listen;
pub mod server;
mod tuner;

pub use canned::CannedLm;
pub use listen::{Listening, listen};
pub use server::{
    Asked, Authority, Certificate, Chat, FakeServer, Fault, Garble, Manners, Reply, RudeServer, Seen,
    TlsServer, Trouble, event_frame, exception_frame,
};
pub use tuner::{FakeTuner, Trained, TunerSeen};
