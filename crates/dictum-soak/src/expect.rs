//! What must come of a call, given what befalls it.

use dictum_core::lm::LmErrorKind;
use dictum_testkit::{Garble, Trouble};

use crate::plan::{ATTEMPTS, Dialect, Plan};

/// What one trouble does to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The answer is right all the same.
    None,
    /// An error of this kind, after which the call is made again.
    Retried(LmErrorKind),
    /// An error of this kind that ends the call.
    Final(LmErrorKind),
}

/// What a trouble does to a whole answer, or to a stream.
pub(crate) fn effect(trouble: Trouble, dialect: Dialect, streams: bool) -> Effect {
    use Effect::{Final, Retried};
    use LmErrorKind::{Decode, RateLimit, Server, Timeout, Transport, Unsupported};
    match (trouble, streams) {
        (
            Trouble::RateLimited
            | Trouble::RateLimitedInSeconds
            | Trouble::RateLimitedInMillis
            | Trouble::RateLimitedInWords,
            _,
        ) => Retried(RateLimit),
        (Trouble::ServerError | Trouble::BadGateway, _) => Retried(Server),
        (Trouble::NoHeaders | Trouble::StallAtStart, _) | (Trouble::StallInside, false) => Retried(Timeout),
        (Trouble::ResetAtStart, _) | (Trouble::ResetInside, false) => Retried(Transport),
        // What of a stream was handed on can't be taken back.
        (Trouble::ResetInside, true) => Final(Transport),
        (Trouble::StallInside, true) => Final(Timeout),
        (Trouble::Garbled(Garble::Truncated), true) => Final(Decode),
        // Frames have checksums: what is none is known at once, where other dialects wait for an event that never comes.
        (Trouble::Garbled(Garble::OtherForm) | Trouble::LongTold | Trouble::LongUntold, true)
            if dialect == Dialect::Bedrock =>
        {
            Retried(Decode)
        }
        // The next answer would be as long.
        (Trouble::LongTold | Trouble::LongUntold, _) => Final(Unsupported),
        (Trouble::Garbled(Garble::Empty | Garble::OtherForm), true) => Retried(Transport),
        (
            Trouble::Garbled(
                Garble::Truncated | Garble::Empty | Garble::Utf16 | Garble::Gzip | Garble::OtherForm,
            ),
            _,
        ) => Retried(Decode),
        (Trouble::SlowHeaders, _)
        | (Trouble::Garbled(Garble::SaysHtml | Garble::SaysGzip | Garble::Doubled), _) => Effect::None,
    }
}

/// Whether the server gives a right answer in spite of it.
pub(crate) fn answers(trouble: Trouble, dialect: Dialect, streams: bool) -> bool {
    effect(trouble, dialect, streams) == Effect::None
}

/// How a call must end, if nothing else cuts it short: after so many attempts, with the right answer or an error of this kind.
pub(crate) fn end(plan: &Plan) -> (u32, Option<LmErrorKind>) {
    let mut attempts = 0;
    for trouble in &plan.troubles {
        attempts += 1;
        match effect(*trouble, plan.dialect, plan.streams) {
            Effect::None => return (attempts, None),
            Effect::Final(kind) => return (attempts, Some(kind)),
            Effect::Retried(kind) if attempts == ATTEMPTS => return (attempts, Some(kind)),
            Effect::Retried(_) => {}
        }
    }
    (attempts + 1, None)
}
