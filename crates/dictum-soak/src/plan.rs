//! What befalls each call, from the seed and the call's number alone: the server and its clients come to the same without a word.

use std::time::Duration;

use dictum_testkit::{Chat, Garble, Trouble};

/// The parts of the run. A call is known by its part and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Faults of all kinds, all layers.
    Faults,
    /// A budget that is too small.
    Budget,
    /// The server goes down and comes back.
    Outage,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Faults, Self::Budget, Self::Outage];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Faults => "faults",
            Self::Budget => "budget",
            Self::Outage => "outage",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Anthropic,
    Gemini,
    /// Signed, and streamed in frames.
    Bedrock,
}

impl Dialect {
    pub(crate) const ALL: [Self; 5] = [
        Self::Chat,
        Self::Responses,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "OpenAI chat",
            Self::Responses => "OpenAI Responses",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
            Self::Bedrock => "Bedrock",
        }
    }
}

/// What is to happen with one call.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The call whose request this one repeats: itself, or one that is in flight or was answered.
    pub(crate) of: u64,
    pub(crate) dialect: Dialect,
    pub(crate) streams: bool,
    /// What befalls the first attempts; then comes the right answer.
    pub(crate) troubles: Vec<Trouble>,
    /// Time before the headers of a right answer.
    pub(crate) latency: Duration,
    /// A deadline that may well pass.
    pub(crate) hasty: Option<Duration>,
}

/// Attempts of each call; what takes more is given up.
pub(crate) const ATTEMPTS: u32 = 4;

/// Of 100,000 calls about a quarter meet trouble. The weights: what costs a client seconds is rare, so that the run takes minutes.
const TROUBLES: [(Trouble, u64); 22] = [
    (Trouble::RateLimited, 60),
    (Trouble::RateLimitedInSeconds, 30),
    (Trouble::RateLimitedInMillis, 30),
    (Trouble::RateLimitedInWords, 30),
    (Trouble::ServerError, 90),
    (Trouble::BadGateway, 90),
    (Trouble::ResetAtStart, 60),
    (Trouble::ResetInside, 80),
    (Trouble::SlowHeaders, 40),
    (Trouble::NoHeaders, 6),
    (Trouble::StallAtStart, 6),
    (Trouble::StallInside, 10),
    (Trouble::LongTold, 4),
    (Trouble::LongUntold, 4),
    (Trouble::Garbled(Garble::Truncated), 80),
    (Trouble::Garbled(Garble::Empty), 40),
    (Trouble::Garbled(Garble::SaysHtml), 60),
    (Trouble::Garbled(Garble::Utf16), 40),
    (Trouble::Garbled(Garble::Gzip), 40),
    (Trouble::Garbled(Garble::SaysGzip), 40),
    (Trouble::Garbled(Garble::Doubled), 80),
    (Trouble::Garbled(Garble::OtherForm), 40),
];

