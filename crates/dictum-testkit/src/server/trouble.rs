//! The ways in which servers, proxies and networks fail their callers, each by its name.

use std::time::Duration;

use super::{Fault, Garble, Reply};

/// What befalls a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Status 429 without a word on how long to wait.
    RateLimited,
    /// Status 429 with `retry-after` in seconds.
    RateLimitedInSeconds,
    /// Status 429 with `retry-after-ms`.
    RateLimitedInMillis,
    /// Status 429 whose body says how long to wait, in words.
    RateLimitedInWords,
    /// Status 500.
    ServerError,
    /// Status 502 with a proxy's page.
    BadGateway,
    /// The connection breaks after the headers, before anything of the body.
    ResetAtStart,
    /// The connection breaks in the middle of the body; of a stream, after some of its text.
    ResetInside,
    /// The headers take 300 ms.
    SlowHeaders,
    /// The headers don't come.
    NoHeaders,
    /// After the headers nothing comes.
    StallAtStart,
    /// In the middle of the body nothing more comes; of a stream, after some of its text.
    StallInside,
    /// A body of 100 MB, its length told beforehand.
    LongTold,
    /// A body of 100 MB, its length not told.
    LongUntold,
    /// A body that comes whole and is not what it should be.
    Garbled(Garble),
}

/// Longer than what callers read.
const LONG: usize = 100_000_000;
/// Where a body breaks: of a whole one after so many bytes, of a stream after so many events, by when all dialects have
/// brought some text.
const INSIDE: usize = 8;
/// Longer than any caller waits.
const FOREVER: Duration = Duration::from_secs(3600);

impl Trouble {
    /// Every trouble.
    pub const ALL: [Self; 22] = [
        Self::RateLimited,
        Self::RateLimitedInSeconds,
        Self::RateLimitedInMillis,
        Self::RateLimitedInWords,
        Self::ServerError,
        Self::BadGateway,
        Self::ResetAtStart,
        Self::ResetInside,
        Self::SlowHeaders,
        Self::NoHeaders,
        Self::StallAtStart,
        Self::StallInside,
        Self::LongTold,
        Self::LongUntold,
        Self::Garbled(Garble::Truncated),
        Self::Garbled(Garble::Empty),
        Self::Garbled(Garble::SaysHtml),
        Self::Garbled(Garble::Utf16),
        Self::Garbled(Garble::Gzip),
        Self::Garbled(Garble::SaysGzip),
        Self::Garbled(Garble::Doubled),
        Self::Garbled(Garble::OtherForm),
    ];

    /// Its name, for tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "429",
            Self::RateLimitedInSeconds => "429, retry-after in seconds",
            Self::RateLimitedInMillis => "429, retry-after-ms",
            Self::RateLimitedInWords => "429, wait told in the body",
            Self::ServerError => "500",
            Self::BadGateway => "502 with a page of HTML",
            Self::ResetAtStart => "reset before the body",
            Self::ResetInside => "reset inside the body",
            Self::SlowHeaders => "slow headers",
            Self::NoHeaders => "no headers",
            Self::StallAtStart => "stall before the body",
            Self::StallInside => "stall inside the body",
            Self::LongTold => "100 MB, length told",
            Self::LongUntold => "100 MB, length not told",
            Self::Garbled(Garble::Truncated) => "truncated JSON",
            Self::Garbled(Garble::Empty) => "empty body",
            Self::Garbled(Garble::SaysHtml) => "wrong content type",
            Self::Garbled(Garble::Utf16) => "wrong encoding (UTF-16)",
            Self::Garbled(Garble::Gzip) => "gzip, not asked for",
            Self::Garbled(Garble::SaysGzip) => "says gzip, and isn't",
            Self::Garbled(Garble::Doubled) => "duplicate events",
            Self::Garbled(Garble::OtherForm) => "stream for whole, and vice versa",
        }
    }

    /// What comes in place of a right reply.
    #[must_use]
    pub fn befalls(self, right: Reply) -> Reply {
        const LIMITED: &str = "Rate limit reached for requests.";
        let limited = |message: &str| Reply::error(429, "requests", "rate_limit_exceeded", message);
        match self {
            Self::RateLimited => limited(LIMITED),
            Self::RateLimitedInSeconds => limited(LIMITED).header("retry-after", "0.02"),
            Self::RateLimitedInMillis => limited(LIMITED).header("retry-after-ms", "20"),
            Self::RateLimitedInWords => limited("Rate limit reached for requests. Please try again in 20ms."),
            Self::ServerError => Reply::server_error(),
            Self::BadGateway => Reply::bad_gateway(),
            Self::ResetAtStart => right.broken(Fault::Reset(0)),
            Self::ResetInside => right.broken(Fault::Reset(INSIDE)),
            Self::SlowHeaders => right.after(Duration::from_millis(300)),
            Self::NoHeaders => right.after(FOREVER),
            Self::StallAtStart => right.broken(Fault::Stall(0)),
            Self::StallInside => right.broken(Fault::Stall(INSIDE)),
            Self::LongTold => Reply::long(LONG, true),
            Self::LongUntold => Reply::long(LONG, false),
            Self::Garbled(garble) => right.garbled(garble),
        }
    }
}