/// The SplitMix64 generator: few lines, and every stream of it can be begun anywhere.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, part: Part, n: u64) -> Self {
        let mut dice = Self(seed ^ n.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ ((part as u64) << 56));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl Plan {
    /// What is to happen with this call.
    pub(crate) fn of(seed: u64, part: Part, n: u64) -> Self {
        let own = Self::own(seed, part, n);
        if part != Part::Faults || n == 0 {
            return own;
        }
        // Some repeat a request that is likely in flight, some one that was answered a while ago. Only of calls that go well:
        // what a broken one cost, those who share it can't tell from outside.
        let mut dice = Dice::new(!seed, part, n);
        let back = match dice.below(100) {
            0..5 => 1,
            5..10 => 700,
            _ => return own,
        };
        let Some(first) = n.checked_sub(back) else {
            return own;
        };
        let there = Self::of(seed, part, first);
        if there.of == first && there.troubles.is_empty() && there.hasty.is_none() {
            there
        } else {
            own
        }
    }

    fn own(seed: u64, part: Part, n: u64) -> Self {
        let mut dice = Dice::new(seed, part, n);
        let dialect = match dice.below(100) {
            0..52 => Dialect::Chat,
            52..64 => Dialect::Responses,
            64..76 => Dialect::Anthropic,
            76..88 => Dialect::Gemini,
            _ => Dialect::Bedrock,
        };
        let streams = dice.chance(50);
        let latency = Duration::from_millis(if dice.chance(20) { 5 + dice.below(25) } else { 0 });
        let mut troubles = Vec::new();
        let more = match part {
            Part::Faults => 25,
            Part::Budget => 30,
            Part::Outage => 0,
        };
        let mut chance = more;
        while dice.chance(chance) && troubles.len() < ATTEMPTS as usize {
            let trouble = match part {
                // Only what surely reaches the server and is surely tried again.
                Part::Budget => [Trouble::ServerError, Trouble::RateLimited, Trouble::BadGateway]
                    .get(dice.below(3) as usize)
                    .copied(),
                _ => drawn(&mut dice),
            };
            troubles.extend(trouble);
            chance = 35;
        }
        let hasty =
            (part == Part::Faults && dice.chance(3)).then(|| Duration::from_millis(20 + dice.below(200)));
        Self {
            of: n,
            dialect,
            streams,
            troubles,
            latency,
            hasty,
        }
    }
}

fn drawn(dice: &mut Dice) -> Option<Trouble> {
    let all: u64 = TROUBLES.iter().map(|(_, weight)| weight).sum();
    let mut at = dice.below(all);
    TROUBLES
        .iter()
        .find(|(_, weight)| {
            let here = at < *weight;
            at = at.wrapping_sub(*weight);
            here
        })
        .map(|(trouble, _)| *trouble)
}

/// What the user says: all that tells the server which call it is.
pub(crate) fn question(part: Part, n: u64) -> String {
    format!("soak:{}:{n}: what is the answer?", part.name())
}

/// The call that a body asks for.
pub(crate) fn asked(body: &[u8]) -> Option<(Part, u64)> {
    let at = body.windows(5).position(|window| window == b"soak:")?;
    let text = body.get(at..(at + 64).min(body.len()))?;
    let text = String::from_utf8_lossy(text);
    let mut words = text.split(':').skip(1);
    let name = words.next()?;
    let part = Part::ALL.into_iter().find(|part| part.name() == name)?;
    Some((part, words.next()?.parse().ok()?))
}

/// The right answer.
pub(crate) fn answer(part: Part, n: u64) -> Chat {
    let mut dice = Dice::new(77, part, n);
    // Long enough that a stream which breaks inside has brought some of it, in every dialect.
    let text = format!(
        "The answer to {} {n} is {} – ответ 🦀. {}",
        part.name(),
        dice.next(),
        "All is well. ".repeat(2 + dice.below(12) as usize)
    );
    let (input, output) = (40 + dice.below(100), 10 + dice.below(50));
    Chat {
        usage: Some([input, dice.below(30), output, 0]),
        ..Chat::text(text.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_again_in_every_part() {
        for part in Part::ALL {
            let body = format!("{{\"content\":\"{}\"}}", question(part, 1234));
            assert_eq!(asked(body.as_bytes()), Some((part, 1234)));
        }
        assert_eq!(asked(b"{}"), None);
    }

    #[test]
    fn every_trouble_befalls_some_call_and_most_calls_none() {
        let plans: Vec<Plan> = (0..20_000).map(|n| Plan::of(1, Part::Faults, n)).collect();
        for trouble in Trouble::ALL {
            assert!(
                plans.iter().any(|plan| plan.troubles.contains(&trouble)),
                "{trouble:?}"
            );
        }
        let calm = plans.iter().filter(|plan| plan.troubles.is_empty()).count();
        assert!((14_000..16_500).contains(&calm), "{calm}");
        assert!(plans.iter().zip(0..).any(|(plan, n)| plan.of != n));
    }
}
